//! The calls of a probe: one for each page, until the target is found.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::ProbeError;
use crate::domain::{Class, Finding, Moderator, Question, Targets, Verdict};
use crate::moderation::Moderation;
use crate::tencent::{Asked, is_resigned_once};

/// The longest that a probe takes, with all its pages.
const LONGEST: Duration = Duration::from_secs(10);

/// It does nothing to anyone, so what is lost is asked again.
const MOST_TRIES: u32 = 3;

const PAUSE: Duration = Duration::from_secs(1);

/// Of a list with more, nothing is known.
const MOST_PAGES: usize = 100;

impl Moderation {
    /// Asks page by page, by the turn of `moderator`. What Tencent said last.
    pub(super) async fn ask(
        self: &Arc<Self>,
        question: &'static Question,
        targets: &Targets,
        moderator: &Moderator,
    ) -> Result<Asked, ProbeError> {
        let (deadline, mut offset, mut page) = (Instant::now() + LONGEST, 0, 0);
        let (mut renewed, mut tries) = (false, 1);
        loop {
            let asked = self
                .ask_once(question, targets, offset, moderator, deadline)
                .await?;
            if !renewed && self.renews_credential(&asked) {
                renewed = true;
                continue;
            }
            self.suspensions
                .learn(question.api, asked.verdict, Some((&asked).into()));
            let is_lost = matches!(asked.verdict, Verdict::Unknown(_) | Verdict::NotSent);
            if is_lost && tries < MOST_TRIES && Instant::now() + PAUSE < deadline {
                tries += 1;
                sleep(PAUSE).await;
                continue;
            }
            page += 1;
            match asked.finding {
                Some(Finding::NextPage(next)) if next > offset && page < MOST_PAGES => {
                    offset = next;
                }
                _ => return Ok(asked),
            }
        }
    }

    async fn ask_once(
        self: &Arc<Self>,
        question: &'static Question,
        targets: &Targets,
        offset: u64,
        moderator: &Moderator,
        deadline: Instant,
    ) -> Result<Asked, ProbeError> {
        let admission = self.suspensions.ask(question.api)?;
        let turn = self.limiter.turn(question.api, moderator).await?;
        if let Some(suspended) = self.suspensions.forbids(question.api, admission) {
            return Err(suspended.into());
        }
        let permit = turn.permit().ok_or(ProbeError::LeaseLapsed)?;
        let deadline = self.tencent.call_deadline(deadline);
        let asking = self
            .tencent
            .ask(question, targets, offset, permit, deadline);
        let asked = asking.await;
        if asked.verdict == Verdict::Refused(Class::RateLimit) {
            self.heed_throttling(question.api);
        }
        Ok(asked)
    }

    /// Whether Tencent refused a signature that another may cure, and another was made.
    fn renews_credential(&self, asked: &Asked) -> bool {
        let code = asked.answer.as_ref().map(|answer| answer.error_code);
        asked.verdict == Verdict::Refused(Class::Credential)
            && code.is_some_and(is_resigned_once)
            && self.tencent.renew_usersig()
    }
}
