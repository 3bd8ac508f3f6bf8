//! A row of `audit.action`: the intent, and with it the claim of its `Idempotency-Key`.

use std::time::Duration;

use sqlx::PgConnection;

use super::claims::{Claims, ItemClaim};
use super::fingerprint::fingerprint;
use crate::audit::Deployment;
use crate::audit::brakes::Unjudged;
use crate::audit::proof::canonical::{Canonical, ROW_FORMAT, Salt};
use crate::audit::proof::keys::SealKeys;
use crate::domain::{CaseRef, IdempotencyKey, Intent, Reason};

/// What an intent must get, or it is not inserted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claim<'a> {
    /// Nothing: the action will never be carried out.
    None,
    /// That no other action is of its item: it will never be carried out.
    Item(&'a ItemClaim),
    /// Its `Idempotency-Key`, its turn on its target, its item, and leave by all brakes, which must be those that were
    /// judged.
    All(&'a Claims, Option<&'a Unjudged>),
}

/// What became of an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Insertion {
    /// It is there.
    Done,
    /// There is a freeze or a thaw that was not judged.
    Unjudged,
    /// The moderator has asked for as much as they may within the hour.
    HourFull {
        /// When they may ask again.
        retry_after: Duration,
    },
    /// Its id is taken, or what it claims.
    Taken,
    /// Its batch has an event that was not judged, or its time is over.
    Stopped,
    /// The record has another action of its item.
    ItemTaken,
}

fn deadline_ms(intent: &Intent) -> i32 {
    i32::try_from(intent.deadline.as_millis()).expect("settings keep the deadline below an hour")
}

/// The bytes of the row that `intent` becomes.
fn canonical(
    intent: &Intent,
    tencent_random: Option<u32>,
    deployment: &Deployment,
    salt: &[u8],
) -> Canonical {
    let (moderator, request, origin) = (&intent.moderator, &intent.request, &intent.origin);
    let command = &request.command;
    let mut canonical = Canonical::new(b'A', ROW_FORMAT);
    canonical
        .uuid(Some(intent.id))
        .text(Some(command.kind().as_str()))
        .text(Some(&moderator.subject))
        .personal(salt, moderator.name.as_deref())
        .text(Some(&moderator.issuer))
        .text(moderator.token_id.as_deref())
        .text(moderator.client_id.as_deref())
        .text(moderator.actor.as_deref())
        .text(command.user_id())
        .text(command.room_id())
        .personal(salt, command.data())
        .personal(salt, request.reason.as_ref().map(Reason::as_str))
        .text(request.case_ref.as_ref().map(CaseRef::as_str))
        .uuid(request.supersedes)
        .uuid(intent.item.map(|(batch, _)| batch))
        .text(request.idempotency_key.as_ref().map(IdempotencyKey::as_str))
        .personal(salt, Some(&origin.client_ip.to_string()))
        .personal(salt, Some(&origin.peer_ip.to_string()))
        .personal(salt, origin.user_agent.as_deref())
        .text(origin.trace_id.as_deref())
        .text(Some(&origin.http_request_id))
        .text(Some(&deployment.instance))
        .text(Some(&deployment.version))
        .integer(Some(i64::from(deployment.sdk_app_id)))
        .text(Some(&deployment.tencent_host))
        .time(intent.requested_at)
        .integer(Some(i64::from(deadline_ms(intent))))
        .integer(tencent_random.map(i64::from))
        .integer(intent.item.map(|(_, index)| i64::from(index)))
        .text(command.parameters().as_deref());
    canonical
}

