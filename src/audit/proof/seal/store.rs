//! `audit.seal`: read in order, appended to.

use sqlx::{FromRow, PgConnection};

use super::{Entry, Hash, Seal};
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::stored::StoredRow;

#[derive(FromRow)]
struct Read {
    no: i64,
    epoch: i32,
    format: i32,
    prev: Vec<u8>,
    leaves: Vec<u8>,
    sealed_at: i64,
    head: Vec<u8>,
    signature: Option<Vec<u8>>,
    key_id: Option<String>,
}

impl From<Read> for Seal {
    fn from(read: Read) -> Self {
        // What does not fit was never written by a sealer, and then its head is not right either.
        let hash = |bytes: Vec<u8>| Hash::try_from(bytes).unwrap_or_default();
        Self {
            no: read.no.cast_unsigned(),
            epoch: read.epoch.cast_unsigned(),
            format: read.format.cast_unsigned(),
            prev: hash(read.prev),
            leaves: read.leaves,
            sealed_at: read.sealed_at,
            head: hash(read.head),
            signed: read.signature.zip(read.key_id),
        }
    }
}

/// The newest seal.
#[derive(Debug)]
pub(in crate::audit) struct Newest {
    pub(in crate::audit) seal: Seal,
    /// What its sealer saw.
    pub(in crate::audit) snapshot: String,
    /// Whether it was made in this cluster, and not restored from a dump.
    pub(in crate::audit) is_of_this_cluster: bool,
}

impl Seal {
    /// Up to a hundred seals after `no`, in order.
    pub(in crate::audit) async fn after(
        connection: &mut PgConnection,
        no: u64,
    ) -> Result<Vec<Self>, sqlx::Error> {
        let seals = sqlx::query_as::<_, Read>(
            "select no, epoch, format, prev, leaves, (extract(epoch from sealed_at) * 1000000)::bigint as sealed_at,
                    head, signature, key_id
             from audit.seal where no > $1 order by no limit 100",
        );
        let seals = seals.bind(no.cast_signed()).fetch_all(connection).await?;
        Ok(seals.into_iter().map(Self::from).collect())
    }

    /// The newest hundred, the newest first.
    pub(in crate::audit) async fn last_hundred(
        connection: &mut PgConnection,
    ) -> Result<Vec<Self>, sqlx::Error> {
        let seals = sqlx::query_as::<_, Read>(
            "select no, epoch, format, prev, leaves, (extract(epoch from sealed_at) * 1000000)::bigint as sealed_at,
                    head, signature, key_id
             from audit.seal order by no desc limit 100",
        );
        let seals = seals.fetch_all(connection).await?;
        Ok(seals.into_iter().map(Self::from).collect())
    }

    /// Appends it.
    pub(in crate::audit) async fn insert(
        &self,
        connection: &mut PgConnection,
        snapshot: &str,
    ) -> Result<(), sqlx::Error> {
        let (signature, key_id) = self.signed.clone().unzip();
        let inserted = sqlx::query!(
            "insert into audit.seal
                 (no, epoch, format, prev, n, leaves, sealed_at, head, signature, key_id, snapshot)
             values ($1, $2, $3, $4, $5, $6, timestamptz 'epoch' + $7::bigint * interval '1 microsecond', $8, $9,
                     $10, $11::text::pg_snapshot)",
            self.no.cast_signed(),
            self.epoch.cast_signed(),
            self.format.cast_signed(),
            self.prev.as_slice(),
            self.n().cast_signed(),
            self.leaves,
            self.sealed_at,
            self.head.as_slice(),
            signature,
            key_id,
            snapshot
        );
        inserted.execute(connection).await.map(drop)
    }
}

/// Seals a row that the owner of the record has just added. What was due stays due.
pub(in crate::audit) async fn seal_one(
    connection: &mut PgConnection,
    newest: &Newest,
    row: &StoredRow,
    keys: &SealKeys,
) -> Result<Seal, sqlx::Error> {
    let Seal {
        no, epoch, head, ..
    } = newest.seal;
    let place = (no + 1, epoch, head);
    let seal = Seal::new(place, vec![Entry::of(row)], row.recorded_at, keys);
    seal.insert(connection, &newest.snapshot).await?;
    Ok(seal)
}

/// The head of seal `no` and whether it is signed, if it is there.
pub(super) async fn head_of(
    connection: &mut PgConnection,
    no: u64,
) -> Result<Option<(Hash, bool)>, sqlx::Error> {
    let seal = sqlx::query!(
        r#"select head, signature is not null as "is_signed!" from audit.seal where no = $1"#,
        no.cast_signed()
    );
    let seal = seal.fetch_optional(connection).await?;
    Ok(seal.map(|seal| {
        let head = Hash::try_from(seal.head).unwrap_or_default();
        (head, seal.is_signed)
    }))
}

/// The newest seal, if there is one.
///
/// A row's `xid` is its transaction's id; the system column `xmin` says which transaction brought
/// it to this cluster. Of two seals that one transaction restored, one at most has an id that
/// happens to be that of the restore.
///
/// `snapshot` is in no hash. It was taken before its seal got an id, and so shows no transaction
/// from that id on: who claims more, so that rows to come pass for sealed, is not believed.
pub(in crate::audit) async fn newest(
    connection: &mut PgConnection,
) -> Result<Option<Newest>, sqlx::Error> {
    let newest = sqlx::query!(
        r#"select no, epoch, format, prev, leaves,
                  (extract(epoch from sealed_at) * 1000000)::bigint as "sealed_at!", head, signature,
                  key_id, snapshot::text as "snapshot!",
                  (select bool_and(latest.brought_by = latest.xid::xid)
                   from (select other.xmin as brought_by, other.xid from audit.seal other
                         where other.epoch = seal.epoch order by other.no desc limit 2) latest)
                  and xid >= pg_snapshot_xmax(snapshot) and xid < pg_snapshot_xmax(pg_current_snapshot())
                  as "is_of_this_cluster!"
           from audit.seal order by no desc limit 1"#
    );
    let row = newest.fetch_optional(connection).await?;
    Ok(row.map(|row| Newest {
        snapshot: row.snapshot,
        is_of_this_cluster: row.is_of_this_cluster,
        seal: Seal::from(Read {
            no: row.no,
            epoch: row.epoch,
            format: row.format,
            prev: row.prev,
            leaves: row.leaves,
            sealed_at: row.sealed_at,
            head: row.head,
            signature: row.signature,
            key_id: row.key_id,
        }),
    }))
}
