//! What has begun ends: its events are appended.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::claims::ItemClaim;
use super::event::{Event, insert_event};
use super::intent::{Claim, Insertion, insert_action};
use super::token::OpenAction;
use crate::audit::proof::keys::SealKeys;
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::{Connection, Pool};
use crate::domain::{End, Intent, State};
use sqlx::PgConnection;

/// An unknown end may turn into a definite one for this long, by the process that sent it.
pub(super) const LATE_TRUTH: Duration = Duration::from_mins(10);

/// Who claims an item holds what a freeze waits for: if this process stands still between two statements, not for long.
const BEGIN: &str = "begin; set local idle_in_transaction_session_timeout = '1500ms'";

impl AuditLog {
    pub(super) async fn append(&self, open: &OpenAction, event: &Event<'_>) -> Result<u64, Error> {
        let mut connection = Connection::acquire(self.writing_for(open.of_item)).await?;
        let keys = self.keys.load_full();
        let inserted = insert_event(&mut connection, open.id, open.next_rev, event, &keys).await?;
        connection.release();
        Ok(inserted)
    }

    /// Appends the end of an action. May be repeated after an error: an end that is already
    /// there is not written twice, and `unknown` gives way to the truth.
    pub async fn finish(&self, open: &OpenAction, end: &End) -> Result<(), Error> {
        let mut connection = Connection::acquire(self.writing_for(open.of_item)).await?;
        let event = Event::from(end);
        let keys = self.keys.load_full();
        if insert_event(&mut connection, open.id, open.next_rev, &event, &keys).await? == 0 {
            give_way(&mut connection, open, end, &event, &keys).await?;
        }
        connection.release();
        Ok(())
    }

    /// Records an action together with its end, in one transaction: a denial.
    pub async fn record_denied(&self, intent: &Intent, end: &End) -> Result<(), Error> {
        let recording = || self.record_ended(&self.denials, (intent, None), None, end);
        again_if_broken(recording).await?;
        Ok(())
    }

    /// The same of an item of a batch that must not be carried out, if what it `claims` still holds; whether it did.
    pub async fn record_item_ended(
        &self,
        intent: &Intent,
        claims: &ItemClaim,
        end: &End,
    ) -> Result<bool, Error> {
        self.record_ended(&self.items, (intent, None), Some(claims), end)
            .await
    }

    /// Ends an action whose begin was unclear. If the intent is not there it is written with its
    /// end, and a begin that is still on its way will then find the id taken. False, if nothing was written: the record has
    /// another action of its item.
    pub async fn settle(
        &self,
        intent: &Intent,
        random: u32,
        claims: Option<&ItemClaim>,
        end: &End,
    ) -> Result<bool, Error> {
        // Whatever has become of the batch: the begin may be there already.
        let claims = claims.map(|claims| ItemClaim {
            known: claims.known.iter().copied().chain([intent.id]).collect(),
            seen_rev: i16::MAX,
            expires_at: DateTime::<Utc>::MAX_UTC,
        });
        self.record_ended(&self.writing, (intent, Some(random)), claims.as_ref(), end)
            .await
    }

    async fn record_ended(
        &self,
        pool: &Pool,
        (intent, random): (&Intent, Option<u32>),
        claims: Option<&ItemClaim>,
        end: &End,
    ) -> Result<bool, Error> {
        let (deployment, keys) = (&self.deployment, self.keys.load_full());
        let mut connection = Connection::acquire(pool).await?;
        let mut transaction = sqlx::Connection::begin_with(&mut *connection, BEGIN).await?;
        let claim = claims.map_or(Claim::None, Claim::Item);
        let inserted =
            insert_action(&mut transaction, intent, random, claim, deployment, &keys).await?;
        let may_end = !matches!(inserted, Insertion::Stopped | Insertion::ItemTaken);
        if may_end {
            insert_event(&mut transaction, intent.id, 1, &Event::from(end), &keys).await?;
        }
        transaction.commit().await?;
        connection.release();
        Ok(may_end)
    }
}

/// The rev is taken: by this very end, or by the announcement of an attempt that was then not
/// made, if their commits were not confirmed; or by recovery, whose `unknown` gives way to what is
/// known.
async fn give_way(
    connection: &mut PgConnection,
    open: &OpenAction,
    end: &End,
    event: &Event<'_>,
    keys: &SealKeys,
) -> Result<(), sqlx::Error> {
    let taken = sqlx::query!(
        r#"select rev, state, at, decided_by, audit.is_end(state) as "is_end!"
           from audit.event where action_id = $1 and rev >= $2 order by rev"#,
        open.id,
        open.next_rev
    );
    let taken = taken.fetch_all(&mut *connection).await?;
    let last = taken.last().map_or(open.next_rev, |row| row.rev);
    let ended = taken.iter().filter(|row| row.is_end);
    let mine = |at, state: &str, decided_by: &str| {
        at == event.at && state == event.state && decided_by == event.decided_by.as_str()
    };
    let (mut is_open, mut is_mine) = (true, false);
    for row in ended {
        is_open = false;
        is_mine |= mine(row.at, &row.state, &row.decided_by);
    }
    let truth = matches!(end.state, State::Succeeded | State::Refused) && open.age() <= LATE_TRUTH;
    if is_open || (truth && !is_mine) {
        insert_event(connection, open.id, last + 1, event, keys).await?;
    }
    Ok(())
}
