//! The checks Tencent makes of every call before the command sees it: URL, body, `UserSig`,
//! administrator.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use secrecy::ExposeSecret;

use super::{
    commands::Api,
    message::Request,
    settings::{Lockout, Settings},
    usersig::{self, Expected},
    world::World,
};

/// What the front door remembers from call to call.
#[derive(Debug, Default)]
pub(super) struct FrontDoor {
    failures: VecDeque<Instant>,
    locked_until: Option<Instant>,
}

impl FrontDoor {
    /// Lets the call in, or tells the `ErrorCode` to answer.
    pub(super) fn check(
        &mut self,
        request: &Request,
        over_limit: bool,
        world: &World,
        settings: &Settings,
    ) -> Result<(), i64> {
        if request.api == Api::UNKNOWN {
            return Err(60009);
        }
        if request.method != "POST" {
            return Err(60002);
        }
        if over_limit {
            return Err(60007);
        }
        check_url(request, settings)?;
        if request.json.is_none() {
            return Err(60003);
        }
        let identifier = request.query_value("identifier").unwrap_or_default();
        self.check_usersig(request, identifier, world, settings)?;
        if settings.admins.iter().any(|admin| admin == identifier) {
            Ok(())
        } else {
            Err(60010)
        }
    }

    fn check_usersig(
        &mut self,
        request: &Request,
        identifier: &str,
        world: &World,
        settings: &Settings,
    ) -> Result<(), i64> {
        let now = Instant::now();
        if self.locked_until.is_some_and(|until| now < until) {
            return Err(70050);
        }
        let expected = Expected {
            sdk_app_id: settings.sdk_app_id,
            identifier,
            now: usersig::unix_seconds(),
            kicked_at: world.usersigs_void_since(identifier),
        };
        let usersig = request.query_value("usersig").unwrap_or_default();
        usersig::verify(usersig, settings.secret_key.expose_secret(), expected).map_err(|refusal| {
            self.count_failure(now, settings.lockout);
            refusal.error_code()
        })
    }

    fn count_failure(&mut self, now: Instant, lockout: Lockout) {
        let forgotten =
            |earlier: &Instant, within: Duration| now.duration_since(*earlier) >= within;
        while self
            .failures
            .front()
            .is_some_and(|earlier| forgotten(earlier, lockout.within))
        {
            self.failures.pop_front();
        }
        self.failures.push_back(now);
        if self.failures.len() >= lockout.failures {
            self.failures.clear();
            self.locked_until = Some(now + lockout.lasts);
        }
    }
}

fn check_url(request: &Request, settings: &Settings) -> Result<(), i64> {
    let sdk_app_id = request
        .query_value("sdkappid")
        .filter(|value| !value.is_empty())
        .ok_or(60012)?;
    if sdk_app_id.parse() != Ok(settings.sdk_app_id) {
        return Err(70020);
    }
    if request.random.is_none() {
        return Err(60002);
    }
    let given = |name| request.query_value(name).is_some();
    if !given("identifier")
        || !given("usersig")
        || request.query_value("contenttype") != Some("json")
    {
        return Err(60025);
    }
    Ok(())
}
