//! What a simulator is started with.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use secrecy::SecretString;

/// Member of the kick's body that names the user. Tencent's documents said `Identifier` until
/// January 2022 and say `UserID` since; whether the old name still works is not documented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KickField {
    /// Whichever is sent.
    Either,
    /// Only `Identifier`; without it the answer is 70402.
    Identifier,
    /// Only `UserID`; without it the answer is 70402.
    UserId,
}

/// When failed verifications of the `UserSig` lock the app out (`ErrorCode` 70050).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lockout {
    /// This many failures …
    pub failures: usize,
    /// … within this time lock the app out …
    pub within: Duration,
    /// … for this long. Tencent documents one minute, but neither of the two others.
    pub lasts: Duration,
}

impl Default for Lockout {
    /// 10 failures in 10 s lock for 60 s.
    fn default() -> Self {
        Self {
            failures: 10,
            within: Duration::from_secs(10),
            lasts: Duration::from_mins(1),
        }
    }
}

/// What a simulator is started with.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the REST API listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the control port listens; port 0 takes a free one.
    pub control_listen: SocketAddr,
    /// The one app there is.
    pub sdk_app_id: u32,
    /// The app's secret key.
    pub secret_key: SecretString,
    /// The app's administrators.
    pub admins: Vec<String>,
    /// Calls of one API in any one second before the answer is 60007; `None`: never (they are
    /// counted all the same).
    pub limit: Option<usize>,
    /// Whether every account, room and seat exists unless it is declared not to; otherwise none
    /// does unless declared.
    pub open_world: bool,
    /// The name the login kick expects.
    pub kick_field: KickField,
    /// When failed verifications lock the app out.
    pub lockout: Lockout,
    /// How many calls are remembered; the oldest are dropped. About a kilobyte each.
    pub calls_kept: usize,
    /// How long an idle connection is kept open.
    pub keep_alive: Duration,
}

impl Settings {
    /// Free ports on the loopback, administrator `administrator`, limit 200, open world.
    pub fn new(sdk_app_id: u32, secret_key: SecretString) -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen: any_port,
            control_listen: any_port,
            sdk_app_id,
            secret_key,
            admins: vec!["administrator".to_owned()],
            limit: Some(200),
            open_world: true,
            kick_field: KickField::Either,
            lockout: Lockout::default(),
            calls_kept: 200_000,
            keep_alive: Duration::from_secs(75),
        }
    }
}
