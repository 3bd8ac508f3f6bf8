//! What the gateways are asked for.

use std::collections::BTreeMap;

use chrono::{DateTime, Months, Utc};

use super::gateway::Gateway;

/// The most values of one filter.
const VALUES: usize = 10;

/// The actions on a thousand pages of the usual size.
const DEEP: usize = 1_000 * 50;

/// Paths, by filter and page.
pub(crate) type Paths = BTreeMap<(&'static str, &'static str), Vec<String>>;

/// A list that is asked for, and the ids on it in SQL.
struct Question {
    name: &'static str,
    query: String,
    ids: String,
}

/// Where a filter's column is.
#[derive(Clone, Copy)]
enum Table {
    Action,
    Event,
}

impl Table {
    const fn ids(self) -> &'static str {
        match self {
            Self::Action => "select id from audit.action where",
            Self::Event => "select action_id as id from audit.event where",
        }
    }
}

/// Everything that is asked for.
pub(crate) async fn paths(gateway: &mut Gateway) -> Paths {
    let mut questions = few_values();
    questions.extend(many_values(gateway).await);
    questions.extend(ranges(gateway).await);
    let mut paths = Paths::new();
    for Question { name, query, ids } in questions {
        let first = format!("/v1/actions?{query}");
        if let Some(cursor) = cursor(gateway, &ids).await {
            let deep = paths.entry((name, "1000th")).or_default();
            deep.push(format!("{first}cursor={cursor}"));
        }
        paths.entry((name, "first")).or_default().push(first);
    }
    let ids = spread(gateway, Table::Action, "id").await;
    let gets = ids.into_iter().map(|id| format!("/v1/actions/{id}"));
    paths.insert(("id", "get"), gets.collect());
    for (name, user, count) in [("of 10 actions", "few", 10), ("of 10,000", "many", 2)] {
        let users = (0..count).map(|number| format!("/v1/users/{user}{number}"));
        paths.insert((name, "user"), users.collect());
    }
    paths
}

/// The last id before the thousandth page, or before the last if there are fewer; none of one page.
async fn cursor(gateway: &mut Gateway, ids: &str) -> Option<String> {
    let query = format!(
        "select id::text from (
             select id, row_number() over (order by id desc) as number, count(*) over () as found
             from (select id from ({ids}) as ids order by id desc limit {DEEP}) as newest) as numbered
         where number = (found - 1) / 50 * 50"
    );
    gateway.values(&query).await.into_iter().next()
}

/// Values of a column, from all over the year.
async fn spread(gateway: &mut Gateway, table: Table, column: &str) -> Vec<String> {
    let (table, id) = match table {
        Table::Action => ("action", "id"),
        Table::Event => ("event", "action_id"),
    };
    let query = format!(
        "select found from generate_series(1, {VALUES}) as part cross join lateral (
             select {column}::text as found from audit.{table} where {column} is not null
                 and {id} > audit.uuid7_floor(now() - (part - 0.5) * interval '1 year' / {VALUES})
             order by {id} limit 1) as one"
    );
    gateway.values(&query).await
}

fn question(name: &'static str, table: Table, parameter: &str, value: &str) -> Question {
    Question {
        name,
        query: format!("{parameter}={value}&"),
        ids: format!("{} {parameter} = '{value}'", table.ids()),
    }
}

/// Filters whose values are known, some of which find much and some little.
fn few_values() -> Vec<Question> {
    let mut questions = vec![
        Question {
            name: "none",
            query: String::new(),
            ids: format!("{} true", Table::Action.ids()),
        },
        Question {
            name: "state, pending",
            query: "state=pending&".to_owned(),
            ids: format!("{} false", Table::Action.ids()),
        },
        question("kind, login", Table::Action, "kind", "kick_login"),
        question("kind, seat", Table::Action, "kind", "kick_seat"),
    ];
    for state in ["succeeded", "refused", "not_sent", "unknown", "denied"] {
        questions.push(question("state", Table::Event, "state", state));
    }
    for code in ["70107", "70402", "60008", "0"] {
        questions.push(question("error_code", Table::Event, "error_code", code));
    }
    for number in [1, 2, 3, 5, 10, 30, 100, 199] {
        let moderator = format!("moderator{number}");
        questions.push(question(
            "moderator",
            Table::Action,
            "moderator",
            &moderator,
        ));
    }
    for number in [1, 2, 10, 100, 1_500] {
        let room = format!("room{number}");
        questions.push(question("room_id", Table::Action, "room_id", &room));
    }
    questions
}

/// Filters whose values each find few.
async fn many_values(gateway: &mut Gateway) -> Vec<Question> {
    let mut questions = Vec::new();
    for (column, table) in [
        ("user_id", Table::Action),
        ("case_ref", Table::Action),
        ("idempotency_key", Table::Action),
        ("batch_id", Table::Action),
        ("tencent_request_id", Table::Event),
    ] {
        for value in spread(gateway, table, column).await {
            questions.push(question(column, table, column, &value));
        }
    }
    questions
}

/// Times alone, and with a moderator, a user or a kind.
async fn ranges(gateway: &mut Gateway) -> Vec<Question> {
    let ago = |months| Some(Utc::now() - Months::new(months));
    let user = spread(gateway, Table::Action, "user_id")
        .await
        .swap_remove(VALUES / 2);
    let questions = [
        ("since", ago(9), None, None),
        ("until", None, ago(2), None),
        ("since, until", ago(6), ago(5), None),
        (
            "moderator, month",
            ago(6),
            ago(5),
            Some(("moderator", "moderator1")),
        ),
        (
            "moderator, month",
            ago(6),
            ago(5),
            Some(("moderator", "moderator100")),
        ),
        (
            "user_id, half",
            ago(9),
            ago(3),
            Some(("user_id", user.as_str())),
        ),
        ("kind, month", ago(6), ago(5), Some(("kind", "kick_login"))),
        ("kind, month", ago(6), ago(5), Some(("kind", "kick_seat"))),
    ];
    let questions = questions.map(|(name, since, until, other)| range(name, since, until, other));
    questions.into_iter().collect()
}

fn range(
    name: &'static str,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    other: Option<(&str, &str)>,
) -> Question {
    let (mut query, mut ids) = (String::new(), vec![format!("{} true", Table::Action.ids())]);
    for (parameter, comparison, moment) in [("since", ">=", since), ("until", "<", until)] {
        if let Some(moment) = moment {
            let moment = moment.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string();
            query.extend([parameter, "=", &moment, "&"]);
            ids.push(format!("id {comparison} audit.uuid7_floor('{moment}')"));
        }
    }
    if let Some((parameter, value)) = other {
        query.extend([parameter, "=", value, "&"]);
        ids.push(format!("{parameter} = '{value}'"));
    }
    Question {
        name,
        query,
        ids: ids.join(" and "),
    }
}
