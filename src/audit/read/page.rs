//! Which actions are on a page: the SQL that finds their ids.
//!
//! # Sources and checks
//! A source is one index, read backwards from the newest id. It gives candidates: every action that
//! the filter lets through, and maybe others. Checks look at each candidate by its id, with the
//! words of the view `audit.actions`, until the page is full. So a source decides how fast a page
//! is found, and the checks decide what is on it.
//!
//! The source is chosen here and not by Postgres: `order by column, id` for one value of the column
//! can only be read from the index on both. For `order by id` alone, Postgres may walk all actions of
//! a month in the hope that what it looks for is spread evenly, which a moderator who has left is not.
//! The value is written as `= any(array)`, because of a column that equals one value Postgres knows
//! that it need not be ordered by.

use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::candidates::{Source, sources};
use super::clauses::{only_indexed, push_range, push_values};
use super::filter::{Condition, Filter};

/// How a page is read: one snapshot for all its statements, so that an action and its events agree.
/// Each statement is planned for its values, so that months are left out, and by indexes in their
/// order alone, which are merged where there are two: the tables are too long for anything else, and
/// Postgres can tell neither how much is between two ids nor that a page is short.
pub(super) const BEGIN: &str = "begin isolation level repeatable read read only; \
    set local plan_cache_mode = force_custom_plan; set local random_page_cost = 1.1; \
    set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_sort = off; \
    set local enable_hashjoin = off; set local enable_nestloop = off; set local enable_hashagg = off; \
    set local max_parallel_workers_per_gather = 0";

/// The ids of the newest `count` actions that `filter` lets through, after `cursor`: in no order, and
/// up to `count` from each source. Every action before `ended_before` has ended. Whether one's own
/// actions are `outnumbered`: [`own`](super::own).
pub(super) fn ids(
    filter: &Filter,
    cursor: Option<Uuid>,
    ended_before: Uuid,
    outnumbered: bool,
    count: i64,
) -> QueryBuilder<Postgres> {
    let (from, before) = filter.ids(cursor);
    let mut search = Search {
        filter,
        from,
        before,
        ended_before,
        query: QueryBuilder::new(""),
    };
    for (index, (source, states)) in sources(filter, outnumbered).into_iter().enumerate() {
        if index > 0 {
            search.query.push(" union all ");
        }
        search.page(source, states, count);
    }
    search.query
}

/// A statement that is being written.
struct Search<'a> {
    filter: &'a Filter,
    from: Option<Uuid>,
    before: Option<Uuid>,
    ended_before: Uuid,
    query: QueryBuilder<Postgres>,
}

