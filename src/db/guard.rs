//! The triggers that keep the record append-only and its seals in order, as Postgres has them.
//!
//! A restore switches them off and on again (`pg_restore --disable-triggers`), and what was `ENABLE
//! ALWAYS` is then off wherever `session_replication_role` is `replica`.

use std::fmt;

use sqlx::{AssertSqlSafe, FromRow, PgConnection};

const FAULTS: &str = include_str!("guard.sql");

/// A trigger that is not as the migrations made it.
#[derive(Clone, Debug, FromRow, PartialEq, Eq)]
pub struct TriggerFault {
    /// The table, with its schema.
    table: String,
    trigger: String,
    /// In words: `missing`, `disabled`, `off in replica mode` ...
    fault: String,
}

impl fmt::Display for TriggerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            table,
            trigger,
            fault,
        } = self;
        write!(f, "{table}: trigger {trigger} is {fault}")
    }
}

/// What is wrong with them. Any role may ask.
pub(crate) async fn trigger_faults(
    connection: &mut PgConnection,
) -> Result<Vec<TriggerFault>, sqlx::Error> {
    sqlx::query_as(FAULTS).fetch_all(connection).await
}

/// Makes them as the migrations did. What was wrong.
pub(super) async fn mend_triggers(
    connection: &mut PgConnection,
) -> Result<Vec<TriggerFault>, sqlx::Error> {
    let faults = trigger_faults(connection).await?;
    for TriggerFault {
        table,
        trigger,
        fault,
    } in &faults
    {
        if matches!(fault.as_str(), "missing" | "another one") {
            let made = match trigger.as_str() {
                "in_order" => format!(
                    "create trigger in_order before insert on {table} for each row \
                     execute function audit.refuse_gap()"
                ),
                _ => format!("select audit.make_append_only('{table}')"),
            };
            let made = format!("drop trigger if exists {trigger} on {table}; {made}");
            sqlx::raw_sql(AssertSqlSafe(made))
                .execute(&mut *connection)
                .await?;
        }
        let enable = format!("alter table {table} enable always trigger {trigger}");
        sqlx::raw_sql(AssertSqlSafe(enable))
            .execute(&mut *connection)
            .await?;
    }
    Ok(faults)
}
