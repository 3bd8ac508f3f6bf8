//! What a page's candidates are taken from.

use super::filter::{Condition, Filter, Values};

/// What candidates are taken from.
pub(super) enum Source {
    /// Those with one value of an indexed column.
    Actions(Condition),
    /// Those with an attempt that got this `RequestId`.
    RequestId(String),
    /// Those with an event that has one value of an indexed column.
    Events(Condition),
    /// The same, as far as they are also among those of the second.
    Among(Condition, Condition),
    /// Those without an end, as far as they have one value of an indexed column.
    Pending(Option<Condition>),
    /// All.
    All,
}

/// The sources that together give all candidates, each with the states that are to be checked. Where a
/// moderator's own actions are `outnumbered` by what else is looked for, they alone are looked at.
pub(super) fn sources(filter: &Filter, outnumbered: bool) -> Vec<(Source, Option<Vec<String>>)> {
    let states = filter.states();
    if let Some(own) = filter.own().filter(|_| outnumbered) {
        return vec![(Source::Actions(own), states)];
    }
    if let Some(id) = filter.tencent_request_id.clone() {
        return vec![(Source::RequestId(id), states)];
    }
    let conditions = filter.conditions();
    let mut indexed = conditions
        .into_iter()
        .filter(|condition| condition.column != "issuer" && condition.values.is_one());
    let first = indexed.next();
    if let Some(narrow) = first.clone().filter(Condition::is_narrow) {
        return vec![(Source::Actions(narrow), states)];
    }
    let events = |of: Condition| match first.clone() {
        Some(broad) => Source::Among(of, broad),
        None => Source::Events(of),
    };
    if let Some(code) = filter.code() {
        return vec![(events(code), states)];
    }
    let Some(states) = states else {
        return vec![(first.map_or(Source::All, Source::Actions), None)];
    };
    let of_state = states.into_iter().map(|state| {
        let check = (state == "unknown").then(|| vec![state.clone()]);
        if state == "pending" {
            return (Source::Pending(filter.own()), check);
        }
        let values = Values::Texts(vec![state]);
        let column = "state";
        (events(Condition { column, values }), check)
    });
    of_state.collect()
}
