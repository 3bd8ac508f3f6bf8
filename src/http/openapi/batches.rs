//! A batch as it runs, for examples.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, json};
use uuid::Uuid;

use super::ends::{End, action, richest};
use crate::audit::BatchItem;
use crate::batches::{Estimate, Seen, SeenItem, Valid, Warnings};
use crate::domain::{
    Batch, BatchAuthor, BatchEvent, BatchState, BatchWord, CaseRef, Counts, Ends, ItemState, Kinds,
    Moderator, Origin, Reason, State,
};

const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

const TOTAL: u32 = 5_000;

const FOUND_OUT: Warnings = Warnings {
    recently_done: Some(12),
    would_shorten: Some(0),
};

/// Its id.
pub(super) fn id() -> Uuid {
    Uuid::from_u128(0x01a2_0038_017b_7000_8000_0000_0000_0004)
}

fn submitted_at() -> DateTime<Utc> {
    action(richest(), &End::Succeeded).requested_at
}

fn kinds() -> Kinds {
    [(richest().as_str().to_owned(), TOTAL)].into()
}

/// A batch that a second person has approved, and that runs.
pub(in crate::http) fn running() -> Seen {
    let counts = |state, items| Ends {
        state,
        failure: None,
        class: None,
        tries: 1,
        items,
    };
    let ended = [
        counts(State::Pending, 12),
        counts(State::Succeeded, 1_850),
        counts(State::Unknown, 2),
    ];
    let counted_at = submitted_at() + TimeDelta::seconds(40);
    Seen {
        batch: Arc::new(batch()),
        counts: Counts::of(BatchState::Running, TOTAL, &ended),
        counted_at,
        estimate: Some(Estimate {
            rate_per_second: 188.2,
            done_at: Some(counted_at + TimeDelta::seconds(17)),
        }),
    }
}

/// What submitting it would have made.
pub(in crate::http) fn valid() -> Valid {
    Valid {
        total: TOTAL,
        kinds: kinds(),
        digest: DIGEST.to_owned(),
        needs_approval: true,
        expires_at: submitted_at() + TimeDelta::hours(2),
        warnings: FOUND_OUT,
    }
}

/// An item of it that is done.
pub(in crate::http) fn item() -> SeenItem {
    let mut action = action(richest(), &End::Succeeded);
    action.batch_id = Some(id());
    let item = BatchItem {
        index: 0,
        kind: action.kind.clone(),
        user_id: action.user_id.clone(),
        room_id: action.room_id.clone(),
        data: action.data.clone(),
        reason: action.reason.clone(),
        case_ref: action.case_ref.clone(),
        parameters: action.parameters.clone(),
        action: Some(action),
        tries: 1,
    };
    SeenItem {
        item,
        state: ItemState::Succeeded,
    }
}

fn batch() -> Batch {
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let events = [
        (BatchWord::Submitted, Some("alice"), 0),
        (BatchWord::Approved, Some("bob"), 20),
        (BatchWord::Started, None, 21),
    ];
    let events = (1..).zip(events);
    Batch {
        id: id(),
        moderator: alice(),
        origin: Origin {
            client_ip: address,
            peer_ip: address,
            user_agent: None,
            http_request_id: String::new(),
            trace_id: None,
        },
        reason: Reason::try_from("raid".to_owned()).ok(),
        case_ref: CaseRef::try_from("TS-9".to_owned()).ok(),
        total: TOTAL,
        digest: DIGEST.to_owned(),
        repeats: None,
        needs_approval: true,
        is_solo: false,
        kinds: kinds(),
        submitted_at: submitted_at(),
        expires_at: submitted_at() + TimeDelta::hours(2),
        events: events.map(event).collect(),
        last_rev: 3,
    }
}

fn event((rev, (word, by, seconds)): (i16, (BatchWord, Option<&str>, i64))) -> BatchEvent {
    let mut details = Map::new();
    if word == BatchWord::Submitted {
        let Warnings {
            recently_done,
            would_shorten,
        } = FOUND_OUT;
        let warnings = json!({"recently_done": recently_done, "would_shorten": would_shorten});
        details.insert("warnings".to_owned(), warnings);
    }
    let by = by.map(|subject| BatchAuthor {
        issuer: alice().issuer,
        subject: subject.to_owned(),
        name: None,
    });
    BatchEvent {
        rev,
        word,
        at: submitted_at() + TimeDelta::seconds(seconds),
        by,
        reason: None,
        details,
    }
}

fn alice() -> Moderator {
    Moderator {
        issuer: "https://id.example.com".to_owned(),
        subject: "alice".to_owned(),
        name: Some("Alice W.".to_owned()),
        token_id: None,
        client_id: None,
        actor: None,
        scopes: BTreeSet::new(),
        expires_at: submitted_at(),
    }
}
