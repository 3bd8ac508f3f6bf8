//! How the items of a batch ended, counted over the record.

use uuid::Uuid;

use super::items::Ended;
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::Connection;
use crate::domain::{State, Word};

/// How many items ended so.
#[derive(Clone, Debug)]
pub struct CountedEnds {
    /// How.
    pub ended: Ended,
    /// How many actions such an item had.
    pub tries: u16,
    /// How many items.
    pub items: u32,
}

impl AuditLog {
    /// How the begun items of the batch `id`, which has `total`, ended, by their last actions.
    pub async fn batch_ends(&self, id: Uuid, total: u32) -> Result<Vec<CountedEnds>, Error> {
        again_if_broken(|| self.count_ends(id, total)).await
    }

    async fn count_ends(&self, id: Uuid, total: u32) -> Result<Vec<CountedEnds>, Error> {
        let mut connection = Connection::acquire(&self.reading).await?;
        // The end of each action is looked up by its id: see recovery.
        let counted = sqlx::query!(
            r#"select coalesce(ended.state, 'pending') as "state!", ended.failure as "failure?", begun.kind as "kind!",
                      ended.error_code as "error_code?", begun.tries as "tries!", count(*) as "items!"
               from (select distinct on (batch_index) action.id, action.kind,
                            least(count(*) over (partition by batch_index), 100)::integer as tries
                     from audit.action action
                     where batch_id = $1 and batch_index between 0 and $2 - 1
                       and id >= audit.uuid7_floor(audit.uuid7_time($1) - interval '5 minutes')
                     order by batch_index, id desc) as begun
               left join lateral (
                     select event.state, event.failure,
                            case when event.state = 'refused' then event.error_code end as error_code
                     from audit.event event
                     where event.action_id = begun.id and audit.is_end(event.state)
                     order by (event.state = 'unknown'), event.rev desc limit 1) as ended on true
               group by 1, 2, 3, 4, 5"#,
            id,
            total.cast_signed(),
        );
        let counted = counted.fetch_all(&mut *connection).await?;
        connection.release();
        let counted = counted.into_iter().map(|row| CountedEnds {
            ended: Ended {
                state: Word::<State>::read(&row.state)
                    .known()
                    .unwrap_or(State::Unknown),
                failure: row.failure.and_then(|word| word.parse().ok()),
                kind: row.kind.parse().ok(),
                error_code: row.error_code,
            },
            tries: u16::try_from(row.tries).unwrap_or(u16::MAX),
            items: u32::try_from(row.items).unwrap_or(u32::MAX),
        });
        Ok(counted.collect())
    }
}
