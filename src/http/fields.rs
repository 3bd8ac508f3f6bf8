//! From named texts to domain values, with every fault noted under the name of its field.

use std::collections::BTreeMap;
use std::fmt::Display;

use actix_web::HttpRequest;
use serde_json::Value;
use uuid::Uuid;

use super::problem::{ApiError, FieldFault};
use crate::domain::{Command, IdempotencyKey, Kind, Request, Slot, Targets, UserId, printable};
use crate::http::settings::RequestRules;
use crate::members::Members;

/// The fields of a request, of which each is taken at most once.
#[derive(Debug, Default)]
pub(super) struct Fields {
    values: BTreeMap<String, Value>,
    faults: Vec<FieldFault>,
}

impl Fields {
    /// The members of a body. A duplicate is a fault.
    pub(super) fn of(members: Members<Value>) -> Self {
        let mut fields = Self::default();
        for (name, value) in members.0 {
            if let Some(_earlier) = fields.values.insert(name.clone(), value) {
                fields.fault(&name, "must not be given twice");
            }
        }
        fields
    }

    pub(super) fn fault(&mut self, field: &str, rule: impl Display) {
        // The name may be the client's own, of any length and content.
        self.faults.push(FieldFault {
            field: printable(field, 100),
            rule: rule.to_string(),
        });
    }

    /// A text, if it is there and not null.
    fn text(&mut self, field: &str) -> Option<String> {
        match self.values.remove(field)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            _ => {
                self.fault(field, "must be a string");
                None
            }
        }
    }

    /// A value that need not be there.
    pub(super) fn optional<T, E: Display>(
        &mut self,
        field: &str,
        read: impl FnOnce(String) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(field)?;
        read(text).map_err(|rule| self.fault(field, rule)).ok()
    }

    /// Yes or no, if it is there and not null.
    fn choice(&mut self, field: &str) -> Option<bool> {
        match self.values.remove(field)? {
            Value::Null => None,
            Value::Bool(choice) => Some(choice),
            _ => {
                self.fault(field, "must be true or false");
                None
            }
        }
    }

    /// A value that must be there.
    pub(super) fn required<T, E: Display>(
        &mut self,
        field: &str,
        read: impl FnOnce(String) -> Result<T, E>,
    ) -> Option<T> {
        if matches!(self.values.get(field), None | Some(Value::Null)) {
            self.values.remove(field);
            self.fault(field, "is required");
            return None;
        }
        self.optional(field, read)
    }

    /// `value`, if nothing was wrong and no field was left over.
    pub(super) fn finish<T>(mut self, value: Option<T>) -> Result<T, ApiError> {
        for field in std::mem::take(&mut self.values).into_keys() {
            self.fault(&field, "is not a field of this request");
        }
        match value {
            Some(value) if self.faults.is_empty() => Ok(value),
            _ => Err(ApiError::InvalidRequest {
                detail: "one or more fields break their rules".to_owned(),
                errors: self.faults,
            }),
        }
    }
}

/// What a body of this kind asks for.
pub(super) fn request(
    kind: Kind,
    members: Members<Value>,
    http: &HttpRequest,
    rules: &RequestRules,
) -> Result<Request, ApiError> {
    let mut fields = Fields::of(members);
    let idempotency_key = idempotency_key(&mut fields, http);
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
fn targets(kind: Kind, fields: &mut Fields, rules: &RequestRules) -> Targets {
    let mut targets = Targets::default();
    for field in kind.fields {
        let name = field.slot.as_str();
        match field.slot {
            Slot::UserId => {
                targets.user_id = fields.required(name, |text| user_id(text, rules));
            }
            Slot::RoomId => targets.room_id = fields.required(name, TryFrom::try_from),
            Slot::Data => targets.data = fields.required(name, TryFrom::try_from),
            Slot::Silent => targets.silent = fields.choice(name),
        }
    }
    targets
}

/// `Idempotency-Key`: a quoted string, or, as most clients send it, a bare one.
fn idempotency_key(fields: &mut Fields, http: &HttpRequest) -> Option<IdempotencyKey> {
    const FIELD: &str = "Idempotency-Key";
    let mut values = http.headers().get_all(FIELD);
    let value = values.next()?;
    if values.next().is_some() {
        fields.fault(FIELD, "must not be given twice");
        return None;
    }
    let text = value.to_str().unwrap_or_default().trim();
    let quoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let key = IdempotencyKey::try_from(quoted.unwrap_or(text).to_owned());
    key.map_err(|rule| fields.fault(FIELD, rule)).ok()
}

fn user_id(text: String, rules: &RequestRules) -> Result<UserId, String> {
    let user_id = UserId::try_from(text).map_err(|rule| rule.to_string())?;
    match &rules.user_id_pattern {
        Some(pattern) if !pattern.is_match(user_id.as_str()) => {
            Err("must match the pattern that the operator has set".to_owned())
        }
        _ => Ok(user_id),
    }
}

/// The id of an action, as this API writes it.
pub(super) fn action_id(text: &str) -> Result<Uuid, &'static str> {
    match Uuid::try_parse(text) {
        Ok(id) if text.len() == uuid::fmt::Hyphenated::LENGTH => Ok(id),
        _ => Err("must be the id of an action"),
    }
}
