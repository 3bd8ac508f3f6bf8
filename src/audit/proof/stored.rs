//! Rows as they are stored: each hashed field as the text that is hashed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::LazyLock;

use aws_lc_rs::digest::{Context, SHA256};
use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use uuid::Uuid;

use super::canonical::Canonical;
use super::keys::SealKeys;
use super::layout::Layout;
use super::table::{Key, Table};

/// A row with everything that a seal holds of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::audit) struct StoredRow {
    pub(in crate::audit) key: Key,
    /// Which of the fields are hashed, and how.
    pub(in crate::audit) version: i16,
    /// In the order of [`Layout::columns`].
    pub(in crate::audit) fields: Vec<Option<String>>,
    /// What its texts about people are hashed with.
    pub(in crate::audit) salt: Option<Vec<u8>>,
    /// Microseconds since the Unix epoch; of a prune `pruned_at`, of a decision `decided_at`.
    pub(in crate::audit) recorded_at: i64,
    pub(in crate::audit) leaf_hash: Vec<u8>,
    pub(in crate::audit) mac: Option<Vec<u8>>,
}

impl StoredRow {
    /// A row without a salt that is about to be inserted, with what its fields make.
    pub(in crate::audit) fn new(
        key: Key,
        fields: Vec<Option<String>>,
        recorded_at: i64,
        keys: &SealKeys,
    ) -> Self {
        let mut row = Self {
            key,
            version: *key.table.layout().versions.end(),
            fields,
            salt: None,
            recorded_at,
            leaf_hash: Vec::new(),
            mac: None,
        };
        let canonical = row.canonical();
        (row.leaf_hash, row.mac) = (canonical.leaf(), canonical.mac(keys));
        row
    }

    /// A row with a salt that is about to be inserted, with what its fields make. The database says when it is recorded.
    pub(in crate::audit) fn salted(
        key: Key,
        fields: Vec<Option<String>>,
        salt: Vec<u8>,
        keys: &SealKeys,
    ) -> Self {
        let mut row = Self {
            salt: Some(salt),
            ..Self::new(key, fields, 0, keys)
        };
        let canonical = row.canonical();
        (row.leaf_hash, row.mac) = (canonical.leaf(), canonical.mac(keys));
        row
    }

    /// Whether this build knows what of it is hashed, and how.
    pub(in crate::audit) fn is_known(&self) -> bool {
        self.key.table.layout().versions.contains(&self.version)
    }

    /// The row for people, with its version: this build does not know it.
    pub(in crate::audit) fn newer(&self) -> String {
        format!("{} of version {}", self.key, self.version)
    }

    /// One of its hashed columns as the text that is hashed.
    pub(in crate::audit) fn field(&self, column: &str) -> Option<&str> {
        let mut columns = self.key.table.layout().columns.iter();
        let place = columns.position(|name| *name == column)?;
        self.fields.get(place)?.as_deref()
    }

    /// Whether `recorded_at`, which is the database's and in no mac, is about the time that the fields
    /// tell: to within a minute where a rule of the schema says so, of an event not before it, nor later
    /// than an end is offered to a record that does not take it.
    pub(in crate::audit) fn has_its_time(&self) -> bool {
        const MINUTE: i64 = 60 * 1_000_000;
        let told = |column| self.field(column)?.parse().ok();
        let (told, latest): (Option<i64>, i64) = match self.key.table {
            Table::Action | Table::Brake => (told("requested_at"), MINUTE),
            Table::Batch => (told("submitted_at"), MINUTE),
            Table::BatchItem => (self.key.millis().checked_mul(1_000), MINUTE),
            Table::Event | Table::BatchEvent => (told("at"), 30 * MINUTE),
            Table::Prune | Table::Decision => return true,
        };
        told.is_some_and(|told| {
            let after = self.recorded_at.saturating_sub(told);
            (-MINUTE..=latest).contains(&after)
        })
    }

    /// The bytes that its fields make, as its version hashes them.
    pub(in crate::audit) fn canonical(&self) -> Canonical {
        let layout = self.key.table.layout();
        let mut canonical = Canonical::new(layout.byte, self.version);
        let salt = self.salt.as_deref();
        for (index, (name, field)) in layout.columns.iter().zip(&self.fields).enumerate() {
            let field = field.as_deref();
            if self.version == 1 {
                // What version 1 has no column for counts only where somebody has put something into it.
                if index < layout.of_version_1 || field.is_some() {
                    canonical.text(field);
                }
            } else if layout.personal.contains(name) {
                canonical.personal(salt.unwrap_or_default(), field);
            } else {
                canonical.text(field);
            }
        }
        if let (1, Some(salt)) = (self.version, salt) {
            canonical.field(salt);
        }
        canonical
    }

