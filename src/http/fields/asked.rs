//! What the body of a request for an action asks for, and the values that fields have.

use actix_web::HttpRequest;
use serde_json::Value;
use uuid::Uuid;

use super::Fields;
use crate::domain::{
    Channels, Command, Data, Field, IdempotencyKey, Kind, Request, Slot, Targets, UserId,
    Violation, printable,
};
use crate::http::problem::ApiError;
use crate::http::settings::RequestRules;
use crate::members::Members;

/// The header whose value makes a repeat of a request the same request.
pub(in crate::http) const IDEMPOTENCY_KEY: &str = "Idempotency-Key";

/// The longest name of an issuer or of a moderator, in bytes.
const LONGEST_NAME: usize = 255;

/// What a body of this kind asks for.
pub(in crate::http) fn request(
    kind: Kind,
    members: Members<Value>,
    http: &HttpRequest,
    rules: &RequestRules,
) -> Result<Request, ApiError> {
    let mut fields = Fields::of(members);
    let idempotency_key = idempotency_key(http)
        .and_then(|key| key.map_err(|rule| fields.fault(IDEMPOTENCY_KEY, rule)).ok());
    let targets = targets(kind, &mut fields, rules);
    let command = Command::new(kind, targets);
    let reason = if rules.require_reason {
        fields.required("reason", TryFrom::try_from)
    } else {
        fields.optional("reason", TryFrom::try_from)
    };
    let case_ref = fields.optional("case_ref", TryFrom::try_from);
    let supersedes = fields.optional("supersedes", |text| action_id(&text));
    let request = command.map(|command| Request {
        command,
        reason,
        case_ref,
        supersedes,
        idempotency_key,
    });
    fields.finish(request)
}

/// The values of the fields of `kind`: those that break no rule.
pub(in crate::http) fn targets(kind: Kind, fields: &mut Fields, rules: &RequestRules) -> Targets {
    let mut targets = Targets::default();
    for field in kind.fields {
        let name = field.slot.as_str();
        match field.slot {
            Slot::UserId => {
                targets.user_id = fields.required(name, |text| user_id(text, rules));
            }
            Slot::RoomId => targets.room_id = fields.required(name, TryFrom::try_from),
            Slot::Data => targets.data = fields.required(name, |text| data(text, field)),
            Slot::Silent => targets.silent = fields.choice(name),
            Slot::Seconds => targets.span = fields.span(kind.has(Slot::Forever)),
            // Taken together with the seconds.
            Slot::Forever => {}
            Slot::Channels => {
                let channels = fields.optional(name, |text| text.parse::<Channels>());
                targets.channels = Some(channels.unwrap_or_default());
            }
            Slot::Undoes => targets.undoes = fields.optional(name, |text| action_id(&text)),
            Slot::Shortens => targets.shortens = fields.optional(name, |text| action_id(&text)),
        }
    }
    targets
}

/// `Idempotency-Key`: a quoted string, or, as most clients send it, a bare one. `None` if it is not there.
pub(in crate::http) fn idempotency_key(
    http: &HttpRequest,
) -> Option<Result<IdempotencyKey, Violation>> {
    let mut values = http.headers().get_all(IDEMPOTENCY_KEY);
    let value = values.next()?;
    if values.next().is_some() {
        return Some(Err(Violation("must not be given twice")));
    }
    let text = value.to_str().unwrap_or_default().trim();
    let quoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    Some(IdempotencyKey::try_from(quoted.unwrap_or(text).to_owned()))
}

fn data(text: String, field: &Field) -> Result<Data, String> {
    match field.longest {
        Some(longest) if text.len() > longest => Err(format!("must be at most {longest} bytes")),
        _ => Data::try_from(text).map_err(|rule| rule.to_string()),
    }
}

/// The name of a user.
pub(in crate::http) fn user_id(text: String, rules: &RequestRules) -> Result<UserId, String> {
    let user_id = UserId::try_from(text).map_err(|rule| rule.to_string())?;
    match &rules.user_id_pattern {
        Some(pattern) if !pattern.is_match(user_id.as_str()) => {
            Err("must match the pattern that the operator has set".to_owned())
        }
        _ => Ok(user_id),
    }
}

/// The id of an action, as this API writes it.
pub(in crate::http) fn action_id(text: &str) -> Result<Uuid, &'static str> {
    match Uuid::try_parse(text) {
        Ok(id) if text.len() == uuid::fmt::Hyphenated::LENGTH => Ok(id),
        _ => Err("must be the id of an action"),
    }
}

/// The issuer or the subject of a token.
pub(in crate::http) fn name(text: String) -> Result<String, String> {
    let fits = (1..=LONGEST_NAME).contains(&text.len()) && printable(&text, LONGEST_NAME) == text;
    let rule = || {
        format!(
            "must be 1 to {LONGEST_NAME} bytes without control characters or those that reorder text"
        )
    };
    fits.then_some(text).ok_or_else(rule)
}
