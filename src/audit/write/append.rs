//! What has begun ends: its events are appended.

use std::time::Duration;

use super::event::{Event, insert_event};
use super::intent::{Claim, insert_action};
use super::token::OpenAction;
use crate::audit::proof::keys::SealKeys;
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::{Connection, Pool};
use crate::domain::{End, Intent, State};
use sqlx::PgConnection;

/// An unknown end may turn into a definite one for this long, by the process that sent it.
pub(super) const LATE_TRUTH: Duration = Duration::from_mins(10);

impl AuditLog {
    pub(super) async fn append(&self, open: &OpenAction, event: &Event<'_>) -> Result<u64, Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
        let keys = self.keys.load_full();
        let inserted = insert_event(&mut connection, open.id, open.next_rev, event, &keys).await?;
        connection.release();
        Ok(inserted)
    }

    /// Appends the end of an action. May be repeated after an error: an end that is already
    /// there is not written twice, and `unknown` gives way to the truth.
    pub async fn finish(&self, open: &OpenAction, end: &End) -> Result<(), Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
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
        again_if_broken(|| self.record_ended(&self.denials, intent, None, end)).await
    }

    /// Ends an action whose begin was unclear. If the intent is not there it is written with its
    /// end, and a begin that is still on its way will then find the id taken.
    pub async fn settle(&self, intent: &Intent, random: u32, end: &End) -> Result<(), Error> {
        self.record_ended(&self.writing, intent, Some(random), end)
            .await
    }

    async fn record_ended(
        &self,
        pool: &Pool,
        intent: &Intent,
        random: Option<u32>,
        end: &End,
    ) -> Result<(), Error> {
        let (deployment, keys) = (&self.deployment, self.keys.load_full());
        let mut connection = Connection::acquire(pool).await?;
        let mut transaction = sqlx::Connection::begin(&mut *connection).await?;
        insert_action(
            &mut transaction,
            intent,
            random,
            Claim::None,
            deployment,
            &keys,
        )
        .await?;
        insert_event(&mut transaction, intent.id, 1, &Event::from(end), &keys).await?;
        transaction.commit().await?;
        connection.release();
        Ok(())
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
