//! Seals as somebody makes them who knows how, with a key or without.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use sqlx::{AssertSqlSafe, PgConnection};
use uuid::Uuid;

use super::run;
use crate::record::leaves::{action_leaf, event_leaf};

/// One entry of `leaves`.
const ENTRY: usize = 51;

/// Who signs, and under which name.
pub(crate) struct Signer {
    pair: Ed25519KeyPair,
    pub(crate) key_id: String,
}

impl Signer {
    pub(crate) fn new(seed: &str) -> Self {
        let seed = hex::decode(seed).expect("hexadecimal digits");
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).expect("32 bytes are a seed");
        let key_id = hex::encode(sha256(pair.public_key().as_ref()))[..16].to_owned();
        Self { pair, key_id }
    }
}

fn sha256(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    digest(&SHA256, bytes.as_ref()).as_ref().to_vec()
}

#[derive(sqlx::FromRow)]
struct Seal {
    no: i64,
    epoch: i32,
    format: i32,
    leaves: Vec<u8>,
    sealed_at: i64,
}

impl Seal {
    fn head(&self, prev: &[u8]) -> Vec<u8> {
        let n = i32::try_from(self.leaves.len() / ENTRY).expect("few");
        let mut bytes = vec![2];
        bytes.extend(prev);
        bytes.extend(self.epoch.to_be_bytes());
        bytes.extend(self.no.to_be_bytes());
        bytes.extend(n.to_be_bytes());
        bytes.extend(self.sealed_at.to_be_bytes());
        bytes.extend(sha256(&self.leaves));
        if self.format > 1 {
            bytes.extend(self.format.to_be_bytes());
        }
        sha256(bytes)
    }
}

const SEALS: &str = "
    select no, epoch, format, leaves, (extract(epoch from sealed_at) * 1000000)::bigint as sealed_at
    from audit.seal where no >= $1 order by no";

/// What a seal holds of the row of an entry; nothing if the row is gone.
async fn row_hash(sql: &mut PgConnection, entry: &[u8]) -> Option<Vec<u8>> {
    let id = Uuid::from_slice(&entry[1..17]).expect("16 bytes");
    let rev = i16::from_be_bytes([entry[17], entry[18]]);
    let (table, leaf, key) = if rev == 0 {
        ("action", action_leaf(), "id = $1 and $2 = 0")
    } else {
        ("event", event_leaf(), "action_id = $1 and rev = $2")
    };
    let hash = format!(
        "select sha256('\\x01'::bytea || {leaf} || int8send((extract(epoch from recorded_at) * 1000000)::bigint)
                       || coalesce(mac, ''))
         from audit.{table} where {key}"
    );
    let hash = sqlx::query_scalar(AssertSqlSafe(hash)).bind(id).bind(rev);
    hash.fetch_optional(sql).await.expect("Postgres answers")
}

/// Makes the seals from `from` on anew, of the rows that are there.
pub(crate) async fn reseal(sql: &mut PgConnection, from: i64, signer: Option<&Signer>) {
    let prev = sqlx::query_scalar("select head from audit.seal where no = $1 - 1");
    let prev: Option<Vec<u8>> = prev
        .bind(from)
        .fetch_optional(&mut *sql)
        .await
        .expect("Postgres answers");
    let mut prev = prev.unwrap_or_else(|| vec![0; 32]);
    let seals = sqlx::query_as::<_, Seal>(SEALS).bind(from);
    for mut seal in seals.fetch_all(&mut *sql).await.expect("Postgres answers") {
        let mut leaves = Vec::new();
        for entry in seal.leaves.chunks(ENTRY) {
            if let Some(hash) = row_hash(sql, entry).await {
                leaves.extend_from_slice(&entry[..19]);
                leaves.extend(hash);
            }
        }
        seal.leaves = leaves;
        let removed = sqlx::query("delete from audit.seal where no = $1").bind(seal.no);
        removed
            .execute(&mut *sql)
            .await
            .expect("nothing is in its way");
        prev = put(sql, &seal, &prev, signer).await;
    }
}

async fn put(sql: &mut PgConnection, seal: &Seal, prev: &[u8], signer: Option<&Signer>) -> Vec<u8> {
    let head = seal.head(prev);
    let message = [b"modgate.seal.v1\n".as_slice(), &head].concat();
    let signature = signer.map(|signer| signer.pair.sign(&message).as_ref().to_vec());
    let put = sqlx::query(
        "insert into audit.seal (no, epoch, format, prev, n, leaves, sealed_at, head, signature, key_id, snapshot)
         values ($1, $2, $9, $3, octet_length($4) / 51, $4, timestamptz 'epoch' + $5 * interval '1 us', $6, $7, $8,
                 pg_current_snapshot())",
    );
    let put = put
        .bind(seal.no)
        .bind(seal.epoch)
        .bind(prev)
        .bind(&seal.leaves);
    let put = put.bind(seal.sealed_at).bind(&head).bind(signature);
    let put = put.bind(signer.map(|signer| signer.key_id.as_str()));
    let put = put.bind(seal.format);
    put.execute(sql).await.expect("nothing is in its way");
    head
}

/// A first seal, without rows, as it would have been made at `sealed_at`.
pub(crate) async fn first_seal(sql: &mut PgConnection, sealed_at: i64, signer: &Signer) {
    first_seal_of_format(sql, sealed_at, signer, 3).await;
}

/// The same, as builds of that format made it.
pub(crate) async fn first_seal_of_format(
    sql: &mut PgConnection,
    sealed_at: i64,
    signer: &Signer,
    format: i32,
) {
    let seal = Seal {
        no: 1,
        epoch: 1,
        format,
        leaves: Vec::new(),
        sealed_at,
    };
    // Nobody makes one of an older format any more.
    let in_order = "alter table audit.seal ACTION trigger in_order";
    run(sql, &in_order.replace("ACTION", "disable")).await;
    put(sql, &seal, &[0; 32], Some(signer)).await;
    run(sql, &in_order.replace("ACTION", "enable always")).await;
}

/// One more seal, without rows, that follows the last.
pub(crate) async fn one_more_seal(sql: &mut PgConnection, signer: Option<&Signer>) -> i64 {
    let last = "select no, epoch, format, head, (extract(epoch from sealed_at) * 1000000)::bigint
                from audit.seal order by no desc limit 1";
    let (no, epoch, format, head, at): (i64, i32, i32, Vec<u8>, i64) = sqlx::query_as(last)
        .fetch_one(&mut *sql)
        .await
        .expect("there is one");
    let seal = Seal {
        no: no + 1,
        epoch,
        format,
        leaves: Vec::new(),
        sealed_at: at + 1,
    };
    put(sql, &seal, &head, signer).await;
    no + 1
}
