//! Which rows of `audit.brake` count.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use uuid::Uuid;

use super::genuine::{Judgement, judge_row};
use crate::audit::proof::fetch;
use crate::audit::proof::keys::SealKeys;
use crate::audit::proof::table::{Key, Table};
use crate::db::{in_time, is_cancelled};
use crate::domain::{BrakeRow, Brakes};

/// How many rows one statement reads: each may be of 64 KiB.
const CHUNK: usize = 25;

/// For how long rows are judged at a time. What was judged is kept.
const SLICE: Duration = Duration::from_millis(800);

/// How often it is said that there are false rows.
const REPEAT_EVERY: Duration = Duration::from_mins(1);

/// What a process knows of the brakes, after it has judged every row that it saw.
#[derive(Clone, Debug, Default)]
pub(in crate::audit) struct Judged {
    /// What the genuine ones made when all that were there had been judged.
    pub(in crate::audit) brakes: Arc<Brakes>,
    /// What they make so far.
    so_far: Arc<Brakes>,
    /// What of it only a newer release can read.
    pub(in crate::audit) newer: Option<String>,
    /// Every row that was judged, genuine or not.
    seen: HashSet<Uuid>,
    /// `None` until every row that is there has been judged.
    marks: Option<Unjudged>,
    /// What they were judged with.
    keys: Arc<SealKeys>,
    /// False rows that were not told of yet.
    refused: usize,
    /// When something was told of.
    told_at: Option<Instant>,
}

/// What tells rows that were not judged from those that were: what `modgate.has_unjudged_brake` takes.
#[derive(Clone, Debug)]
pub(in crate::audit) struct Unjudged {
    /// Every transaction before this one was over: an `xid8`.
    pub(in crate::audit) seen_before: String,
    /// The rows of others that were seen.
    pub(in crate::audit) judged_since: Vec<Uuid>,
}

impl Judged {
    /// What a statement must ask for; nothing where there are no keys, and so no brakes.
    pub(in crate::audit) fn unjudged(&self, keys: &Arc<SealKeys>) -> Option<Unjudged> {
        if keys.is_empty() {
            return None;
        }
        // Before anything was judged, or with other keys, any row is one.
        let nothing_seen = || Unjudged {
            seen_before: "0".to_owned(),
            judged_since: Vec::new(),
        };
        let marks = self.marks.clone().filter(|_| Arc::ptr_eq(&self.keys, keys));
        Some(marks.unwrap_or_else(nothing_seen))
    }

    /// Whether there is more to be judged.
    pub(in crate::audit) fn is_partial(&self) -> bool {
        self.marks.is_none() && !self.keys.is_empty()
    }

    /// Whether no other rows were seen.
    pub(in crate::audit) fn is_as(&self, other: &Self) -> bool {
        self.seen.len() == other.seen.len()
    }

    /// Whether this row was seen.
    pub(super) fn has_seen(&self, id: Uuid) -> bool {
        self.seen.contains(&id)
    }

    /// Judges these rows, as far as there is time and the record can be read; whether that was all.
    async fn take(
        &mut self,
        connection: &mut PgConnection,
        ids: &[Uuid],
    ) -> Result<bool, sqlx::Error> {
        let began = Instant::now();
        let (mut rows, mut end) = (Vec::new(), Ok(true));
        for (number, some) in ids.chunks(CHUNK).enumerate() {
            if began.elapsed() >= SLICE {
                end = Ok(false);
                break;
            }
            match self.take_some(connection, some).await {
                Ok(genuine) => rows.extend(genuine),
                Err(error) => {
                    end = if number == 0 { Err(error) } else { Ok(false) };
                    break;
                }
            }
        }
        if !rows.is_empty() {
            Arc::make_mut(&mut self.so_far).extend(rows);
        }
        end
    }

