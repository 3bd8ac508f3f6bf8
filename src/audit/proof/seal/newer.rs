//! What a newer release has written, and this build cannot check. A seal that skipped it would keep it from
//! ever being sealed, and one that refused it would call it forged.

use sqlx::{AssertSqlSafe, PgConnection};

use super::{FORMAT, STEP, Seal};
use crate::audit::Error;
use crate::audit::proof::table::Table;
use crate::db::within;

/// Tables like those whose rows are sealed.
const HASHED: &str = "
    select relname::text, quote_ident(relname) from pg_class c
    where relnamespace = 'audit'::regnamespace and relkind in ('r', 'p') and not relispartition
      and relname <> all($1)
      and exists (select from pg_attribute where attrelid = c.oid and attname = 'leaf_hash' and not attisdropped)";

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
        if within(STEP, rows).await? {
            return Err(Error::Newer(format!("rows of table {name}")));
        }
    }
    Ok(())
}
