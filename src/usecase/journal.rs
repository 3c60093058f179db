//! What one run of a use case did, in words: written into the message log beside the call that caused it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::SignedDuration;

use crate::base::{ids::LicenseId, text::truncate, time::Time};

/// Characters of the log's `change`.
const CHARS: usize = 500;

/// A fresh one for each run, so that a repeated transaction does not tell its story twice.
#[derive(Debug, Default)]
pub struct Journal(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    license: Option<LicenseId>,
    lines: i64,
    notes: Vec<String>,
}

impl Journal {
    /// Says which license the run is about.
    pub fn about(&self, license: LicenseId) {
        self.entries().license = Some(license);
    }

    /// Says what happened.
    pub fn note(&self, text: impl Into<String>) {
        self.entries().notes.push(text.into());
    }

    /// The instant for the next line of a history: a microsecond after the one before, so that lines of one run sort
    /// as they were written.
    pub fn next_line(&self, now: Time) -> Time {
        let mut entries = self.entries();
        entries.lines += 1;
        now.saturating_add(SignedDuration::from_micros(entries.lines - 1))
    }

    /// The license the run was about.
    pub fn license(&self) -> Option<LicenseId> {
        self.entries().license
    }

    /// Everything that happened, in order; `None` when nothing did.
    pub fn told(&self) -> Option<String> {
        let entries = self.entries();
        (!entries.notes.is_empty()).then(|| truncate(&entries.notes.join("; "), CHARS))
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
