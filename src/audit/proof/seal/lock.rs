//! Who may append seals: one transaction at a time, by a lock that takes the right to change schema
//! `modgate`. Whoever may only read the record cannot hold it.

use sqlx::{FromRow, PgConnection};

/// A transaction that keeps others from appending seals, as far as Postgres tells this role.
#[derive(Clone, Debug, FromRow, PartialEq, Eq)]
pub struct LockHolder {
    /// Tells the transaction from others that run at the same time.
    pub transaction: String,
    /// Its server process; `None` for a prepared transaction.
    pub pid: Option<i32>,
    /// The database role.
    pub role: Option<String>,
    /// What it calls itself; empty where that is not this role's to know.
    pub application: Option<String>,
    /// The other end of its connection.
    pub address: Option<String>,
}

/// Whether this transaction is the one that may append seals: others that ask before it ends are
/// told that they are not.
pub(super) async fn lock(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let locked = sqlx::query_scalar!(r#"select modgate.try_lock_seals() as "locked!""#);
    locked.fetch_one(connection).await
}

/// As [`lock`], but waits for its turn.
pub(in crate::audit) async fn lock_when_free(
    connection: &mut PgConnection,
) -> Result<(), sqlx::Error> {
    let lock = sqlx::raw_sql("lock table modgate.seal_lock in share row exclusive mode");
    lock.execute(connection).await.map(drop)
}

/// Who has it, if anybody still has.
pub(super) async fn holder(
    connection: &mut PgConnection,
) -> Result<Option<LockHolder>, sqlx::Error> {
    let holder = sqlx::query_as!(
        LockHolder,
        r#"select virtualtransaction as "transaction!", l.pid, usename::text as role,
                  application_name as application, host(client_addr) as address
           from pg_locks l left join pg_stat_activity a on a.pid = l.pid
           where locktype = 'relation' and relation = 'modgate.seal_lock'::regclass
             and database = (select oid from pg_database where datname = current_database())
             and granted and mode not in ('AccessShareLock', 'RowShareLock')
           order by l.pid limit 1"#
    );
    holder.fetch_optional(connection).await
}
