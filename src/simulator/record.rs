//! What the simulator received, and what came of it.

use std::{
    collections::VecDeque,
    fmt,
    time::{Instant, SystemTime},
};

use super::commands::Api;

/// One request that reached the simulator.
#[derive(Clone)]
pub struct Call {
    /// 1 for the first call of the simulator's life, without gaps.
    pub sequence: u64,
    /// When it was counted, on the clock the limit is measured by.
    pub arrived: Instant,
    /// The same moment on the wall clock.
    pub arrived_at: SystemTime,
    /// HTTP method.
    pub method: String,
    /// Path, without the query.
    pub path: String,
    /// Decoded query, in the order sent. Holds the `UserSig`.
    pub query: Vec<(String, String)>,
    /// All headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body; bytes that are not UTF-8 are replaced.
    pub body: String,
    /// The API the path names.
    pub api: Api,
    /// The query's `random`, if it is a 32-bit unsigned integer.
    pub random: Option<u32>,
    /// The user to be kicked, if the body names one.
    pub user_id: Option<String>,
    /// The room, if the body names one.
    pub room_id: Option<String>,
    /// The `ErrorCode` of the answer; `None` while undecided, and where a fault left no such
    /// answer.
    pub error_code: Option<i64>,
    /// The scripted fault that hit the call, by its name on the control port.
    pub fault: Option<&'static str>,
    /// Whether the kick was carried out, whatever was answered.
    pub took_effect: bool,
}

impl Call {
    /// The first value of a query parameter.
    pub fn query_value(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Call {
    /// Leaves out the query and the headers, for the query holds a credential.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Call")
            .field("sequence", &self.sequence)
            .field("arrived", &self.arrived)
            .field("method", &self.method)
            .field("path", &self.path)
            .field("random", &self.random)
            .field("body", &self.body)
            .field("error_code", &self.error_code)
            .field("fault", &self.fault)
            .field("took_effect", &self.took_effect)
            .finish_non_exhaustive()
    }
}

/// A kick that was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Sequence number of the call that did it.
    pub sequence: u64,
    /// What was done.
    pub api: Api,
    /// The room, for a seat.
    pub room_id: Option<String>,
    /// Who was kicked.
    pub user_id: String,
    /// The call's `random`.
    pub random: Option<u32>,
}

/// The latest calls, at most `capacity` of them.
#[derive(Debug)]
pub(super) struct Record {
    calls: VecDeque<Call>,
    capacity: usize,
    last_sequence: u64,
}

impl Record {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            calls: VecDeque::new(),
            capacity: capacity.max(1),
            last_sequence: 0,
        }
    }

    /// Keeps `call` under the next sequence number, which it returns.
    pub(super) fn add(&mut self, mut call: Call) -> u64 {
        self.last_sequence += 1;
        call.sequence = self.last_sequence;
        if self.calls.len() == self.capacity {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
        self.last_sequence
    }

    /// The call of that number, unless it was pushed out or cleared.
    pub(super) fn get_mut(&mut self, sequence: u64) -> Option<&mut Call> {
        let first = self.calls.front()?.sequence;
        let index = usize::try_from(sequence.checked_sub(first)?).ok()?;
        self.calls.get_mut(index)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &Call> {
        self.calls.iter()
    }

    pub(super) fn clear(&mut self) {
        self.calls.clear();
    }

    pub(super) fn effects(&self) -> Vec<Effect> {
        let effect = |call: &Call| Effect {
            sequence: call.sequence,
            api: call.api,
            room_id: call.room_id.clone(),
            user_id: call.user_id.clone().unwrap_or_default(),
            random: call.random,
        };
        self.calls
            .iter()
            .filter(|call| call.took_effect)
            .map(effect)
            .collect()
    }
}
