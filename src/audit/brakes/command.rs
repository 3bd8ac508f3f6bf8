//! `modgate freeze` and `modgate thaw`: by the owner of the record, also where no replica answers.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::append::{Recorder, append};
use super::judge::{Judged, judge_all};
use super::{BrakeError, TRIES, wait};
use crate::audit::Error;
use crate::audit::proof::fetch;
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::seal::{KeyFit, fit};
use crate::audit::proof::table::{Key, Table};
use crate::db::{self, in_time};
use crate::domain::{Brake, BrakeRow, BrakeScope, NewBrake};

/// What a command found.
#[derive(Debug)]
pub struct Braked {
    /// What is frozen then.
    pub in_force: Vec<BrakeRow>,
    /// Whether those whom the scope names have ever asked for an action: else it may be a slip of the pen.
    pub is_known: bool,
}

/// For how long rows are judged.
const PATIENCE: Duration = Duration::from_mins(5);

/// As of a service: what is answered is durable, and nothing waits for ever.
const SESSION: &str = "set synchronous_commit = on; set default_transaction_read_only = off; \
     set default_transaction_isolation = 'read committed'; set statement_timeout = '1800ms'; set timezone = 'UTC'";

/// Freezes or thaws in the record of the database behind `url`. `unproven_key`: also if nothing in the record shows that
/// replicas have the first of `keys`.
///
/// # Errors
/// Why not, or what is not certain.
pub async fn brake_by_command(
    url: &SecretString,
    keys: &Arc<SealKeys>,
    asked: &NewBrake,
    unproven_key: bool,
) -> Result<Braked, BrakeError> {
    if keys.is_empty() {
        return Err(BrakeError::NoSealKey);
    }
    let connection = &mut db::connect_to_record(url).await?;
    let failed = |error| BrakeError::NotRecorded(Error::Database(error));
    let prepared = in_time(sqlx::raw_sql(SESSION).execute(&mut *connection)).await;
    prepared.map_err(failed)?;
    let role = in_time(owner(connection)).await.map_err(failed)?;
    let role = role.ok_or(BrakeError::NotTheOwner)?;
    if !unproven_key && !in_time(is_proven(connection, keys)).await.map_err(failed)? {
        return Err(BrakeError::UnprovenKey);
    }
    let judging = judge_all(connection, &Judged::default(), keys, PATIENCE).await;
    let mut judged = judging.map_err(failed)?;
    for _ in 0..TRIES {
        let recorder = Recorder::Role(&role);
        let appended = append(connection, asked, &recorder, (&judged, keys), None).await;
        judged = appended.map_err(|(error, _)| error)?;
        if asked.brake == Brake::Freeze {
            wait::for_those_who_begin(connection).await?;
        }
        let now = judge_all(connection, &judged, keys, PATIENCE).await;
        judged = now.map_err(|error| BrakeError::Unclear(Error::Database(error)))?;
        if asked.brake == Brake::Thaw || judged.brakes.has(&asked.scope) {
            return Ok(Braked {
                in_force: judged.brakes.in_force().to_vec(),
                // Nothing that is done may fail because of this.
                is_known: in_time(has_acted(connection, &asked.scope))
                    .await
                    .unwrap_or(true),
            });
        }
    }
    Err(BrakeError::StillBeginning)
}

/// The role of this session, if it has the rights of the record's owner.
async fn owner(connection: &mut PgConnection) -> Result<Option<String>, sqlx::Error> {
    let role = sqlx::query_scalar(
        "select session_user::text from pg_namespace
         where nspname = 'audit' and pg_has_role(session_user, nspowner, 'usage')",
    );
    role.fetch_optional(connection).await
}

/// Whether somebody has the key with which the row will be made: one of the newest rows was made with it, or, of
/// a single key, one of the newest seals.
async fn is_proven(connection: &mut PgConnection, keys: &SealKeys) -> Result<bool, sqlx::Error> {
    let newest = "select id from audit.action where mac is not null order by id desc limit 500";
    let newest: Vec<Uuid> = sqlx::query_scalar(newest)
        .fetch_all(&mut *connection)
        .await?;
    let key = |id| Key {
        id,
        rev: 0,
        table: Table::Action,
    };
    let newest: Vec<Key> = newest.into_iter().map(key).collect();
    let rows = fetch::rows(connection, &newest).await?;
    let by_the_first = rows
        .values()
        .any(|row| row.mac.is_some() && row.canonical().mac(keys) == row.mac);
    if by_the_first || !keys.is_one() {
        return Ok(by_the_first);
    }
    let fit = fit(connection, keys).await?;
    Ok(matches!(fit, KeyFit::Known | KeyFit::Foreign { .. }))
}

/// Of an issuer only whether one of the newest thousand actions is of it.
async fn has_acted(connection: &mut PgConnection, scope: &BrakeScope) -> Result<bool, sqlx::Error> {
    let known = match &scope.moderator {
        Some(_) => "exists (select from audit.action where moderator = $2 and issuer = $1)",
        None => {
            "$1::text is null and $2::text is null
             or $1 in (select issuer from (select issuer from audit.action order by id desc limit 1000) as newest)"
        }
    };
    let known = AssertSqlSafe(format!("select coalesce({known}, false)"));
    let known = sqlx::query_scalar(known)
        .bind(&scope.issuer)
        .bind(&scope.moderator);
    known.fetch_one(connection).await
}
