//! The settings of the Tencent client.

use super::Reader;
use super::parse::{self, AT_MOST_AN_HOUR};
use crate::{telemetry, tencent};

pub(super) fn settings(reader: &mut Reader<'_>) -> Option<tencent::Settings> {
    let url = tencent_url(reader);
    let proxy = reader.secret("MODGATE_TENCENT_PROXY");
    let roots = reader.text("MODGATE_CA_FILE");
    let roots = roots.and_then(|path| reader.file("MODGATE_CA_FILE", &path));
    let sdk_app_id = reader
        .required("MODGATE_TENCENT_SDK_APP_ID")
        .and_then(|text| {
            let number = parse::number(&text, 1, u32::MAX);
            number
                .map_err(|rule| reader.fault("MODGATE_TENCENT_SDK_APP_ID", rule))
                .ok()
        });
    let admin = reader.text("MODGATE_TENCENT_ADMIN");
    let credential = credential(reader);
    let usersig_ttl = reader.with("MODGATE_TENCENT_USERSIG_TTL", parse::usersig_ttl);
    let kick_field = reader.with("MODGATE_TENCENT_KICK_FIELD", |text| {
        tencent::KickField::try_from(text)
    });
    let timeout = reader.duration("MODGATE_TENCENT_TIMEOUT", AT_MOST_AN_HOUR);
    let settings = tencent::Settings {
        url: url?,
        proxy,
        further_roots: roots.map(String::into_bytes),
        sdk_app_id: sdk_app_id?,
        admin: admin?,
        credential: credential?,
        usersig_ttl: usersig_ttl?,
        kick_field: kick_field?,
        timeout: timeout?,
    };
    let tried = tencent::Client::new(settings.clone());
    let fault = |error| reader.fault(tencent_variable(&error), telemetry::causes(&error));
    tried.map_err(fault).ok().map(|_client| settings)
}

fn tencent_url(reader: &mut Reader<'_>) -> Option<tencent::BaseUrl> {
    let allow_http = reader
        .with("MODGATE_TENCENT_ALLOW_HTTP", parse::flag)
        .unwrap_or(false);
    reader.with("MODGATE_TENCENT_URL", |text| {
        tencent::BaseUrl::parse(text, allow_http)
    })
}

const fn tencent_variable(error: &tencent::Error) -> &'static str {
    match error {
        tencent::Error::SdkAppId => "MODGATE_TENCENT_SDK_APP_ID",
        tencent::Error::Admin => "MODGATE_TENCENT_ADMIN",
        tencent::Error::Credential => "MODGATE_TENCENT_SECRET_KEY",
        tencent::Error::UserSigTtl => "MODGATE_TENCENT_USERSIG_TTL",
        tencent::Error::Proxy => "MODGATE_TENCENT_PROXY",
        tencent::Error::FurtherRoots => "MODGATE_CA_FILE",
        tencent::Error::HttpClient(_) => "MODGATE_TENCENT_URL",
    }
}

fn credential(reader: &mut Reader<'_>) -> Option<tencent::Credential> {
    let secret_key = reader.secret("MODGATE_TENCENT_SECRET_KEY");
    let usersig = reader.secret("MODGATE_TENCENT_USERSIG");
    match (secret_key, usersig) {
        (Some(key), None) => Some(tencent::Credential::SecretKey(key)),
        (None, Some(usersig)) => Some(tencent::Credential::UserSig(usersig)),
        (Some(_), Some(_)) => {
            reader.fault(
                "MODGATE_TENCENT_SECRET_KEY",
                "must not be set together with MODGATE_TENCENT_USERSIG",
            );
            None
        }
        (None, None) => {
            reader.missing("MODGATE_TENCENT_SECRET_KEY");
            None
        }
    }
}
