//! The bodies of requests. They are parsed member by member (`fields`); these say which there are.

use utoipa::ToSchema;
use uuid::Uuid;

use crate::domain::{CaseRef, Data, Reason, RoomId, UserId};

/// Whose login is invalidated.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `fields` parses")]
pub(in crate::http) struct KickLoginBody {
    user_id: UserId,
    reason: Option<Reason>,
    case_ref: Option<CaseRef>,
    /// The id of an earlier action that this one repeats.
    supersedes: Option<Uuid>,
}

/// Who is taken off a seat.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "it describes what `fields` parses")]
pub(in crate::http) struct KickSeatBody {
    room_id: RoomId,
    user_id: UserId,
    data: Data,
    reason: Option<Reason>,
    case_ref: Option<CaseRef>,
    /// The id of an earlier action that this one repeats.
    supersedes: Option<Uuid>,
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde_json::{Value, json};

    use crate::config::RequestRules;
    use crate::domain::Kind;
    use crate::http::body::Members;
    use crate::http::fields::request;
    use crate::http::openapi::document;

    fn is_taken(kind: Kind, members: &[(String, Value)]) -> bool {
        let rules = RequestRules::default();
        let http = TestRequest::default().to_http_request();
        request(kind, Members(members.to_vec()), &http, &rules).is_ok()
    }

    /// An example for each member of the schema, and whether it is required.
    fn documented(schema: &str) -> Vec<(String, Value, bool)> {
        let schemas = &document()["components"]["schemas"];
        let example = |of_member: &Value| {
            let optional = of_member["oneOf"][0]["$ref"].as_str();
            let reference = of_member["$ref"].as_str().or(optional)?;
            let name = reference.rsplit('/').next()?;
            Some(schemas[name]["examples"][0].clone())
        };
        let members = schemas[schema]["properties"].as_object().expect("some");
        let required = schemas[schema]["required"].as_array().expect("some");
        let member = |(name, of_member): (&String, &Value)| {
            let example = example(of_member);
            let example = example.unwrap_or(json!("01a20038-017b-7000-8000-000000000001"));
            (name.clone(), example, required.contains(&json!(name)))
        };
        members.iter().map(member).collect()
    }

    #[test]
    fn the_parser_takes_what_the_document_describes_and_misses_what_is_required() {
        for (kind, schema) in [
            (Kind::KickLogin, "KickLoginBody"),
            (Kind::KickSeat, "KickSeatBody"),
        ] {
            let documented = documented(schema);
            let members = |without: &str| -> Vec<(String, Value)> {
                let others = documented.iter().filter(|(name, ..)| name != without);
                others
                    .map(|(name, value, _)| (name.clone(), value.clone()))
                    .collect()
            };
            assert!(is_taken(kind, &members("")), "{kind}");
            for (name, _, required) in &documented {
                assert_eq!(
                    is_taken(kind, &members(name)),
                    !required,
                    "{kind} without {name}"
                );
            }
        }
    }
}
