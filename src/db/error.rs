//! Why a database cannot be used.

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The URL is not one of Postgres.
    #[error(
        "must be a URL as postgres://user:password@host:port/database?sslmode=verify-full, its user name and password \
         percent-encoded"
    )]
    Url,
    /// No connection, or a statement failed.
    #[error("the database cannot be reached")]
    Unreachable(#[source] sqlx::Error),
    /// A migration failed, or the database was migrated by another build.
    #[error("the database cannot be migrated")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// It stores texts in this encoding, which lacks most characters.
    #[error(
        "the database has the encoding {0}, and must have UTF8: `create database … encoding 'UTF8' template template0`"
    )]
    Encoding(String),
    /// A pooler that does not keep sessions is in between.
    #[error("a pooler in {0} mode is in between: it must be in session mode, or left out")]
    Pooling(&'static str),
    /// A lock was waited for in vain.
    #[error("{by} keeps a lock: let that end, or end it with pg_terminate_backend, and try again")]
    Blocked {
        /// Who had it.
        by: String,
        /// What Postgres says.
        #[source]
        source: sqlx::Error,
    },
    /// There may be a list of migrations that this role may not read.
    #[error(
        "{list} of role {owner} may list the migrations of this database, and this role ({role}) may not read it: run \
         deploy/roles.sql as a superuser or a member of {owner}, which gives such a list to modgate_owner, or as {owner} \
         `grant usage, create on schema {schema} to {role}; grant select, insert, update, delete on {list} to {role}`"
    )]
    UnreadableList {
        /// The table, with its schema.
        list: String,
        /// Its schema.
        schema: String,
        /// Whose it is.
        owner: String,
        /// Who may not read it.
        role: String,
    },
    /// Nothing was migrated.
    #[error(
        "the database has no tables of modgate: run `modgate migrate`, or connect to the database that has them"
    )]
    NotMigrated,
    /// This role may not read which migrations the database has.
    #[error(
        "this role may not read which migrations the database has: run `modgate migrate`, which grants the roles of deploy/roles.sql what they need"
    )]
    Unreadable,
    /// The schema is older than this build.
    #[error("{0} migrations are pending: run `modgate migrate`, or set MODGATE_MIGRATE=true")]
    Pending(usize),
    /// The role lacks rights without which nothing can be recorded or read.
    #[error(
        "this role may not do what the service does ({}): connect as modgate_service of deploy/roles.sql, and run \
         `modgate migrate`, which grants it what it needs", .0.join(", ")
    )]
    Rights(Vec<String>),
    /// The role lacks rights without which the schema cannot be brought up to date.
    #[error("this role cannot migrate ({}): connect as modgate_owner of deploy/roles.sql", several(.0))]
    MayNotMigrate(Vec<String>),
}

/// The first of these, and how many more there are: of a stranger's schema each thing is in the way.
fn several(reasons: &[String]) -> String {
    const NAMED: usize = 3;
    let named = reasons.iter().take(NAMED).cloned();
    let others = reasons.len().saturating_sub(NAMED);
    let others = (others > 0).then(|| format!("{others} more of the kind"));
    named.chain(others).collect::<Vec<_>>().join(", ")
}
