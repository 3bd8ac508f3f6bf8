//! Whether Tencent can be reached and takes the credential.

use super::findings::{Findings, PATIENCE};
use crate::config::Settings;
use crate::domain::{Answer, Failure};
use crate::telemetry::causes;
use crate::tencent::{self, Checked, Client, Credential, Refused};

pub(super) async fn check(settings: &Settings, found: &mut Findings) {
    let tencent = &settings.tencent;
    let client = match Client::new(tencent.clone()) {
        Ok(client) => client,
        Err(error) => return found.wrong("MODGATE_TENCENT_URL", causes(&error)),
    };
    let host = client.host();
    match client.check(tencent.timeout.min(PATIENCE)).await {
        Checked::Answered(answer) => judge(tencent, host, &answer, found),
        Checked::Stranger(status) => found.wrong(
            way(tencent),
            format_args!("what answers at {host} (HTTP status {status}) is not Tencent's API"),
        ),
        Checked::Lost { failure, causes } => found.wrong(
            &unreached(tencent, failure, &causes),
            format_args!("{host} cannot be asked: {causes}"),
        ),
    }
}

/// What leads to Tencent.
const fn way(tencent: &tencent::Settings) -> &'static str {
    match tencent.proxy {
        Some(_) => "MODGATE_TENCENT_PROXY or MODGATE_TENCENT_URL",
        None => "MODGATE_TENCENT_URL",
    }
}

/// What to change when nobody answered. A certificate that is not trusted has no type of its own
/// that could be asked for, only a text.
fn unreached(tencent: &tencent::Settings, failure: Failure, causes: &str) -> String {
    if failure == Failure::Connect && causes.contains("certificate") {
        return "MODGATE_CA_FILE".to_owned();
    }
    if failure == Failure::TimedOut {
        return format!("{} or MODGATE_TENCENT_TIMEOUT", way(tencent));
    }
    way(tencent).to_owned()
}

fn judge(tencent: &tencent::Settings, host: &str, answer: &Answer, found: &mut Findings) {
    let Answer {
        error_code,
        error_info,
        ..
    } = answer;
    let refused = tencent::refused(*error_code);
    if refused == Refused::No {
        let (admin, app) = (&tencent.admin, tencent.sdk_app_id);
        return found.ok(format_args!(
            "{host} takes the credential of {admin} of app {app}"
        ));
    }
    let setting = culprit(tencent, refused);
    found.wrong(
        setting,
        format_args!("{host} says {error_code} {error_info:?}"),
    );
}

/// What to change when Tencent refused.
const fn culprit(tencent: &tencent::Settings, refused: Refused) -> &'static str {
    let is_minted = matches!(tencent.credential, Credential::SecretKey(_));
    match (refused, is_minted) {
        (Refused::Credential, true) => {
            "MODGATE_TENCENT_SECRET_KEY (is it that of MODGATE_TENCENT_SDK_APP_ID?)"
        }
        (Refused::Expired, true) => "MODGATE_TENCENT_USERSIG_TTL, or this machine's clock",
        (Refused::Credential | Refused::Expired, false) => "MODGATE_TENCENT_USERSIG",
        (Refused::Admin, true) => "MODGATE_TENCENT_ADMIN",
        (Refused::Admin, false) => "MODGATE_TENCENT_ADMIN or MODGATE_TENCENT_USERSIG",
        (Refused::App, true) => "MODGATE_TENCENT_SDK_APP_ID or MODGATE_TENCENT_URL (region)",
        (Refused::App, false) => {
            "MODGATE_TENCENT_SDK_APP_ID, MODGATE_TENCENT_USERSIG or MODGATE_TENCENT_URL (region)"
        }
        (Refused::Address, _) => "MODGATE_TENCENT_URL (region)",
        (Refused::ForNow, _) => "no setting, try again in a minute",
        (Refused::No | Refused::Console, _) => "no setting, see Tencent's console",
    }
}
