//! What a newer release has written, and this build cannot check. A seal that skipped it would keep it from
//! ever being sealed, and one that refused it would call it forged.

use sqlx::{AssertSqlSafe, PgConnection};

use super::{FORMAT, STEP, Seal};
use crate::audit::Error;
use crate::audit::proof::table::Table;
use crate::db::within;

/// Tables like those whose rows are sealed. One that was detached from them is a month about to be dropped.
const HASHED: &str = "
    select relname::text, quote_ident(relname) from pg_class c
    where relnamespace = 'audit'::regnamespace and relkind in ('r', 'p') and not relispartition
      and relname <> all($1)
      and exists (select from pg_attribute where attrelid = c.oid and attname = 'leaf_hash' and not attisdropped)
      and not exists (select from pg_class whole where whole.relnamespace = c.relnamespace and whole.relkind = 'p'
                      and c.relname::text ~ '_[0-9]{6}$' and left(c.relname::text, -7) = whole.relname)";

/// PostgreSQL's `undefined_table`.
const UNDEFINED_TABLE: &str = "42P01";

/// Whether this build can seal after `newest`: a seal never says less than the one before it.
pub(super) fn check_seal(newest: &Seal) -> Result<(), Error> {
    if newest.format > FORMAT {
        let seal = format!("seal {} of format {}", newest.no, newest.format);
        return Err(Error::Newer(seal));
    }
    Ok(())
}

/// Whether no table that this build does not know holds rows. Asked after the snapshot of a seal was taken,
/// so that it misses none that the snapshot shows.
pub(super) async fn check_tables(connection: &mut PgConnection) -> Result<(), Error> {
    let known = Table::ALL.map(Table::name);
    let hashed = sqlx::query_as(HASHED).bind(known);
    let hashed: Vec<(String, String)> = within(STEP, hashed.fetch_all(&mut *connection)).await?;
    for (name, quoted) in hashed {
        let rows = AssertSqlSafe(format!("select exists (select from audit.{quoted})"));
        let rows = sqlx::query_scalar(rows).fetch_one(&mut *connection);
        match within(STEP, rows).await {
            Ok(true) => return Err(Error::Newer(format!("rows of table {name}"))),
            Ok(false) => {}
            Err(error) if is_dropped(&error) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Whether a table was dropped after its name was read.
fn is_dropped(error: &sqlx::Error) -> bool {
    let refusal = error.as_database_error();
    refusal.is_some_and(|refusal| refusal.code().as_deref() == Some(UNDEFINED_TABLE))
}
