//! How many files and connections this process may have open at once.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::base::limits;

/// Raises the limit as far as the system lets it (many start services with 1,024), and says in the log what it came to.
/// Returns how many connections may be served at once.
pub fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    if let Err(error) = &raised {
        tracing::warn!("the limit of open files stays as it is: {error}");
    }
    let files = if raised.is_ok() { maximum } else { current };
    let connections = connections(files);
    let shown = files.map_or("any number of".to_owned(), |files| files.to_string());
    if connections < limits::CONNECTIONS {
        let wanted = limits::CONNECTIONS + limits::OTHER_FILES;
        tracing::warn!(
            "{shown} files may be open at once, so {connections} connections are served instead of {}: allow {wanted} \
             (LimitNOFILE=, ulimit -n)",
            limits::CONNECTIONS
        );
    } else {
        tracing::info!("{shown} files may be open at once, {connections} of them connections");
    }
    connections
}

/// Connections that fit beside everything else that is open; one at least.
fn connections(files: Option<u64>) -> usize {
    let files = files.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX));
    files.saturating_sub(limits::OTHER_FILES).clamp(1, limits::CONNECTIONS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_room_for_what_else_is_open() {
        for (files, expected) in [
            (Some(0), 1),
            (Some(64), 1),
            (Some(1_024), 1_024 - limits::OTHER_FILES),
            (Some(1_048_576), limits::CONNECTIONS),
            (Some(u64::MAX), limits::CONNECTIONS),
            (None, limits::CONNECTIONS),
        ] {
            assert_eq!(connections(files), expected, "{files:?}");
        }
    }

    #[test]
    fn the_limit_becomes_what_the_system_allows() {
        let before = getrlimit(Resource::Nofile);
        raise();
        let after = getrlimit(Resource::Nofile);
        assert_eq!((after.current, after.maximum), (before.maximum, before.maximum));
    }
}