impl Search<'_> {
    fn page(&mut self, source: Source, states: Option<Vec<String>>, count: i64) {
        let mut unchecked = self.filter.conditions();
        let order = match &source {
            // It looks at the rows themselves.
            Source::Actions(_) => {
                unchecked.clear();
                "source desc, id desc"
            }
            Source::Among(_, read) => {
                let read = unchecked.iter().position(|one| one.column == read.column);
                read.map(|read| unchecked.remove(read));
                "source desc, id desc"
            }
            Source::Events(_) | Source::Pending(Some(_)) => "source desc, id desc",
            Source::RequestId(_) | Source::Pending(None) | Source::All => "id desc",
        };
        self.query.push("(select id from (");
        self.candidates(source);
        // Postgres neither turns this around nor checks before it has a candidate.
        self.query.push(format_args!(
            " order by {order} offset 0) as candidate where true"
        ));
        self.check_action(unchecked);
        self.check_events(states);
        self.query
            .push(format_args!(" order by {order} limit "))
            .push_bind(count)
            .push(")");
    }

    fn candidates(&mut self, source: Source) {
        match source {
            Source::Actions(read) => self.actions(&read),
            Source::RequestId(id) => self.request_id(id),
            Source::Events(Condition { column, values }) => {
                self.query.push(format_args!(
                    "select distinct {column} as source, action_id as id from audit.event where {column} = any("
                ));
                push_values(&mut self.query, values).push(")");
                only_indexed(&mut self.query, column);
                self.range("action_id", self.from);
            }
            Source::Among(event, action) => self.among(event, action),
            Source::Pending(own) => self.pending(own),
            Source::All => {
                self.query.push("select id from audit.action where true");
                self.range("id", self.from);
            }
        }
    }

    /// In the order of the index on `read`, which no other index is in; what else the rows must have is
    /// looked for in them at once.
    fn actions(&mut self, read: &Condition) {
        let column = read.column;
        self.query.push(format_args!(
            "select {column} as source, id from audit.action where true"
        ));
        for Condition { column, values } in self.filter.conditions() {
            self.query.push(format_args!(" and {column} = any("));
            push_values(&mut self.query, values).push(")");
        }
        self.range("id", self.from);
    }

    /// Found before they are put in order, which their index is not in.
    fn request_id(&mut self, id: String) {
        self.query
            .push(
                "select distinct id from unnest(array(\
                 select action_id from audit.event where tencent_request_id = ",
            )
            .push_bind(id);
        self.range("action_id", self.from);
        self.query.push(")) as id");
    }

    /// Two indexes in the order of the ids, which are merged.
    fn among(&mut self, event: Condition, action: Condition) {
        let (of_event, of_action) = (event.column, action.column);
        self.query.push(format_args!(
            "select distinct {of_event} as source, action_id as id \
             from audit.event join audit.action on id = action_id where {of_event} = ("
        ));
        push_values(&mut self.query, event.values);
        self.query.push(format_args!(")[1] and {of_action} = ("));
        push_values(&mut self.query, action.values).push(")[1]");
        only_indexed(&mut self.query, of_event);
        self.range("id", self.from);
        self.range("action_id", self.from);
    }

    fn pending(&mut self, own: Option<Condition>) {
        let from = self.from.max(Some(self.ended_before));
        match own {
            Some(Condition { column, values }) => {
                self.query.push(format_args!(
                    "select {column} as source, id from audit.action where {column} = any("
                ));
                push_values(&mut self.query, values).push(")");
            }
            None => {
                self.query.push("select id from audit.action where true");
            }
        }
        self.range("id", from);
        for ended in [
            "state in ('succeeded', 'refused', 'not_sent', 'denied')",
            "state = 'unknown'",
        ] {
            self.query.push(format_args!(
                " and not exists (select from audit.event where action_id = id and {ended}"
            ));
            self.range("action_id", from);
            self.query.push(")");
        }
    }

    fn range(&mut self, id: &str, from: Option<Uuid>) {
        push_range(&mut self.query, id, from, self.before);
    }

    /// What the source does not say of the action itself.
    fn check_action(&mut self, conditions: Vec<Condition>) {
        let (since, until) = self.filter.within_a_millisecond();
        if conditions.is_empty() && since.is_none() && until.is_none() {
            return;
        }
        self.query.push(" and (select true");
        for Condition { column, values } in conditions {
            self.query.push(format_args!(" and a.{column} = any("));
            push_values(&mut self.query, values).push(")");
        }
        for (comparison, moment) in [(">=", since), ("<", until)] {
            if let Some(moment) = moment {
                self.query
                    .push(format_args!(" and a.requested_at {comparison} "))
                    .push_bind(moment);
            }
        }
        self.query
            .push(" from audit.action a where a.id = candidate.id");
        self.range("a.id", self.from);
        self.query.push(")");
    }

    /// As the view has them.
    fn check_events(&mut self, states: Option<Vec<String>>) {
        if let Some(states) = states {
            self.query.push(
                " and coalesce((select e.state from audit.event e \
                 where e.action_id = candidate.id and audit.is_end(e.state)",
            );
            self.range("e.action_id", self.from);
            self.query
                .push(" order by (e.state = 'unknown'), e.rev desc limit 1), 'pending') = any(")
                .push_bind(states)
                .push(")");
        }
        if let Some(code) = self.filter.error_code {
            self.query.push(
                " and (select e.error_code from audit.event e \
                 where e.action_id = candidate.id and e.error_code is not null",
            );
            self.range("e.action_id", self.from);
            self.query
                .push(" order by e.rev desc limit 1) = ")
                .push_bind(code);
        }
    }
}
