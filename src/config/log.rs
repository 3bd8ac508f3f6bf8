//! The settings of what is told about the process: its log, and where traces go.

use super::variable::Variable;
use super::{Reader, traces};
use crate::telemetry;

pub(super) const LOG: Variable = Variable::plain("MODGATE_LOG", "info");
pub(super) const FORMAT: Variable = Variable::plain("MODGATE_LOG_FORMAT", "json");

pub(super) fn log(reader: &mut Reader<'_>) -> Option<telemetry::Settings> {
    let directives = reader.full_list(LOG, |item| {
        telemetry::check_directive(item).map(|()| item.to_owned())
    });
    let format = reader.with(FORMAT, |text| match text {
        "json" => Ok(telemetry::Format::Json),
        "text" => Ok(telemetry::Format::Text),
        _ => Err("must be json or text"),
    });
    let traces = traces::settings(reader);
    Some(telemetry::Settings {
        filter: directives?.join(","),
        format: format?,
        instance: uuid::Uuid::now_v7().to_string(),
        traces: traces?,
    })
}
