//! Rows as they are stored: each hashed field as the text that is hashed.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::LazyLock;

use aws_lc_rs::digest::{Context, SHA256};
use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use uuid::Uuid;

use super::canonical::{ACTION_FIELDS, Canonical, DECISION_FIELDS, EVENT_FIELDS, PRUNE_FIELDS};
use super::keys::SealKeys;

/// A table whose rows are sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Table {
    Action,
    Event,
    Prune,
    Decision,
}

impl Table {
    pub(super) const ALL: [Self; 4] = [Self::Action, Self::Event, Self::Prune, Self::Decision];

    /// What stands for it in canonical bytes and in seals.
    pub(super) const fn byte(self) -> u8 {
        match self {
            Self::Action => b'A',
            Self::Event => b'E',
            Self::Prune => b'P',
            Self::Decision => b'O',
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Action => "action",
            Self::Event => "event",
            Self::Prune => "prune",
            Self::Decision => "decision",
        }
    }

    pub(super) const fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Action => &ACTION_FIELDS,
            Self::Event => &EVENT_FIELDS,
            Self::Prune => &PRUNE_FIELDS,
            Self::Decision => &DECISION_FIELDS,
        }
    }

    /// Where the column of the row's time stands among its fields, if it is hashed with them.
    pub(super) const fn time_field(self) -> Option<usize> {
        match self {
            Self::Action | Self::Event => None,
            Self::Prune => Some(4),
            Self::Decision => Some(3),
        }
    }
}

/// Which row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    pub(super) id: Uuid,
    /// 0 where the table has none.
    pub(super) rev: u16,
    pub(super) table: Table,
}

impl fmt::Display for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.table.name(), self.id)?;
        match self.table {
            Table::Event => write!(formatter, " rev {}", self.rev),
            Table::Action | Table::Prune | Table::Decision => Ok(()),
        }
    }
}

/// A row with everything that a seal holds of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct StoredRow {
    pub(super) key: Key,
    /// In the order of [`Table::fields`].
    pub(super) fields: Vec<Option<String>>,
    /// Microseconds since the Unix epoch; of a prune `pruned_at`, of a decision `decided_at`.
    pub(super) recorded_at: i64,
    pub(super) leaf_hash: Vec<u8>,
    pub(super) mac: Option<Vec<u8>>,
}

impl StoredRow {
    /// A row that is about to be inserted, with what its fields make.
    pub(super) fn new(
        key: Key,
        fields: Vec<Option<String>>,
        recorded_at: i64,
        keys: &SealKeys,
    ) -> Self {
        let mut row = Self {
            key,
            fields,
            recorded_at,
            leaf_hash: Vec::new(),
            mac: None,
        };
        let canonical = row.canonical();
        (row.leaf_hash, row.mac) = (canonical.leaf(), canonical.mac(keys));
        row
    }

    /// Whether `recorded_at`, which is the database's and in no mac, is about the time that the fields
    /// tell: of an action to within a minute (a rule of the schema), of an event not before it, nor later
    /// than an end is offered to a record that does not take it.
    pub(super) fn has_its_time(&self) -> bool {
        const MINUTE: i64 = 60 * 1_000_000;
        let (place, latest) = match self.key.table {
            Table::Action => (25, MINUTE),
            Table::Event => (3, 30 * MINUTE),
            Table::Prune | Table::Decision => return true,
        };
        let told = self.fields.get(place).and_then(Option::as_deref);
        let told = told.and_then(|micros| micros.parse::<i64>().ok());
        told.is_some_and(|told| {
            let after = self.recorded_at.saturating_sub(told);
            (-MINUTE..=latest).contains(&after)
        })
    }

    pub(super) fn canonical(&self) -> Canonical {
        Canonical::of_texts(self.key.table.byte(), &self.fields)
    }

    /// What a seal says of it: SHA-256 over a byte 1, the leaf hash that its fields make,
    /// `recorded_at` as a big-endian i64, and `mac`, if it has one.
    pub(super) fn hash(&self) -> [u8; 32] {
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
    rev: i16,
    recorded_at: i64,
    leaf_hash: Vec<u8>,
    mac: Option<Vec<u8>>,
    fields: Vec<Option<String>>,
}

impl Read {
    fn into_row(mut self, table: Table) -> StoredRow {
        for (name, field) in table.fields().iter().zip(&mut self.fields) {
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
                rev: self.rev.cast_unsigned(),
                table,
            },
            fields: self.fields,
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
    let fields = table.fields().iter().map(|&name| match name {
        "requested_at" | "at" | "pruned_at" | "decided_at" => format!("{}::text", micros(name)),
        // Without the length of the netmask, unless it is one of a network.
        "client_ip" | "peer_ip" => format!("abbrev({name})"),
        _ => format!("{name}::text"),
    });
    let fields: Vec<String> = fields.collect();
    let (id, rev, recorded_at) = match table {
        Table::Action => ("id", "0::smallint", "recorded_at"),
        Table::Event => ("action_id", "rev", "recorded_at"),
        Table::Prune => ("id", "0::smallint", "pruned_at"),
        Table::Decision => ("id", "0::smallint", "decided_at"),
    };
    format!(
        "select {id} as id, {rev} as rev, {} as recorded_at, leaf_hash, mac, array[{}] as fields
         from audit.{} where {id} = any($1)",
        micros(recorded_at),
        fields.join(", "),
        table.name()
    )
}

static SELECTS: LazyLock<[String; 4]> = LazyLock::new(|| Table::ALL.map(select));

/// The rows with these keys, as far as they are there.
pub(super) async fn rows(
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
