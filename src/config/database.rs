//! The settings of the database.

use secrecy::SecretString;

use super::variable::Variable;
use super::{Reader, parse};
use crate::db;

/// The variable with the service's database URL.
pub(crate) const SERVICE_URL: Variable = Variable::secret("MODGATE_DATABASE_URL");

/// The variable with the URL for the owner of the tables.
pub(super) const OWNER_URL: Variable = Variable::secret("MODGATE_OWNER_DATABASE_URL");

pub(super) const MAX_CONNECTIONS: Variable =
    Variable::plain("MODGATE_DATABASE_MAX_CONNECTIONS", "16");

pub(super) fn database(reader: &mut Reader<'_>) -> Option<db::Settings> {
    let url = service_url(reader);
    let max_connections = reader.with(MAX_CONNECTIONS, |text| parse::number(text, 6, 1000));
    Some(db::Settings {
        url: url?,
        max_connections: max_connections?,
    })
}

pub(super) fn service_url(reader: &mut Reader<'_>) -> Option<SecretString> {
    let url = database_url(reader, SERVICE_URL);
    if url.is_none() {
        reader.missing(SERVICE_URL);
    }
    url
}

pub(super) fn owner_url(reader: &mut Reader<'_>) -> Option<SecretString> {
    let url = database_url(reader, OWNER_URL).or_else(|| database_url(reader, SERVICE_URL));
    if url.is_none() {
        reader.missing(SERVICE_URL);
    }
    url
}

pub(super) fn database_url(reader: &mut Reader<'_>, variable: Variable) -> Option<SecretString> {
    let url = reader.secret(variable)?;
    match db::parse_url(&url) {
        Ok(_) => Some(url),
        Err(error) => {
            reader.fault(variable, error);
            None
        }
    }
}

pub(super) const MIGRATE: Variable = Variable::plain("MODGATE_MIGRATE", "false");

/// `Some(None)` when `serve` shall not migrate.
#[expect(clippy::option_option, reason = "faulty, off, or on with these rights")]
pub(super) fn migrate(reader: &mut Reader<'_>) -> Option<Option<SecretString>> {
    let wanted = reader.with(MIGRATE, parse::flag);
    if wanted? {
        owner_url(reader).map(Some)
    } else {
        Some(None)
    }
}
