//! One user: what restricts them, and what was done to them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

use super::filter::Filter;
use super::target::{Asked, Row, action};
use crate::audit::{AuditLog, Error, again_if_broken};
use crate::db::Connection;
use crate::domain::{Action, Channels, InForce, Kind, TargetAction, in_force};

/// So many of the newest actions are counted.
const COUNTED: i64 = 1_000;

/// So many of them are shown.
const SHOWN: u16 = 10;

/// What the record knows of a user.
#[derive(Debug)]
pub struct User {
    /// What is in force, or may be: what ends last comes first.
    pub restrictions: Vec<Standing>,
    /// How many of the newest actions are of which kind and in which state.
    pub counts: Vec<Count>,
    /// Whether those are all.
    pub counts_complete: bool,
    /// The newest actions.
    pub actions: Vec<Action>,
}

/// A restriction that is in force, or may be.
#[derive(Debug)]
pub struct Standing {
    /// The action that has set it.
    pub id: Uuid,
    /// Its kind.
    pub kind: Kind,
    /// Where; `None` of one that belongs to no room.
    pub room_id: Option<String>,
    /// The messages that it is still about.
    pub channels: Channels,
    /// Since when: when it was asked for.
    pub since: DateTime<Utc>,
    /// When it ends; `None` if it does not.
    pub until: Option<DateTime<Utc>>,
    /// Whether it is in force for certain, as far as the record goes.
    pub certain: bool,
    /// Who has set it: issuer and subject.
    pub by: (String, String),
    /// Why.
    pub reason: Option<String>,
    /// The case it belongs to.
    pub case_ref: Option<String>,
}

/// How many actions are of a kind and in a state. Both are words, of which a newer release may know more.
#[derive(Debug, FromRow)]
pub struct Count {
    /// The kind.
    pub kind: String,
    /// The state.
    pub state: String,
    /// How many.
    pub count: i64,
    /// Whether there are more actions than were counted.
    more: bool,
}

impl AuditLog {
    /// What is known of the user `user_id`: the restrictions that kinds `set_by` set, and those actions that are
    /// `visible_to` this issuer and subject, or all.
    pub async fn user(
        &self,
        user_id: &str,
        visible_to: Option<(String, String)>,
        set_by: &[Kind],
    ) -> Result<User, Error> {
        let restrictions = again_if_broken(|| self.restrictions(user_id, set_by)).await?;
        let counts = again_if_broken(|| self.counts(user_id, visible_to.clone())).await?;
        let filter = Filter {
            user_id: Some(user_id.to_owned()),
            visible_to,
            ..Filter::default()
        };
        Ok(User {
            restrictions,
            counts_complete: !counts.iter().any(|count| count.more),
            counts,
            actions: self.list(&filter, SHOWN, None).await?.items,
        })
    }

    async fn restrictions(&self, user_id: &str, set_by: &[Kind]) -> Result<Vec<Standing>, Error> {
        let asked = Asked {
            of_target: "user_id = $1 and $2::text is null",
            user_id: Some(user_id),
            room_id: None,
            set_by,
            named: Vec::new(),
        };
        let mut connection = Connection::acquire(&self.reading).await?;
        let rows = self.rows(&mut connection, &asked).await?;
        connection.release();
        let mut by_target: BTreeMap<_, (Vec<TargetAction>, Vec<Row>)> = BTreeMap::new();
        for row in rows {
            let action = action(&row)?;
            let set_by = action.kind.lifts().unwrap_or(action.kind);
            let target = (set_by.as_str(), row.room_id.clone());
            let (actions, rows) = by_target.entry(target).or_default();
            actions.push(action);
            rows.push(row);
        }
        let now = Utc::now();
        let standing = by_target.values().flat_map(|(actions, rows)| {
            let in_force = in_force(actions, now).into_iter();
            in_force.filter_map(|one| {
                let mut rows = rows.iter();
                Some(standing(&one, rows.find(|row| row.id == one.action.id)?))
            })
        });
        let mut standing: Vec<Standing> = standing.collect();
        standing.sort_by_key(|one| (one.until.is_some(), Reverse(one.until)));
        Ok(standing)
    }

    async fn counts(
        &self,
        user_id: &str,
        visible_to: Option<(String, String)>,
    ) -> Result<Vec<Count>, Error> {
        let (issuer, moderator) = visible_to.unzip();
        let mut connection = Connection::acquire(&self.reading).await?;
        let counts = sqlx::query_as(
            "with newest as (
                 select id, kind, row_number() over (order by id desc) as number
                 from (select id, kind from audit.action
                       where user_id = $1 and ($2::text is null or (issuer = $2 and moderator = $3))
                       order by id desc limit $4 + 1) as found)
             select newest.kind, coalesce(ended.state, 'pending') as state, count(*) as count,
                    (select count(*) from newest) > $4 as more
             from newest
             left join lateral (
                 select e.state from audit.event e
                 where e.action_id = newest.id and audit.is_end(e.state)
                 order by (e.state = 'unknown'), e.rev desc limit 1) ended on true
             where newest.number <= $4
             group by 1, 2 order by 1, 2",
        );
        let counts = counts.bind(user_id).bind(issuer).bind(moderator);
        let counts = counts.bind(COUNTED).fetch_all(&mut *connection).await?;
        connection.release();
        Ok(counts)
    }
}

fn standing(one: &InForce<'_>, row: &Row) -> Standing {
    let action = one.action;
    Standing {
        id: action.id,
        kind: action.kind,
        room_id: row.room_id.clone(),
        channels: one.channels,
        since: action.requested_at,
        until: one.until,
        certain: one.certain,
        by: action.moderator.clone(),
        reason: row.reason.clone(),
        case_ref: row.case_ref.clone(),
    }
}
