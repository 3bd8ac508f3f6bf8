//! What is in force.

use chrono::{DateTime, Duration, SubsecRound, Utc};
use serde_json::{Value, json};

use super::{Deed, Found, Row, Times, text};

fn muted(at: DateTime<Utc>, who: &str, user: &str, seconds: i64) -> Deed {
    let parameters = json!({"seconds": seconds}).to_string();
    set(at, who, user, "mute_user").with("parameters", text(&parameters))
}

/// With what a row has only since version 2.
fn set(at: DateTime<Utc>, who: &str, user: &str, kind: &str) -> Deed {
    Deed::new(at, who, user)
        .with("kind", text(kind))
        .with("row_format", 2)
        .with("salt", "decode(repeat('5a', 16), 'hex')")
}

fn done(deed: Deed, at: DateTime<Utc>) -> Deed {
    let at = text(&at.to_rfc3339());
    deed.event(|id| Row::answered(id, 1, "succeeded", 0).with("at", at))
}

fn unmuted(at: DateTime<Utc>, user: &str, parameters: &str) -> Deed {
    let deed = set(at, "carol", user, "unmute_user");
    done(deed.with("parameters", parameters), at)
}

fn in_room(at: DateTime<Utc>, who: &str, kind: &str) -> Deed {
    let deed = set(at, who, "", kind).with("room_id", "'room'");
    done(deed.with("user_id", "null"), at)
}

/// Everything that was set, and when each ends.
fn record(times: &Times) -> Vec<Deed> {
    let ago = |seconds| (times.now - Duration::seconds(seconds)).trunc_subsecs(0);
    let forever = set(ago(5000), "mallory", "for ever", "mute_user");
    let ban = muted(ago(800), "alice", "banned", 3600).with("kind", "'ban_live_member'");
    let proved_until = json!({"until": (times.now + Duration::hours(2)).trunc_subsecs(0)});
    let proved = muted(ago(7000), "mallory", "proved", 14_200);
    let proved = proved.unknown("gateway", "timed_out").event(|id| {
        let details = text(&proved_until.to_string());
        Row::probed(id, 2).with("details", details)
    });
    // As the last, but an end.
    let proved = proved.event(|id| {
        let row = Row::probed(id, 3).with("state", "'succeeded'");
        row.with("details", "null")
    });
    let partly = json!({"channels": "direct"}).to_string();
    vec![
        done(muted(ago(900), "alice", "over", 600), ago(900)),
        done(muted(ago(900), "mallory", "muted", 3600), ago(900)),
        muted(ago(900), "alice", "refused", 3600).refused(70107, "no such user"),
        done(
            forever.with("parameters", text(r#"{"forever":true}"#)),
            ago(5000),
        ),
        done(muted(ago(900), "alice", "unmuted", 3600), ago(900)),
        unmuted(ago(500), "unmuted", "null"),
        done(muted(ago(910), "alice", "unmuted in part", 3600), ago(910)),
        unmuted(ago(500), "unmuted in part", &text(&partly)),
        done(muted(ago(900), "alice", "set again", 3600), ago(900)),
        done(muted(ago(300), "bob", "set again", 7200), ago(300)),
        done(ban.with("room_id", "'room'").with("data", "''"), ago(800)),
        in_room(ago(700), "mallory", "mute_group"),
        in_room(ago(700), "alice", "mute_live_room"),
        in_room(ago(600), "bob", "unmute_live_room"),
        muted(ago(900), "mallory", "perhaps", 3000).unknown("recovery", "abandoned"),
        proved,
    ]
}

pub(super) fn in_force_now(times: &Times) -> Found {
    let rows = [
        ("for ever", "mallory", "succeeded"),
        ("", "mallory", "succeeded"),
        ("proved", "mallory", "succeeded"),
        ("set again", "bob", "succeeded"),
        ("perhaps", "mallory", "unknown"),
        ("banned", "alice", "succeeded"),
        ("muted", "mallory", "succeeded"),
        ("unmuted in part", "alice", "succeeded"),
    ];
    found(times, &rows)
}

pub(super) fn of_who_was_dismissed(times: &Times) -> Found {
    let mut found = found(
        times,
        &[
            ("for ever", "", "succeeded"),
            ("", "", "succeeded"),
            ("proved", "", "succeeded"),
            ("perhaps", "", "unknown"),
            ("muted", "", "succeeded"),
        ],
    );
    let issuer = text("https://id.example.com");
    let record = found.record.into_iter();
    found.record = record.map(|deed| deed.with("issuer", &issuer)).collect();
    found
}

fn found(times: &Times, rows: &[(&str, &str, &str)]) -> Found {
    let row = |(user, moderator, state): &(&str, &str, &str)| {
        let mut row = json!({"user_id": (!user.is_empty()).then_some(user), "state": state});
        if !moderator.is_empty() {
            row["moderator"] = Value::from(*moderator);
        }
        row
    };
    Found {
        record: record(times),
        rows: rows.iter().map(row).collect(),
    }
}
