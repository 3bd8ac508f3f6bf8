//! Working state of mutes and bans: of use as long as an action that looked at it may still begin, and for seconds after
//! a probe.

use std::time::Duration;

use uuid::Uuid;

use crate::audit::{AuditLog, Error};
use crate::db::{Connection, in_time};

/// From looking at a target to beginning, an action takes seconds.
const KEPT_HOURS: i32 = 1;

impl AuditLog {
    /// Claims the right to ask Tencent about the action `id`, which nobody has again for `pause`; or how long until it
    /// may be claimed.
    pub async fn claim_probe(&self, id: Uuid, pause: Duration) -> Result<Option<Duration>, Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
        let claimed = sqlx::query!(
            "insert into modgate.probe (action_id) values ($1)
             on conflict (action_id) do update set asked_at = now()
             where probe.asked_at <= now() - make_interval(secs => $2)",
            id,
            pause.as_secs_f64(),
        );
        let claimed = in_time(claimed.execute(&mut *connection)).await?;
        let mut wait = None;
        if claimed.rows_affected() == 0 {
            let left = sqlx::query_scalar!(
                r#"select extract(epoch from asked_at + make_interval(secs => $2) - now())::float8 as "left!"
                   from modgate.probe where action_id = $1"#,
                id,
                pause.as_secs_f64(),
            );
            let left = in_time(left.fetch_optional(&mut *connection)).await?;
            wait = Some(Duration::try_from_secs_f64(left.unwrap_or_default()).unwrap_or_default());
        }
        connection.release();
        Ok(wait)
    }

    /// Forgets on which targets nothing was begun, which actions nobody asked about, and which moderators asked for
    /// nothing, for an hour. How many.
    pub async fn forget_old_targets(&self) -> Result<u64, Error> {
        let mut connection = Connection::acquire(&self.writing).await?;
        let targets = sqlx::query!(
            "delete from modgate.target where begun_at < now() - make_interval(hours => $1)
                 and (sdk_app_id, restriction, room_id, user_id) in (
                 select sdk_app_id, restriction, room_id, user_id from modgate.target
                 where begun_at < now() - make_interval(hours => $1) limit 10000)",
            KEPT_HOURS
        );
        let targets = in_time(targets.execute(&mut *connection)).await?;
        let probes = sqlx::query!(
            "delete from modgate.probe where asked_at < now() - make_interval(hours => $1)
                 and action_id in (
                 select action_id from modgate.probe
                 where asked_at < now() - make_interval(hours => $1) limit 10000)",
            KEPT_HOURS
        );
        let probes = in_time(probes.execute(&mut *connection)).await?;
        let hours = sqlx::query!(
            "delete from modgate.moderator_hour
             where minute < floor(extract(epoch from now()) / 60)::bigint - 61
                 and (issuer, moderator) in (
                 select issuer, moderator from modgate.moderator_hour
                 where minute < floor(extract(epoch from now()) / 60)::bigint - 61 limit 10000)"
        );
        let hours = in_time(hours.execute(&mut *connection)).await?;
        connection.release();
        Ok(targets.rows_affected() + probes.rows_affected() + hours.rows_affected())
    }
}