    /// Those of these rows that are genuine.
    async fn take_some(
        &mut self,
        connection: &mut PgConnection,
        ids: &[Uuid],
    ) -> Result<Vec<BrakeRow>, sqlx::Error> {
        let keys: Vec<Key> = ids.iter().copied().map(key).collect();
        let mut genuine = Vec::new();
        for row in fetch::rows(connection, &keys).await?.values() {
            match judge_row(row, &self.keys) {
                Judgement::Genuine(row) => genuine.push(row),
                Judgement::Newer => self.newer = Some(row.newer()),
                Judgement::False => self.refused += 1,
            }
        }
        self.seen.extend(ids);
        Ok(genuine)
    }

    /// Says once a minute what somebody must look into.
    fn report(&mut self) {
        let is_due = self.told_at.is_none_or(|at| at.elapsed() >= REPEAT_EVERY);
        if !is_due || self.refused == 0 && self.newer.is_none() {
            return;
        }
        self.told_at = Some(Instant::now());
        if let Some(newer) = &self.newer {
            tracing::error!(
                event = "record_newer",
                error = newer,
                advice = "upgrade this replica",
                "a newer release froze or thawed something: this replica begins nothing"
            );
        }
        if self.refused > 0 {
            tracing::error!(
                event = "brake_refused",
                refused = self.refused,
                "freezes or thaws that were written with no key in use do nothing; `modgate verify` names those that were \
                 forged"
            );
            self.refused = 0;
        }
    }
}

/// Judges what there is in addition to what is `known`; anew with other keys, or where rows are gone that were there, as after
/// a fail-over.
pub(super) async fn judge(
    connection: &mut PgConnection,
    known: &Judged,
    keys: &Arc<SealKeys>,
) -> Result<Judged, sqlx::Error> {
    if keys.is_empty() {
        return Ok(Judged::default());
    }
    // Of one moment. What a crash has lost of the numbers of transactions is given out again: so many are looked at again.
    let there = sqlx::query!(
        r#"select marked.xid::text as "seen_before!",
                  array(select id from audit.brake) as "all!",
                  array(select id from audit.brake where xid >= marked.xid) as "since!"
           from (select greatest(pg_snapshot_xmin(pg_current_snapshot())::text::numeric - 1000000, 0)::text::xid8
                        as xid) as marked"#
    );
    let there = there.fetch_one(&mut *connection).await?;
    let all: HashSet<Uuid> = there.all.iter().copied().collect();
    let goes_on = Arc::ptr_eq(&known.keys, keys) && known.seen.is_subset(&all);
    let mut judged = if goes_on {
        known.clone()
    } else {
        Judged {
            brakes: Arc::clone(&known.brakes),
            keys: Arc::clone(keys),
            told_at: known.told_at,
            ..Judged::default()
        }
    };
    let mut new = there.all;
    new.retain(|id| !judged.seen.contains(id));
    let is_complete = judged.take(connection, &new).await?;
    judged.report();
    judged.marks = is_complete.then_some(Unjudged {
        seen_before: there.seen_before,
        judged_since: there.since,
    });
    if is_complete {
        judged.brakes = Arc::clone(&judged.so_far);
    }
    Ok(judged)
}

/// The same, until all are judged or `patience` is over.
pub(super) async fn judge_all(
    connection: &mut PgConnection,
    known: &Judged,
    keys: &Arc<SealKeys>,
    patience: Duration,
) -> Result<Judged, sqlx::Error> {
    let deadline = Instant::now() + patience;
    let mut judged = known.clone();
    loop {
        match in_time(judge(connection, &judged, keys)).await {
            Ok(now) if !now.is_partial() => return Ok(now),
            Ok(now) => judged = now,
            // A slow server may take longer for a moment.
            Err(error) if is_cancelled(&error) => {}
            Err(error) => return Err(error),
        }
        if Instant::now() >= deadline {
            return Err(sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()));
        }
    }
}

pub(super) const fn key(id: Uuid) -> Key {
    Key {
        id,
        rev: 0,
        table: Table::Brake,
    }
}