    /// What a seal says of it: SHA-256 over a byte 1, the leaf hash that its fields make,
    /// `recorded_at` as a big-endian i64, and `mac`, if it has one.
    pub(in crate::audit) fn hash(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(&[1]);
        context.update(&self.canonical().leaf());
        context.update(&self.recorded_at.to_be_bytes());
        context.update(self.mac.as_deref().unwrap_or_default());
        let hash = context.finish();
        hash.as_ref().try_into().expect("SHA-256 has 32 bytes")
    }
}

#[derive(FromRow)]
struct Read {
    id: Uuid,
    rev: i32,
    version: i16,
    salt: Option<Vec<u8>>,
    recorded_at: i64,
    leaf_hash: Vec<u8>,
    mac: Option<Vec<u8>>,
    fields: Vec<Option<String>>,
}

impl Read {
    fn into_row(mut self, table: Table) -> StoredRow {
        for (name, field) in table.layout().columns.iter().zip(&mut self.fields) {
            // Postgres writes some addresses in another way than RFC 5952.
            if let ("client_ip" | "peer_ip", Some(text)) = (*name, field.as_deref())
                && let Ok(address) = text.parse::<IpAddr>()
            {
                *field = Some(address.to_string());
            }
        }
        StoredRow {
            key: Key {
                id: self.id,
                // A rule of the schema keeps it small. What has another is found by no entry of a seal.
                rev: u16::try_from(self.rev).unwrap_or(u16::MAX),
                table,
            },
            version: self.version,
            fields: self.fields,
            salt: self.salt,
            recorded_at: self.recorded_at,
            leaf_hash: self.leaf_hash,
            mac: self.mac,
        }
    }
}

/// A time as microseconds since the Unix epoch.
fn micros(column: &str) -> String {
    format!("(extract(epoch from {column}) * 1000000)::bigint")
}

fn select(table: Table) -> String {
    let layout: &Layout = table.layout();
    let fields = layout.columns.iter().map(|&name| match name {
        "requested_at" | "at" | "pruned_at" | "decided_at" | "submitted_at" | "expires_at" => {
            format!("{}::text", micros(name))
        }
        // Without the length of the netmask, unless it is one of a network.
        "client_ip" | "peer_ip" => format!("abbrev({name})"),
        _ => format!("{name}::text"),
    });
    let fields: Vec<String> = fields.collect();
    let either = |has, column, otherwise| if has { column } else { otherwise };
    format!(
        "select {id} as id, {rev}::integer as rev, {version} as version, {salt} as salt, {recorded_at} as recorded_at,
                leaf_hash, mac, array[{fields}] as fields
         from audit.{name} where {id} = any($1)",
        id = layout.id,
        rev = layout.rev.unwrap_or("0"),
        version = either(layout.has_row_format(), "row_format", "1::smallint"),
        salt = either(layout.has_salt(), "salt", "null::bytea"),
        recorded_at = micros(layout.time),
        fields = fields.join(", "),
        name = layout.name,
    )
}

static SELECTS: LazyLock<[String; 8]> = LazyLock::new(|| Table::ALL.map(select));

/// The rows with these keys, as far as they are there.
pub(in crate::audit) async fn rows(
    connection: &mut PgConnection,
    keys: &[Key],
) -> Result<HashMap<Key, StoredRow>, sqlx::Error> {
    let mut found = HashMap::with_capacity(keys.len());
    for (table, sql) in Table::ALL.into_iter().zip(SELECTS.iter()) {
        let of_table = keys.iter().filter(|key| key.table == table);
        let mut ids: Vec<Uuid> = of_table.map(|key| key.id).collect();
        if ids.is_empty() {
            continue;
        }
        ids.sort_unstable();
        ids.dedup();
        let query = sqlx::query_as::<_, Read>(AssertSqlSafe(sql.as_str())).bind(ids);
        for read in query.fetch_all(&mut *connection).await? {
            let row = read.into_row(table);
            found.insert(row.key, row);
        }
    }
    // An event of another rev is there only because its action was asked for.
    let wanted: std::collections::HashSet<&Key> = keys.iter().collect();
    found.retain(|key, _| wanted.contains(key));
    Ok(found)
}
