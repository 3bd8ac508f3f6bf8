//! Rows are read as they are stored.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::LazyLock;

use sqlx::{AssertSqlSafe, FromRow, PgConnection};
use uuid::Uuid;

use super::layout::Layout;
use super::stored::StoredRow;
use super::table::{Key, Table};

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

/// A batch has thousands of items: of them only those with these indexes.
static SOME_ITEMS: LazyLock<String> =
    LazyLock::new(|| select(Table::BatchItem) + " and batch_index = any($2)");

/// All rows of `table` with these ids, in no order.
pub(in crate::audit) async fn all_of(
    connection: &mut PgConnection,
    table: Table,
    ids: &[Uuid],
) -> Result<Vec<StoredRow>, sqlx::Error> {
    let place = Table::ALL.iter().position(|one| *one == table);
    let sql = &SELECTS[place.expect("each table is one of all")];
    let query = sqlx::query_as::<_, Read>(AssertSqlSafe(sql.as_str())).bind(ids);
    let read = query.fetch_all(connection).await?;
    Ok(read.into_iter().map(|row| row.into_row(table)).collect())
}

/// The items of a batch with these indexes, in no order.
pub(in crate::audit) async fn items(
    connection: &mut PgConnection,
    batches: &[Uuid],
    indexes: &[i32],
) -> Result<Vec<StoredRow>, sqlx::Error> {
    let query = sqlx::query_as::<_, Read>(AssertSqlSafe(SOME_ITEMS.as_str()));
    let read = query
        .bind(batches)
        .bind(indexes)
        .fetch_all(connection)
        .await?;
    let rows = read.into_iter();
    Ok(rows.map(|row| row.into_row(Table::BatchItem)).collect())
}

/// The rows with these keys, as far as they are there.
pub(in crate::audit) async fn rows(
    connection: &mut PgConnection,
    keys: &[Key],
) -> Result<HashMap<Key, StoredRow>, sqlx::Error> {
    let mut found = HashMap::with_capacity(keys.len());
    for table in Table::ALL {
        let of_table = keys.iter().filter(|key| key.table == table);
        let mut ids: Vec<Uuid> = of_table.clone().map(|key| key.id).collect();
        if ids.is_empty() {
            continue;
        }
        ids.sort_unstable();
        ids.dedup();
        let read = if table == Table::BatchItem {
            let indexes: Vec<i32> = of_table.map(|key| key.rev.into()).collect();
            items(connection, &ids, &indexes).await?
        } else {
            all_of(connection, table, &ids).await?
        };
        found.extend(read.into_iter().map(|row| (row.key, row)));
    }
    // An event of another rev is there only because its action was asked for.
    let wanted: HashSet<&Key> = keys.iter().collect();
    found.retain(|key, _| wanted.contains(key));
    Ok(found)
}
