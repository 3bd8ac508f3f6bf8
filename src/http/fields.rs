//! From named texts to domain values, with every fault noted under the name of its field.

use std::collections::BTreeMap;
use std::fmt::Display;

use actix_web::HttpRequest;
use serde_json::Value;
use uuid::Uuid;

use super::problem::{ApiError, FieldFault};
use crate::domain::{
    Channels, Command, Data, Field, IdempotencyKey, Kind, Request, Slot, Span, Targets, UserId,
    printable,
};
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

    /// How long: `seconds`, or, where `may_be_forever`, `forever`.
    fn span(&mut self, may_be_forever: bool) -> Option<Span> {
        let (seconds, forever) = (Slot::Seconds.as_str(), Slot::Forever.as_str());
        let given = self.values.remove(seconds).filter(|value| !value.is_null());
        let lasting = may_be_forever
            .then(|| self.values.remove(forever))
            .flatten();
        let lasting = lasting.filter(|value| !value.is_null());
        match (given, lasting) {
            (Some(_), Some(_)) => self.fault(forever, "must not be given beside seconds"),
            (Some(given), None) => {
                let span = whole(&given).and_then(Span::of_seconds);
                if span.is_none() {
                    self.fault(seconds, Span::RULE);
                }
                return span;
            }
            (None, Some(Value::Bool(true))) => return Some(Span::Forever),
            (None, Some(_)) => self.fault(forever, "must be true where it is given"),
            (None, None) if may_be_forever => self.fault(seconds, "is required, or forever"),
            (None, None) => self.fault(seconds, "is required"),
        }
        None
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

/// A whole number, also one that is written as `600.0`.
fn whole(value: &Value) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole, and within what a u32 holds"
    )]
    let of_float = |number: f64| {
        let fits = number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&number);
        fits.then_some(number as u64)
    };
    value.as_u64().or_else(|| value.as_f64().and_then(of_float))
}

fn data(text: String, field: &Field) -> Result<Data, String> {
    match field.longest {
        Some(longest) if text.len() > longest => Err(format!("must be at most {longest} bytes")),
        _ => Data::try_from(text).map_err(|rule| rule.to_string()),
    }
}

/// The name of a user.
pub(super) fn user_id(text: String, rules: &RequestRules) -> Result<UserId, String> {
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
