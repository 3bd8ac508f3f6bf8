//! Whether a gateway wrote a row, or somebody who can only insert.

use sqlx::PgConnection;

use super::keys::SealKeys;
use super::stored::StoredRow;

/// How long after the first signed seal rows without a mac are still taken for those of a gateway
/// that had not been given the key yet, in microseconds.
pub(in crate::audit) const ROLLOUT: i64 = 10 * 60 * 1_000_000;

/// Judges rows by the keys of a gateway.
pub(in crate::audit) struct Judge<'a> {
    keys: &'a SealKeys,
    /// Until when a row needs no mac.
    unkeyed_until: Option<i64>,
}

impl<'a> Judge<'a> {
    pub(in crate::audit) const fn new(keys: &'a SealKeys) -> Self {
        Self {
            keys,
            unkeyed_until: None,
        }
    }

    /// Whether the row's leaf hash is that of its fields and, where there is a key, its mac too.
    pub(in crate::audit) async fn is_genuine(
        &mut self,
        connection: &mut PgConnection,
        row: &StoredRow,
    ) -> Result<bool, sqlx::Error> {
        let canonical = row.canonical();
        if canonical.leaf() != row.leaf_hash || !row.has_its_time() {
            return Ok(false);
        }
        if self.keys.is_empty() {
            return Ok(true);
        }
        match &row.mac {
            Some(mac) => Ok(canonical.is_authentic(self.keys, mac)),
            None => Ok(row.recorded_at <= self.unkeyed_until(connection).await?),
        }
    }

    async fn unkeyed_until(&mut self, connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
        if let Some(known) = self.unkeyed_until {
            return Ok(known);
        }
        let first = first_signed_at(connection).await?;
        let until = first.map_or(i64::MAX, |first| first.saturating_add(ROLLOUT));
        self.unkeyed_until = Some(until);
        Ok(until)
    }
}

/// When the first signed seal was made, in microseconds since the Unix epoch.
pub(in crate::audit) async fn first_signed_at(
    connection: &mut PgConnection,
) -> Result<Option<i64>, sqlx::Error> {
    let first = sqlx::query_scalar!(
        r#"select (extract(epoch from sealed_at) * 1000000)::bigint as "sealed_at!"
           from audit.seal where signature is not null order by no limit 1"#
    );
    first.fetch_optional(connection).await
}
