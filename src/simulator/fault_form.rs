//! A fault as the control port is told it.

use serde::{Deserialize, de};
use serde_json::{Map, Value};

use super::{
    commands::Api,
    fault::{Fault, FaultKind, Moment},
};

/// Reads the control port's form: the members of the kind beside `times`, `api`, `target` and
/// `moment`.
pub(super) fn parse(json: &[u8]) -> Result<Fault, serde_json::Error> {
    let mut kind: Map<String, Value> = serde_json::from_slice(json)?;
    let scope = ["times", "api", "target", "moment"]
        .into_iter()
        .filter_map(|name| kind.remove_entry(name))
        .collect();
    let scope: Scope = serde_json::from_value(Value::Object(scope))?;
    let members = kind.len();
    let kind: FaultKind = serde_json::from_value(Value::Object(kind))?;
    // serde looks for unknown members only in the kinds that have members.
    if members > 1 && has_no_members(&kind) {
        return Err(de::Error::custom(format!(
            "unknown member beside kind {}",
            kind.name()
        )));
    }
    let remaining = match scope.times {
        Times::Number(number) => Some(number),
        Times::Word(Word::Forever) => None,
    };
    let moment = scope.moment.unwrap_or_else(|| kind.usual_moment());
    Ok(Fault {
        kind,
        moment,
        api: scope.api,
        target: scope.target,
        remaining,
    })
}

fn has_no_members(kind: &FaultKind) -> bool {
    matches!(
        kind,
        FaultKind::Never
            | FaultKind::Truncate
            | FaultKind::Garbage
            | FaultKind::BigBody
            | FaultKind::Drip
            | FaultKind::OkWithFail
            | FaultKind::NoActionStatus
    )
}

#[derive(Deserialize)]
struct Scope {
    #[serde(default)]
    times: Times,
    api: Option<Api>,
    target: Option<String>,
    moment: Option<Moment>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "times is a number or \"forever\"")]
enum Times {
    Number(u32),
    Word(Word),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Word {
    Forever,
}

impl Default for Times {
    fn default() -> Self {
        Self::Number(1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_control_ports_form_is_read_and_mistakes_are_refused() {
        let fault =
            parse(br#"{"kind":"delay","milliseconds":50,"times":"forever","api":"kick_seat"}"#);
        let fault = fault.unwrap();
        assert_eq!(
            fault.kind,
            FaultKind::Delay {
                duration: Duration::from_millis(50)
            }
        );
        assert_eq!(
            (fault.remaining, fault.api, fault.moment),
            (None, Some(Api::KICK_SEAT), Moment::AfterEffect)
        );
        for mistake in [
            r#"{"kind":"nothing_known"}"#,
            r#"{"kind":"error_code"}"#,
            r#"{"kind":"never","tims":3}"#,
            r#"{"kind":"cut","times":"often"}"#,
            r#"{"kind":"http_status","status":99,"body":""}"#,
            "[]",
        ] {
            assert!(parse(mistake.as_bytes()).is_err(), "{mistake}");
        }
    }
}
