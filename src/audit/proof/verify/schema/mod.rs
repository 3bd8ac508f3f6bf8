//! Whether everything in schema `audit` is what the migrations made.
//!
//! No seal holds a view, a constraint or a trigger, and whoever may change those can make auditors
//! read something else than the rows. Postgres describes all of it (`describe.sql`), and each line is
//! compared with what it says of a database that was just migrated.

mod compare;
mod expected;
mod trees;

use std::collections::BTreeSet;

use sqlx::{FromRow, PgConnection};

use super::{Error, Report};
use crate::db;

/// What decides how definitions are written down. Holds for the rest of the transaction.
const SETTINGS: &str = include_str!("settings.sql");

const DESCRIBE: &str = include_str!("describe.sql");

/// A line of the description.
#[derive(Debug, FromRow)]
struct Line {
    object: String,
    /// What it must be like: itself, or the table that it is a month of.
    like_object: String,
    /// Empty for the object as a whole.
    part: String,
    words: String,
    /// `None` if it went away while it was described.
    definition: Option<String>,
    /// `YYYY-MM`
    month: Option<String>,
    /// Whether the month is read through its parent.
    attached: bool,
}

/// Says what is not as the migrations made it.
pub(super) async fn check(snapshot: &mut PgConnection) -> Result<Report, Error> {
    check_migrations(snapshot).await?;
    let mut report = Report::default();
    sqlx::raw_sql(SETTINGS).execute(&mut *snapshot).await?;
    let major = "select current_setting('server_version_num')::integer / 10000";
    let major: i32 = sqlx::query_scalar(major).fetch_one(&mut *snapshot).await?;
    if let Some(expected) = expected::objects(major) {
        let lines: Vec<Line> = sqlx::query_as(DESCRIBE).fetch_all(&mut *snapshot).await?;
        let pruned = pruned(snapshot).await?;
        // Retention detaches a month, which changes it, and then drops it.
        let is_dropped = |line: &Line| {
            let month = line.month.as_ref();
            !line.attached && month.is_some_and(|month| pruned.contains(month))
        };
        let lines: Vec<Line> = lines.into_iter().filter(|line| !is_dropped(line)).collect();
        compare::compare(&lines, &expected, &pruned, &mut report)?;
    } else {
        report.notes.push(format!(
            "the schema was not checked: this build does not know how PostgreSQL {major} describes it"
        ));
    }
    trees::check(snapshot, &mut report).await?;
    note_search_paths(snapshot, &mut report).await?;
    Ok(report)
}

/// What another build migrated is neither intact nor tampered with, and neither is what was never made.
async fn check_migrations(snapshot: &mut PgConnection) -> Result<(), Error> {
    let is_there = "select to_regnamespace('audit') is not null";
    let wrong = match db::schema(snapshot).await? {
        db::Schema::Known => return Ok(()),
        // Without the list, the comparison alone tells.
        db::Schema::Unlisted => {
            if sqlx::query_scalar(is_there).fetch_one(snapshot).await? {
                return Ok(());
            }
            "there is none in this database".to_owned()
        }
        db::Schema::Older(pending) => format!(
            "its schema is older than this build, {pending} migrations are pending: run `modgate migrate`"
        ),
        db::Schema::Newer(version) => format!(
            "its schema is newer than this build, which does not know migration {version}: \
             use the build that migrated it"
        ),
    };
    Err(Error::Schema(wrong))
}

/// The months that are recorded as dropped. Whether the record of it is true, the seals say.
async fn pruned(snapshot: &mut PgConnection) -> Result<BTreeSet<String>, sqlx::Error> {
    let there = "select to_regclass('audit.prune') is not null";
    if !sqlx::query_scalar(there).fetch_one(&mut *snapshot).await? {
        return Ok(BTreeSet::new());
    }
    let months = "select to_char(month, 'YYYY-MM') from audit.prune";
    let months: Vec<String> = sqlx::query_scalar(months).fetch_all(snapshot).await?;
    Ok(months.into_iter().collect())
}

/// Where names are looked up is set for whole roles and databases, too.
async fn note_search_paths(
    snapshot: &mut PgConnection,
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    let paths: Vec<(Option<String>, bool, String)> = sqlx::query_as(
        "select rolname::text, setdatabase <> 0, setting
         from pg_db_role_setting
         left join pg_roles r on r.oid = setrole
         cross join unnest(setconfig) as setting
         where setting like 'search_path=%'
           and (setdatabase = (select oid from pg_database where datname = current_database())
                or setdatabase = 0 and rolname like 'modgate\\_%')
         order by 1, 2",
    )
    .fetch_all(snapshot)
    .await?;
    report.notes.extend(paths.into_iter().map(|(role, is_here, setting)| {
        let whose = role.map_or_else(|| "all roles".to_owned(), |role| format!("role {role}"));
        let place = if is_here { "this database" } else { "every database" };
        format!(
            "{whose} in {place} has {setting}: what such a session reads unqualified may be something else"
        )
    }));
    Ok(())
}
