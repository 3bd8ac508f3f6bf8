//! A look at the database before it is used.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use sqlx::Connection as _;

use super::{Error, connect, schema, server};

/// What a database is like.
#[derive(Clone, Copy, Debug)]
pub struct Inspection {
    /// The server's version as one number: 150000 for 15.0.
    pub version: i32,
    /// How far the server's clock is ahead of this machine's, give or take a round trip.
    pub ahead: TimeDelta,
    /// How many migrations of this build it does not have.
    pub pending: usize,
}

/// Looks at the database behind `url`, on a connection of its own.
pub async fn inspect(url: &SecretString) -> Result<Inspection, Error> {
    let mut connection = connect(url).await?;
    server::check(url, &mut connection).await?;
    let asked = Utc::now();
    let (version, time): (i32, DateTime<Utc>) =
        sqlx::query_as("select current_setting('server_version_num')::integer, clock_timestamp()")
            .fetch_one(&mut connection)
            .await
            .map_err(Error::Unreachable)?;
    let halfway = asked + (Utc::now() - asked) / 2;
    let pending = schema::pending(&mut connection).await?;
    connection.close().await.map_err(Error::Unreachable)?;
    Ok(Inspection {
        version,
        ahead: time - halfway,
        pending,
    })
}
