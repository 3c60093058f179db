//! What is wrong with a catalog file: where it is, and what to do about it.

use std::{fmt, ops::Range};

/// Bytes of the file from the first to behind the last of something.
pub(super) type Span = Range<usize>;

/// One thing to correct.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The line, from 1.
    pub line: usize,
    /// The character of the line, from 1.
    pub column: usize,
    /// What it is about: `product atlas › plan pro › machines`; empty when it is about the whole file.
    pub path: String,
    /// What is wrong, why, and what to do.
    pub message: String,
}

/// Everything that is wrong with a file, in the order of its lines. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    /// The name of the file, as it was given.
    pub file: String,
    /// What to correct.
    pub list: Vec<Problem>,
}

/// One line a problem, `catalog.toml:12:5 product atlas › plan pro › machines: …`, so that editors can jump to it.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { line, column, path, message }) in self.list.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            let colon = if path.is_empty() { "" } else { ": " };
            write!(f, "{end}{}:{line}:{column} {path}{colon}{message}", self.file)?;
        }
        Ok(())
    }
}

/// Texts of the file come back in problems: none of them may steer a terminal or break the line.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "�")
}

/// Collects problems while a file is read.
#[derive(Debug)]
pub(super) struct Report<'t> {
    text: &'t str,
    line_starts: Vec<usize>,
    problems: Vec<Problem>,
}

impl<'t> Report<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, line_starts, problems: Vec::new() }
    }

    /// Notes a problem that starts at byte `at`.
    pub(super) fn add(&mut self, at: usize, path: &str, message: impl Into<String>) {
        let (line, column) = (self.line(at), self.column(at));
        self.problems.push(Problem { line, column, path: printable(path), message: printable(&message.into()) });
    }

    /// The line of byte `at`, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= at)
    }

    fn column(&self, at: usize) -> usize {
        let start = self.line_starts.get(self.line(at).saturating_sub(1)).copied().unwrap_or_default();
        self.text.get(start..at).map_or(0, |before| before.chars().count()) + 1
    }

    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn finish(mut self, file: &str) -> Problems {
        self.problems.sort();
        self.problems.dedup();
        Problems { file: file.to_owned(), list: self.problems }
    }
}