/// Inserts the intent, with what it claims.
#[expect(
    clippy::too_many_lines,
    reason = "one statement and its parameters in order"
)]
pub(super) async fn insert_action(
    connection: &mut PgConnection,
    intent: &Intent,
    random: Option<u32>,
    claim: Claim<'_>,
    deployment: &Deployment,
    keys: &SealKeys,
) -> Result<Insertion, sqlx::Error> {
    let (moderator, request, origin) = (&intent.moderator, &intent.request, &intent.origin);
    let command = &request.command;
    let none = Claims::default();
    let (claims_key, claims, unjudged) = match claim {
        Claim::None | Claim::Item(_) => (false, &none, None),
        Claim::All(claims, unjudged) => (request.idempotency_key.is_some(), claims, unjudged),
    };
    let item = match claim {
        Claim::Item(item) => Some(item),
        _ => claims.item.as_ref(),
    };
    let Claims {
        takes_over,
        turn,
        at_most_hourly,
        ..
    } = *claims;
    let salt: Salt = rand::random();
    let canonical = canonical(intent, random, deployment, &salt);
    let inserted = sqlx::query!(
        r#"with let as materialized (
             select case when $38::text is not null
                         then modgate.has_unjudged_brake($38::text::xid8, $39::uuid[]) else false end as is_unjudged,
                    case when $40::integer is not null
                         then modgate.hourly_limit_wait($5, $3, $40) end as wait),
         leave as materialized (select from let where not is_unjudged and wait is null),
         item as materialized (
             select modgate.claim_item($41, $42, $2, $43, $44, $45) as word from leave where $44::smallint is not null),
         -- Only what is begun takes a turn from others.
         turned as (
             insert into modgate.target (sdk_app_id, restriction, room_id, user_id, last_action)
             select $22, $36, coalesce($10, ''), coalesce($9, ''), $1 from leave
             where $36::text is not null and ($44 is null or exists (select from item where word = 'free'))
             on conflict on constraint target_pkey do update
             set last_action = excluded.last_action, begun_at = now()
             where target.last_action is not distinct from $37
             returning last_action),
         claimed as (
             insert into modgate.idempotency (issuer, moderator, kind, key, fingerprint, action_id)
             select $5, $3, $2, $28, $30, $1 from leave
             where $29 and ($36 is null or exists (select from turned))
             on conflict (issuer, moderator, kind, key) do update
             set fingerprint = excluded.fingerprint, action_id = excluded.action_id, claimed_at = now()
             where idempotency.action_id = $31
             returning action_id),
         inserted as (
         insert into audit.action
             (id, kind, moderator, moderator_name, issuer, token_id, client_id, actor, user_id,
              room_id, data, reason, case_ref, supersedes, client_ip, peer_ip, user_agent, trace_id,
              http_request_id, instance, version, sdk_app_id, tencent_host, requested_at,
              deadline_ms, tencent_random, leaf_hash, mac,
              idempotency_key, row_format, salt, parameters, batch_id, batch_index)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::text::inet,
                 $16::text::inet, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $32, $28, $33, $34, $35, $41, $42
         from leave
         where (not $29 or exists (select from claimed)) and ($36 is null or exists (select from turned))
           and ($44 is null or exists (select from item where word = 'free'))
         on conflict (id) do nothing
         returning id)
         select is_unjudged as "is_unjudged!", extract(epoch from wait)::float8 as wait,
                exists (select from inserted) as "is_inserted!", (select word from item) as item,
                case when $40 is not null and exists (select from inserted)
                     then modgate.count_action($5, $3) end as is_counted
         from let"#,
        intent.id,
        command.kind().as_str(),
        moderator.subject,
        moderator.name,
        moderator.issuer,
        moderator.token_id,
        moderator.client_id,
        moderator.actor,
        command.user_id(),
        command.room_id(),
        command.data(),
        request.reason.as_ref().map(Reason::as_str),
        request.case_ref.as_ref().map(CaseRef::as_str),
        request.supersedes,
        origin.client_ip.to_string(),
        origin.peer_ip.to_string(),
        origin.user_agent,
        origin.trace_id,
        origin.http_request_id,
        deployment.instance,
        deployment.version,
        i64::from(deployment.sdk_app_id),
        deployment.tencent_host,
        intent.requested_at,
        deadline_ms(intent),
        random.map(i64::from),
        canonical.leaf(),
        request.idempotency_key.as_ref().map(IdempotencyKey::as_str),
        claims_key,
        fingerprint(request),
        takes_over,
        canonical.mac(keys),
        ROW_FORMAT,
        salt.as_slice(),
        command.parameters(),
        turn.map(|turn| turn.set_by.as_str()),
        turn.and_then(|turn| turn.after),
        unjudged.map(|unjudged| unjudged.seen_before.as_str()),
        unjudged.map(|unjudged| unjudged.judged_since.as_slice()),
        at_most_hourly.map(u32::cast_signed),
        intent.item.map(|(batch, _)| batch),
        intent.item.map(|(_, index)| index.cast_signed()),
        item.map(|item| item.known.as_slice()),
        item.map(|item| item.seen_rev),
        item.map(|item| item.expires_at),
    );
    let found = inserted.fetch_one(connection).await?;
    match found.item.as_deref() {
        Some("stopped" | "expired") => return Ok(Insertion::Stopped),
        Some("taken") => return Ok(Insertion::ItemTaken),
        _ => {}
    }
    Ok(match (found.is_inserted, found.is_unjudged, found.wait) {
        (true, ..) => Insertion::Done,
        (_, true, _) => Insertion::Unjudged,
        (.., Some(seconds)) => Insertion::HourFull {
            retry_after: Duration::try_from_secs_f64(seconds).unwrap_or_default(),
        },
        _ => Insertion::Taken,
    })
}
