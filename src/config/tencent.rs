//! The settings of the Tencent client.

use secrecy::{ExposeSecret, SecretString};

use super::Reader;
use super::parse::{self, AT_MOST_AN_HOUR};
use super::variable::Variable;
use crate::{telemetry, tencent};

pub(super) const SDK_APP_ID: Variable = Variable::plain("MODGATE_TENCENT_SDK_APP_ID", "");
pub(super) const ADMIN: Variable = Variable::plain("MODGATE_TENCENT_ADMIN", "administrator");
pub(super) const USERSIG_TTL: Variable = Variable::plain("MODGATE_TENCENT_USERSIG_TTL", "24h");
pub(super) const KICK_FIELD: Variable = Variable::plain("MODGATE_TENCENT_KICK_FIELD", "Identifier");
pub(super) const TIMEOUT: Variable = Variable::plain("MODGATE_TENCENT_TIMEOUT", "5s");

pub(super) fn settings(
    reader: &mut Reader<'_>,
    further_roots: Option<Vec<u8>>,
) -> Option<tencent::Settings> {
    let url = tencent_url(reader);
    let proxy = proxy(reader);
    let sdk_app_id = reader.required(SDK_APP_ID).and_then(|text| {
        let number = parse::number(&text, 1, u32::MAX);
        number.map_err(|rule| reader.fault(SDK_APP_ID, rule)).ok()
    });
    let admin = reader.text(ADMIN);
    let credential = credential(reader);
    let usersig_ttl = reader.with(USERSIG_TTL, parse::usersig_ttl);
    let kick_field = reader.with(KICK_FIELD, |text| tencent::KickField::try_from(text));
    let timeout = reader.duration(TIMEOUT, AT_MOST_AN_HOUR);
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

pub(super) const PROXY: Variable = Variable::secret("MODGATE_TENCENT_PROXY");

fn proxy(reader: &mut Reader<'_>) -> Option<SecretString> {
    let proxy = reader.secret(PROXY)?;
    let checked = tencent::check_proxy(&proxy);
    let fault = |error| reader.fault(PROXY, telemetry::causes(&error));
    checked.map_err(fault).ok().map(|()| proxy)
}

pub(super) const CA_FILE: Variable = Variable::plain("MODGATE_CA_FILE", "");

/// [`CA_FILE`], also for the provider of keys.
pub(super) fn further_roots(reader: &mut Reader<'_>) -> Option<Vec<u8>> {
    let path = reader.text(CA_FILE)?;
    let roots = reader.file(CA_FILE, &path)?.into_bytes();
    let checked = tencent::check_roots(&roots);
    let fault = |error| reader.fault(CA_FILE, telemetry::causes(&error));
    checked.map_err(fault).ok().map(|()| roots)
}

pub(super) const URL: Variable =
    Variable::plain("MODGATE_TENCENT_URL", "https://console.tim.qq.com");
pub(super) const ALLOW_HTTP: Variable = Variable::plain("MODGATE_TENCENT_ALLOW_HTTP", "false");

fn tencent_url(reader: &mut Reader<'_>) -> Option<tencent::BaseUrl> {
    let allow_http = reader.with(ALLOW_HTTP, parse::flag).unwrap_or(false);
    reader.with(URL, |text| tencent::BaseUrl::parse(text, allow_http))
}

const fn tencent_variable(error: &tencent::Error) -> Variable {
    match error {
        tencent::Error::SdkAppId => SDK_APP_ID,
        tencent::Error::Admin => ADMIN,
        tencent::Error::Credential => SECRET_KEY,
        tencent::Error::UserSigTtl => USERSIG_TTL,
        tencent::Error::Proxy => PROXY,
        tencent::Error::FurtherRoots => CA_FILE,
        tencent::Error::HttpClient(_) => URL,
    }
}

/// A secret of Tencent's: what has white space or anything but ASCII in it was not copied as a whole,
/// or not alone, and Tencent would refuse it with every call.
fn ascii_secret(reader: &mut Reader<'_>, variable: Variable) -> Option<SecretString> {
    let secret = reader.secret(variable)?;
    let text = secret.expose_secret();
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(secret);
    }
    reader.fault(variable, "must be printable ASCII without white space");
    None
}

pub(super) const SECRET_KEY: Variable = Variable::secret("MODGATE_TENCENT_SECRET_KEY");
pub(super) const USERSIG: Variable = Variable::secret("MODGATE_TENCENT_USERSIG");

fn credential(reader: &mut Reader<'_>) -> Option<tencent::Credential> {
    let secret_key = ascii_secret(reader, SECRET_KEY);
    let usersig = ascii_secret(reader, USERSIG);
    match (secret_key, usersig) {
        (Some(key), None) => Some(tencent::Credential::SecretKey(key)),
        (None, Some(usersig)) => Some(tencent::Credential::UserSig(usersig)),
        (Some(_), Some(_)) => {
            let rule = format!("must not be set together with {USERSIG}");
            reader.fault(SECRET_KEY, rule);
            None
        }
        (None, None) => {
            // Else it is the other one, and wrong.
            if !reader.is_faulty(USERSIG) {
                reader.missing(SECRET_KEY);
            }
            None
        }
    }
}
