//! Views, rules and functions as Postgres stores them: trees, of which it prints only a part.

use std::sync::LazyLock;

use regex::Regex;
use sqlx::PgConnection;

use super::Report;

/// Every tree of schema `audit` that Postgres evaluates.
const TREES: &str = "
    select format('view %s', ev_class::regclass), ev_action::text
    from pg_rewrite join pg_class c on c.oid = ev_class where relnamespace = to_regnamespace('audit')
    union all
    select format('constraint %I of %s', conname, conrelid::regclass), conbin::text
    from pg_constraint where connamespace = to_regnamespace('audit') and conbin is not null
    union all
    select format('default of %s', adrelid::regclass), adbin::text
    from pg_attrdef join pg_class c on c.oid = adrelid where relnamespace = to_regnamespace('audit')
    union all
    select format('function %s', p.oid::regprocedure), prosqlbody::text
    from pg_proc p where pronamespace = to_regnamespace('audit') and prosqlbody is not null
    order by 1";

/// A column: what is read, and what is printed.
static COLUMN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\{VAR :varno (\S+) :varattno (\S+) [^}]*?:varnosyn (\S+) :varattnosyn (\S+) ")
        .expect("it is a regular expression")
});

/// Conditions on rows that are never printed.
static HIDDEN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r":securityQuals [^<]").expect("it is a regular expression"));

/// Names what does something else than its definition says: a definition is printed from the tree, and
/// a tree that was edited need not do what is printed.
pub(super) async fn check(
    snapshot: &mut PgConnection,
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    let trees: Vec<(String, Option<String>)> = sqlx::query_as(TREES).fetch_all(snapshot).await?;
    for (what, tree) in trees {
        if is_disguised(&tree.unwrap_or_default()) {
            report.find(format_args!(
                "{what}: does something else than its definition says"
            ));
        }
    }
    Ok(())
}

fn is_disguised(tree: &str) -> bool {
    let mut columns = COLUMN.captures_iter(tree);
    HIDDEN.is_match(tree) || columns.any(|column| column[1] != column[3] || column[2] != column[4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_that_reads_another_column_than_it_prints_or_hides_rows_is_disguised() {
        let column = |read: u8| {
            format!(
                "({{VAR :varno 1 :varattno {read} :vartype 25 :vartypmod -1 :varnullingrels (b) :varlevelsup 0 \
                 :varnosyn 1 :varattnosyn 3 :location 7}})"
            )
        };
        assert!(!is_disguised(&column(3)) && is_disguised(&column(9)));
        let quals = |quals: &str| format!("{} :securityQuals {quals} :next", column(3));
        assert!(!is_disguised(&quals("<>")) && is_disguised(&quals("({OPEXPR :opno 531})")));
    }
}
