//! The settings of the Tencent client.

use secrecy::{ExposeSecret, SecretString};

use super::Reader;
use super::parse::{self, AT_MOST_AN_HOUR};
use crate::{telemetry, tencent};

pub(super) fn settings(
    reader: &mut Reader<'_>,
    further_roots: Option<Vec<u8>>,
) -> Option<tencent::Settings> {
    let url = tencent_url(reader);
    let proxy = proxy(reader);
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
        further_roots,
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

fn proxy(reader: &mut Reader<'_>) -> Option<SecretString> {
    let proxy = reader.secret("MODGATE_TENCENT_PROXY")?;
    let checked = tencent::check_proxy(&proxy);
    let fault = |error| reader.fault("MODGATE_TENCENT_PROXY", telemetry::causes(&error));
    checked.map_err(fault).ok().map(|()| proxy)
}

/// `MODGATE_CA_FILE`, also for the provider of keys.
pub(super) fn further_roots(reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let path = reader.text("MODGATE_CA_FILE")?;
    let roots = reader.file("MODGATE_CA_FILE", &path)?.into_bytes();
    let checked = tencent::check_roots(&roots);
    let fault = |error| reader.fault("MODGATE_CA_FILE", telemetry::causes(&error));
    checked.map_err(fault).ok().map(|()| roots)
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

/// A secret of Tencent's: what has white space or anything but ASCII in it was not copied as a whole,
/// or not alone, and Tencent would refuse it with every call.
fn ascii_secret(reader: &mut Reader<'_>, name: &'static str) -> Option<SecretString> {
    let secret = reader.secret(name)?;
    let text = secret.expose_secret();
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(secret);
    }
    reader.fault(name, "must be printable ASCII without white space");
    None
}

fn credential(reader: &mut Reader<'_>) -> Option<tencent::Credential> {
    let secret_key = ascii_secret(reader, "MODGATE_TENCENT_SECRET_KEY");
    let usersig = ascii_secret(reader, "MODGATE_TENCENT_USERSIG");
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
            // Else it is the other one, and wrong.
            if !reader.is_faulty("MODGATE_TENCENT_USERSIG") {
                reader.missing("MODGATE_TENCENT_SECRET_KEY");
            }
            None
        }
    }
}
