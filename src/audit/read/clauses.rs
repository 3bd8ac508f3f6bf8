//! Pieces of the statements that find actions.

use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::filter::Values;

/// Ids from `from` on and before `before`, as far as there are bounds.
pub(super) fn push_range(
    query: &mut QueryBuilder<Postgres>,
    id: &str,
    from: Option<Uuid>,
    before: Option<Uuid>,
) {
    for (comparison, bound) in [(">=", from), ("<", before)] {
        if let Some(bound) = bound {
            query
                .push(format_args!(" and {id} {comparison} "))
                .push_bind(bound);
        }
    }
}

/// Codes are indexed without 0.
pub(super) fn only_indexed(query: &mut QueryBuilder<Postgres>, column: &str) {
    if column == "error_code" {
        query.push(" and error_code <> 0");
    }
}

/// The values as one array.
pub(super) fn push_values(
    query: &mut QueryBuilder<Postgres>,
    values: Values,
) -> &mut QueryBuilder<Postgres> {
    match values {
        Values::Texts(texts) => query.push_bind(texts),
        Values::Ids(ids) => query.push_bind(ids),
        Values::Codes(codes) => query.push_bind(codes),
    }
}
