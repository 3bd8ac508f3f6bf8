//! A look at the database before it is used.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use sqlx::{Connection as _, PgConnection};

use super::schema::{List, Schema, schema};
use super::{Error, connect, rights, schema as migrations, server};

/// What a database is like.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The server's version as one number: 150000 for 15.0.
    pub version: i32,
    /// How far the server's clock is ahead of this machine's, give or take a round trip.
    pub ahead: TimeDelta,
    /// How many migrations of this build it does not have.
    pub pending: usize,
    /// What the service needs and this role may not do, as in `insert on table audit.action`. Of a
    /// schema that is older or newer than this build it is not known.
    pub missing: Vec<String>,
    /// Whether it takes no writes, since it follows another server.
    pub is_standby: bool,
    /// Tells this database from any other that can be reached at the same time.
    pub identity: Identity,
}

/// Which database it is: its object id, and when its server was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::FromRow)]
pub struct Identity {
    database: i64,
    started_at: DateTime<Utc>,
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
    let pending = migrations::pending(&mut connection).await?;
    let looked = look(&mut connection).await;
    let (missing, is_standby, identity) = looked.map_err(Error::Unreachable)?;
    connection.close().await.map_err(Error::Unreachable)?;
    Ok(Inspection {
        version,
        ahead: time - halfway,
        pending,
        missing,
        is_standby,
        identity,
    })
}

async fn look(connection: &mut PgConnection) -> Result<(Vec<String>, bool, Identity), sqlx::Error> {
    let missing = match (List::find(connection).await?, schema(connection).await?) {
        (List::Table(list), Schema::Known) => rights::missing(connection, &list).await?,
        _ => Vec::new(),
    };
    let is_standby = sqlx::query_scalar("select pg_is_in_recovery()");
    let is_standby = is_standby.fetch_one(&mut *connection).await?;
    let identity = "select oid::bigint as database, pg_postmaster_start_time() as started_at
                    from pg_database where datname = current_database()";
    let identity = sqlx::query_as(identity).fetch_one(connection).await?;
    Ok((missing, is_standby, identity))
}
