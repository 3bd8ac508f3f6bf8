//! Whether a moderator's own actions are outnumbered by what else they look for.
//!
//! Somebody who sees only their own actions may look for what thousands of others have: the busiest
//! room, the commonest state. Finding theirs among those must not cost more than looking at theirs.
//! So what else is looked for is counted first, up to a bound, by its index alone: a few milliseconds
//! at most. If there is more, only their own are looked at, one by one.

use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::clauses::{only_indexed, push_range, push_values};
use super::filter::{Condition, Filter, Values};

/// So many other actions are looked at one by one.
const MOST_ACTIONS: i64 = 2_000;

/// So many events are merged with one's own actions, index with index.
const MOST_EVENTS: i64 = 50_000;

/// A statement that tells whether they are; none if only one's own are looked at anyway.
pub(super) fn outnumbered(filter: &Filter, cursor: Option<Uuid>) -> Option<QueryBuilder<Postgres>> {
    filter.own()?;
    if filter.id.is_some() || filter.tencent_request_id.is_some() {
        return None;
    }
    let mut conditions = filter.conditions().into_iter();
    let narrow = conditions.find(|condition| condition.is_narrow() && condition.values.is_one());
    if let Some(narrow) = narrow {
        let actions = ("action", "id");
        return Some(counting(filter, cursor, actions, narrow, MOST_ACTIONS));
    }
    let event = filter.code().or_else(|| ends(filter))?;
    let events = ("event", "action_id");
    Some(counting(filter, cursor, events, event, MOST_EVENTS))
}

/// The states that events have: what is pending has none.
fn ends(filter: &Filter) -> Option<Condition> {
    let mut states = filter.states()?;
    states.retain(|state| state != "pending");
    (!states.is_empty()).then_some(Condition {
        column: "state",
        values: Values::Texts(states),
    })
}

fn counting(
    filter: &Filter,
    cursor: Option<Uuid>,
    (table, id): (&str, &str),
    Condition { column, values }: Condition,
    most: i64,
) -> QueryBuilder<Postgres> {
    let (from, before) = filter.ids(cursor);
    let mut query = QueryBuilder::new("select count(*) > ");
    query.push_bind(most).push(format_args!(
        " from (select from audit.{table} where {column} = any("
    ));
    push_values(&mut query, values).push(")");
    only_indexed(&mut query, column);
    push_range(&mut query, id, from, before);
    query.push(" limit ").push_bind(most + 1).push(") as found");
    query
}
