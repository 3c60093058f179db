//! What can go wrong with the package store.

/// Why packages cannot be kept or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DepotError {
    /// The store says no, or nothing.
    #[error("the package store {place} failed: {reason}")]
    Store {
        /// Where it is.
        place: String,
        /// What it says.
        reason: String,
    },
    /// No room.
    #[error("the package store {place} is full: make room, or keep packages elsewhere (setting `package_store`)")]
    Full {
        /// Where it is.
        place: String,
    },
    /// The object is not there.
    #[error("{name} is not in the package store {place}: publish the package again")]
    Missing {
        /// Where it is looked for.
        place: String,
        /// Its name.
        name: String,
    },
    /// A range that begins behind the end.
    #[error("the range lies behind the end: the package has {size} bytes")]
    Range {
        /// Bytes of the object.
        size: u64,
    },
    /// What was to be written was not what it was announced to be.
    #[error("the file changed while it was read: nothing was published, publish it again")]
    Changed,
    /// What was to be written could not be read.
    #[error("the file cannot be read: {0}")]
    Source(String),
    /// The setting.
    #[error("{0}")]
    Setting(String),
}

impl DepotError {
    /// What the store's own words mean. They may carry a signed address, so only the innermost is repeated, without
    /// anything behind a question mark.
    pub(super) fn of(place: &str, error: &object_store::Error) -> Self {
        let mut cause: &dyn std::error::Error = error;
        while let Some(inner) = cause.source() {
            let full = inner.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            if matches!(full, Some(std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)) {
                return Self::Full { place: place.to_owned() };
            }
            cause = inner;
        }
        let text = cause.to_string();
        let words = text.split_whitespace().map(|word| word.split('?').next().unwrap_or_default());
        let reason: String = words.collect::<Vec<_>>().join(" ").chars().take(400).collect();
        Self::Store { place: place.to_owned(), reason }
    }
}
