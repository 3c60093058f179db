//! Events in metrics and logs.

use crate::usecase::deployment::work::Event;

/// The name in the metrics.
pub(super) fn name(event: &Event) -> &'static str {
    match event {
        Event::Failed(error)
        | Event::Refused(error)
        | Event::NotMade { error, .. }
        | Event::RemovalFailed { error, .. } => error.trouble.as_str(),
        Event::Checked(_) => "checked",
        Event::Accepted(_) => "accepted",
        Event::NothingFound => "nothing_found",
        Event::Pending(_) => "pending",
        Event::Created(_) => "created",
        Event::Alive => "alive",
        Event::Seen(_) => "seen",
        Event::Vanished => "vanished",
        Event::Overdue(_) => "overdue",
        Event::RemovalBegun(_) => "removal_begun",
        Event::RemovalPending => "removal_pending",
        Event::RemovalDone => "removed",
    }
}

pub(super) fn in_a_word(event: &Event) -> String {
    match event {
        Event::Failed(error)
        | Event::Refused(error)
        | Event::NotMade { error, .. }
        | Event::RemovalFailed { error, .. } => error.to_string(),
        Event::Checked(_) => "preflight passed".to_owned(),
        Event::Accepted(_) => "order accepted".to_owned(),
        Event::NothingFound => "no order found".to_owned(),
        Event::Pending(_) | Event::RemovalPending => "pending".to_owned(),
        Event::Created(server) => format!("server {} is there", server.id),
        Event::Alive => "server is there".to_owned(),
        Event::Seen(server) => format!("server {} is {}", server.id, server.state),
        Event::Vanished => "server is gone".to_owned(),
        Event::Overdue(_) => "overdue".to_owned(),
        Event::RemovalBegun(_) => "removal began".to_owned(),
        Event::RemovalDone => "removed".to_owned(),
    }
}
