//! A row of `audit.action`: the intent, and with it the claim of its `Idempotency-Key`.

use sqlx::PgConnection;
use uuid::Uuid;

use super::fingerprint::fingerprint;
use crate::audit::Deployment;
use crate::audit::proof::canonical::{Canonical, ROW_FORMAT, Salt};
use crate::audit::proof::keys::SealKeys;
use crate::domain::{CaseRef, IdempotencyKey, Intent, Kind, Reason};

/// What an intent must get, or it is not inserted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Claim {
    /// Nothing: the action will never be carried out.
    None,
    /// Its `Idempotency-Key`, and its turn on its target.
    Both(Claims),
}

/// What has been looked up for an intent, and must still hold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Claims {
    /// The action that holds the `Idempotency-Key` and has freed it; without one the key must be free.
    pub takes_over: Option<Uuid>,
    /// Of an action that restricts or lifts, the turn that it takes.
    pub turn: Option<TargetTurn>,
}

/// The turn of an action on its target.
#[derive(Clone, Copy, Debug)]
pub struct TargetTurn {
    /// The kind that sets what is set here, or lifted.
    pub set_by: Kind,
    /// The action that must still be the last that was begun.
    pub after: Option<Uuid>,
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
        // batch_id
        .uuid(None)
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
        // batch_index
        .integer(None)
        .text(command.parameters().as_deref());
    canonical
}

/// Inserts the intent. None is inserted if its id, or its key, is taken.
#[expect(
    clippy::too_many_lines,
    reason = "one statement and its parameters in order"
)]
pub(super) async fn insert_action(
    connection: &mut PgConnection,
    intent: &Intent,
    random: Option<u32>,
    claim: Claim,
    deployment: &Deployment,
    keys: &SealKeys,
) -> Result<u64, sqlx::Error> {
    let (moderator, request, origin) = (&intent.moderator, &intent.request, &intent.origin);
    let command = &request.command;
    let (claims_key, Claims { takes_over, turn }) = match claim {
        Claim::None => (false, Claims::default()),
        Claim::Both(claims) => (request.idempotency_key.is_some(), claims),
    };
    let salt: Salt = rand::random();
    let canonical = canonical(intent, random, deployment, &salt);
    let inserted = sqlx::query!(
        "with turned as (
             insert into modgate.target (sdk_app_id, restriction, room_id, user_id, last_action)
             select $22, $36, coalesce($10, ''), coalesce($9, ''), $1 where $36::text is not null
             on conflict on constraint target_pkey do update
             set last_action = excluded.last_action, begun_at = now()
             where target.last_action is not distinct from $37
             returning last_action),
         claimed as (
             insert into modgate.idempotency (issuer, moderator, kind, key, fingerprint, action_id)
             select $5, $3, $2, $28, $30, $1 where $29 and ($36 is null or exists (select from turned))
             on conflict (issuer, moderator, kind, key) do update
             set fingerprint = excluded.fingerprint, action_id = excluded.action_id, claimed_at = now()
             where idempotency.action_id = $31
             returning action_id)
         insert into audit.action
             (id, kind, moderator, moderator_name, issuer, token_id, client_id, actor, user_id,
              room_id, data, reason, case_ref, supersedes, client_ip, peer_ip, user_agent, trace_id,
              http_request_id, instance, version, sdk_app_id, tencent_host, requested_at,
              deadline_ms, tencent_random, leaf_hash, mac,
              idempotency_key, row_format, salt, parameters)
         select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15::text::inet,
                 $16::text::inet, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $32, $28, $33, $34, $35
         where (not $29 or exists (select from claimed)) and ($36 is null or exists (select from turned))
         on conflict (id) do nothing",
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
    );
    Ok(inserted.execute(connection).await?.rows_affected())
}
