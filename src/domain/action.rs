//! What is asked, and what became of it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{
    Answer, Attempt, CaseRef, Failure, IdempotencyKey, Kind, Moderator, Reason, Slot, State,
    Targets, Word,
};

/// What Tencent is asked to do: exactly the data that leaves. It has the fields of its kind, and no other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    kind: Kind,
    targets: Targets,
}

impl Command {
    /// An action of `kind`; `None` if a field that it requires has no value, or one that it has not has one.
    pub fn new(kind: Kind, targets: Targets) -> Option<Self> {
        let fits = |(slot, is_given): (Slot, bool)| {
            let field = kind.field(slot);
            field.map_or(!is_given, |field| is_given || !field.required)
        };
        let fit = targets.given().into_iter().all(fits);
        fit.then_some(Self { kind, targets })
    }

    /// Its kind.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The values of its fields.
    pub const fn targets(&self) -> &Targets {
        &self.targets
    }

    /// The user it is done to.
    pub fn user_id(&self) -> Option<&str> {
        self.targets.user_id()
    }

    /// The room, where the kind has one.
    pub fn room_id(&self) -> Option<&str> {
        self.targets.room_id()
    }

    /// The text for the user, where the kind has one.
    pub fn data(&self) -> Option<&str> {
        self.targets.data()
    }

    /// What the record has no column for, as it stands there: JSON in the form of RFC 8785.
    pub fn parameters(&self) -> Option<String> {
        // Names in their order, and no number that is written in more than one way.
        let members: BTreeMap<String, Value> = self.targets.parameters().into_iter().collect();
        let text = serde_json::to_string(&members).expect("texts are the keys");
        (!members.is_empty()).then_some(text)
    }
}

/// What a moderator asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// What Tencent is to do.
    pub command: Command,
    /// Why.
    pub reason: Option<Reason>,
    /// The case it belongs to.
    pub case_ref: Option<CaseRef>,
    /// The earlier action that this one repeats.
    pub supersedes: Option<Uuid>,
    /// What makes a repeat of this very request the same action.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Where a request came from. Its texts hold no control characters.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The client, as far as trusted proxies say.
    pub client_ip: IpAddr,
    /// The other end of the TCP connection.
    pub peer_ip: IpAddr,
    /// `User-Agent`, at most 256 characters.
    pub user_agent: Option<String>,
    /// `X-Request-Id`, the client's or ours.
    pub http_request_id: String,
    /// The trace id of `traceparent` (W3C Trace Context), 32 hexadecimal digits.
    pub trace_id: Option<String>,
}

/// An action before anything has happened: everything that is recorded of it up front.
#[derive(Clone, Debug)]
pub struct Intent {
    /// A `UUIDv7` minted from `requested_at`.
    pub id: Uuid,
    /// When the request arrived, by the gateway's clock, cut to microseconds.
    pub requested_at: DateTime<Utc>,
    /// How long after `requested_at` the gateway may still be sending.
    pub deadline: Duration,
    /// Who asks.
    pub moderator: Moderator,
    /// For what.
    pub request: Request,
    /// From where.
    pub origin: Origin,
    /// The item of a batch that it is: the batch, and the index in it.
    pub item: Option<(Uuid, u32)>,
}

impl Intent {
    /// An intent that arrives now.
    pub fn new(moderator: Moderator, request: Request, origin: Origin, deadline: Duration) -> Self {
        let now = Utc::now();
        let micros = now.timestamp_micros();
        let requested_at = DateTime::from_timestamp_micros(micros)
            .expect("the present in microseconds is a valid time");
        let (seconds, nanos) = (now.timestamp().unsigned_abs(), now.timestamp_subsec_nanos());
        let stamp = uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos);
        Self {
            id: Uuid::new_v7(stamp),
            requested_at,
            deadline,
            moderator,
            request,
            origin,
            item: None,
        }
    }
}

/// What Tencent said was in force on the target of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Whether the target was restricted; `None` where that is not known, or it was in part.
    pub in_effect: Option<bool>,
    /// When Tencent said so.
    pub at: DateTime<Utc>,
    /// When it ends.
    pub until: Option<DateTime<Utc>>,
}

/// An action as everyone sees it: in answers, lists and log lines.
#[derive(Clone, Debug)]
pub struct Action {
    /// A `UUIDv7` minted by the gateway.
    pub id: Uuid,
    /// The kind.
    pub kind: Word<Kind>,
    /// What became of it.
    pub state: Word<State>,
    /// The subject of the token.
    pub moderator: String,
    /// The moderator's name, for people to read.
    pub moderator_name: Option<String>,
    /// The user it was done to.
    pub user_id: Option<String>,
    /// The room or the group.
    pub room_id: Option<String>,
    /// The text for the user.
    pub data: Option<String>,
    /// What the record has no column for: a JSON object.
    pub parameters: Map<String, Value>,
    /// Why.
    pub reason: Option<String>,
    /// The case it belongs to.
    pub case_ref: Option<String>,
    /// The earlier action that this one repeats.
    pub supersedes: Option<Uuid>,
    /// The batch it is part of.
    pub batch_id: Option<Uuid>,
    /// When the request arrived.
    pub requested_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// From the arrival of the request to the end.
    pub duration: Option<Duration>,
    /// The attempts that are over, in order.
    pub attempts: Vec<Attempt>,
    /// Why it ended so, where no answer of Tencent's says it.
    pub failure: Option<Failure>,
    /// What the last probe has shown.
    pub probe: Option<Probe>,
    /// When what it has set ends by Tencent's word, where that proved that it was carried out.
    pub proved_until: Option<DateTime<Utc>>,
    /// Whether what this says is in the record.
    pub recorded: bool,
    /// Whether nobody has acknowledged that a row of it was written by no gateway.
    pub genuine: bool,
}

impl Action {
    /// The action of an intent that has not ended.
    pub fn pending(intent: &Intent) -> Self {
        let Request {
            command,
            reason,
            case_ref,
            supersedes,
            idempotency_key: _,
        } = &intent.request;
        Self {
            id: intent.id,
            kind: command.kind().into(),
            state: State::Pending.into(),
            moderator: intent.moderator.subject.clone(),
            moderator_name: intent.moderator.name.clone(),
            user_id: command.user_id().map(str::to_owned),
            room_id: command.room_id().map(str::to_owned),
            data: command.data().map(str::to_owned),
            parameters: command.targets().parameters(),
            reason: reason.as_ref().map(ToString::to_string),
            case_ref: case_ref.as_ref().map(ToString::to_string),
            supersedes: *supersedes,
            batch_id: intent.item.map(|(batch, _)| batch),
            requested_at: intent.requested_at,
            completed_at: None,
            duration: None,
            attempts: Vec::new(),
            failure: None,
            probe: None,
            proved_until: None,
            recorded: true,
            genuine: true,
        }
    }

    /// The last answer that Tencent gave.
    pub fn last_answer(&self) -> Option<&Answer> {
        self.attempts
            .iter()
            .rev()
            .find_map(|attempt| attempt.answer.as_ref())
    }
}
