//! One question about what is in force: one HTTP request, bounded in time, which does nothing to anyone.

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use tokio::time::timeout_at;

use super::client::{Client, secrets};
use super::deadline::CallDeadline;
use super::exchange::{PermitUse, judge_exchange};
use super::last_check;
use super::request::{Admin, build_ask};
use super::transport::{Head, fetch};
use crate::domain::{Answer, Failure, Finding, Question, Targets, Verdict};
use crate::limit::Permit;

/// What came of a question.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What Tencent says of the target; `None` where it says nothing that can be understood.
    pub finding: Option<Finding>,
    /// Tencent's answer, if it gave one.
    pub answer: Option<Answer>,
    /// What the answer, or that there is none, says of the API.
    pub verdict: Verdict,
    /// Why there is none of use.
    pub failure: Option<Failure>,
    /// `Date` of the answer.
    pub date: Option<DateTime<Utc>>,
    /// When it came, by our clock.
    pub at: DateTime<Utc>,
}

impl Client {
    /// Asks `question` about this target, for the page that begins at `offset`. Nothing is sent once `deadline` has
    /// passed, or the lease on `permit` has run out; an answer is not waited for any longer.
    pub async fn ask(
        &self,
        question: &Question,
        targets: &Targets,
        offset: u64,
        permit: Permit,
        deadline: CallDeadline,
    ) -> Asked {
        let usersigs = self.usersigs();
        let usersig = usersigs.usersig(SystemTime::now());
        let secrets = secrets(&usersigs, &usersig);
        let admin = Admin {
            sdk_app_id: self.sdk_app_id,
            identifier: &self.admin,
            usersig: &usersig,
        };
        let mut request = build_ask(&self.url, &admin, question, targets, offset);
        let valid = permit.validity();
        last_check::add(&mut request, move || {
            let late = deadline.has_passed().then_some(Failure::DeadlinePassed);
            late.or_else(|| (!valid()).then_some(Failure::LeaseLapsed))
        });
        let mut head = Head::default();
        let fetching = fetch(&self.http, request, &secrets, &mut head);
        let fetched = timeout_at(deadline.at(), fetching).await;
        let fetched = fetched.map_or(Err(Failure::TimedOut), |fetched| {
            fetched.map_err(|lost| lost.failure)
        });
        let body = fetched.as_ref().ok().map(|(_, body)| body.clone());
        let (permit_use, judgement) = judge_exchange(question.api, fetched, &secrets);
        match permit_use {
            PermitUse::Unused => permit.unused(),
            PermitUse::Answered => permit.answered(),
            PermitUse::Abandoned => permit.abandoned(),
        }
        let read = body.filter(|_| judgement.verdict == Verdict::Succeeded);
        let read = read.and_then(|body| serde_json::from_slice(&body).ok());
        Asked {
            finding: read.and_then(|answer| (question.read)(&answer, targets)),
            verdict: judgement.verdict,
            answer: judgement.answer,
            failure: judgement.failure,
            date: head.date,
            at: Utc::now(),
        }
    }
}
