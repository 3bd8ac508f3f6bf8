//! What a database must be like to be used at all.

use secrecy::SecretString;
use sqlx::{Connection as _, PgConnection, Row as _};

use super::blocked::has_code;
use super::{Error, connect};

/// Every text of a request must be one that the database can store.
const ENCODING: &str = "UTF8";

/// `SQLSTATE` `protocol_violation`. No server says so of `begin`; PgBouncer does in statement mode, which
/// has no transactions.
const PROTOCOL_VIOLATION: &str = "08P01";

/// Fails if the database that `url` and `connection` lead to cannot be used.
pub(super) async fn check(url: &SecretString, connection: &mut PgConnection) -> Result<(), Error> {
    check_sessions(url, connection).await?;
    check_encoding(connection).await
}

/// Fails if the database stores texts in another encoding than UTF-8.
async fn check_encoding(connection: &mut PgConnection) -> Result<(), Error> {
    let encoding = sqlx::query_scalar("select current_setting('server_encoding')");
    let encoding: String = encoding
        .fetch_one(connection)
        .await
        .map_err(Error::Unreachable)?;
    if encoding == ENCODING {
        Ok(())
    } else {
        Err(Error::Encoding(encoding))
    }
}

/// Fails if what `url` leads to takes each transaction, or each statement, to a server process of its own
/// choice, as a pooler in transaction or statement mode does: settings, prepared statements and locks
/// would be another's.
///
/// `connection` is one that leads there. Another one has a transaction open meanwhile, so that a
/// pooler cannot lend both the same process without being seen.
async fn check_sessions(url: &SecretString, connection: &mut PgConnection) -> Result<(), Error> {
    let before = process(connection).await?;
    let mut other = connect(url).await?;
    let mut transaction = other.begin().await.map_err(|error| match error {
        error if has_code(&error, PROTOCOL_VIOLATION) => Error::Pooling("statement"),
        error => Error::Unreachable(error),
    })?;
    let others = process(&mut transaction).await?;
    let after = process(connection).await?;
    transaction.rollback().await.map_err(Error::Unreachable)?;
    other.close().await.map_err(Error::Unreachable)?;
    if before == after && before != others {
        Ok(())
    } else {
        Err(Error::Pooling("transaction"))
    }
}

/// The server process that serves `connection` now. Asked in one message: in transaction mode a second
/// one may go to another process, which knows nothing of the first.
pub(crate) async fn process(connection: &mut PgConnection) -> Result<i32, Error> {
    let process = sqlx::raw_sql("select pg_backend_pid()").fetch_one(connection);
    let process = async { process.await?.try_get(0) };
    process.await.map_err(Error::Unreachable)
}
