//! Kicking (product 1047): invalidates the login of a user.

use serde_json::json;

use crate::domain::{Api, Class, Effect, Field, Kind, Repeat, Scope, Slot, Spec};

/// `kick_login`
pub const KIND: Kind = Kind(&SPEC);

static API: Api = Api {
    word: "kick_login",
    command: "im_open_login_svc/kick",
    codes: &[],
};

static SPEC: Spec = Spec {
    word: "kick_login",
    scope: Scope::new("action:kick_login", "invalidate logins"),
    summary: "Invalidate the login of a user",
    names: "Whose login is invalidated.",
    api: &API,
    fields: &[Field::required(Slot::UserId, "user1")],
    packet: |targets, wire| vec![(wire.login_kick_field, json!(targets.user_id()))],
    // It would log out a user who has just been let back in.
    repeat: Repeat::DoesItAgain,
    effect: Effect::Passes,
    probe: None,
    advice: &[(
        70_402,
        "Tencent refused a parameter of a login kick; if it refuses every one, the app expects the other name: see \
         MODGATE_TENCENT_KICK_FIELD",
    )],
    refusals: &[
        (Class::NotFound, 70_107, "the user does not exist"),
        // Tencent documents none for this command: one of another stands for those that it may give.
        (
            Class::Conflict,
            100_005,
            "the user is not a member of the room",
        ),
    ],
};
