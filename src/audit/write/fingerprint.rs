//! The fingerprint of a request: made like the hash of a row (see `format.md`), as of a table `F`.

use crate::audit::proof::canonical::Canonical;
use crate::domain::{CaseRef, Reason, Request};

/// What was asked, so that the same `Idempotency-Key` for something else is noticed.
pub(super) fn fingerprint(request: &Request) -> Vec<u8> {
    let command = &request.command;
    let mut canonical = Canonical::new(b'F', 1);
    canonical
        .text(Some(command.kind().as_str()))
        .text(command.user_id())
        .text(command.room_id())
        .text(command.data())
        .text(request.reason.as_ref().map(Reason::as_str))
        .text(request.case_ref.as_ref().map(CaseRef::as_str))
        .uuid(request.supersedes);
    if let Some(parameters) = command.parameters() {
        canonical.text(Some(&parameters));
    }
    canonical.leaf()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Command, Targets, UserId};

    #[test]
    fn the_fingerprint_of_a_kick_is_what_builds_made_before_rows_had_versions() {
        let targets = Targets {
            user_id: UserId::try_from("user1".to_owned()).ok(),
            ..Targets::default()
        };
        let kick = "kick_login".parse().expect("a kind");
        let request = Request {
            command: Command::new(kick, targets).expect("it has its fields"),
            reason: Reason::try_from("späm".to_owned()).ok(),
            case_ref: CaseRef::try_from("TS-1".to_owned()).ok(),
            supersedes: None,
            idempotency_key: None,
        };
        let made = "66c545c5ac5d39876d3df3ed1af1a3375c9d1874a7f2169c9fec02309978b0eb";
        assert_eq!(hex::encode(fingerprint(&request)), made);
    }
}
