//! The one way to print: `out!`, `outln!` and `errln!`.
//!
//! Unlike `println!` they never panic. A reader that went away (`signet token list | head -1`) ends the printing, not
//! the command: what it has begun it finishes, and its exit code is its own. Any other failure, such as a full disk
//! behind `>`, is remembered, and [`result`] tells it at the end: what was printed may be a token that is shown once.

use std::{
    fmt::Arguments,
    io::{self, ErrorKind, Write},
    sync::{Mutex, PoisonError},
};

/// The first failure to print to standard output other than a reader that went away.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints to standard output.
macro_rules! out {
    ($($text:tt)*) => { $crate::cli::terminal::print(format_args!($($text)*)) };
}

/// Prints to standard output and ends the line.
macro_rules! outln {
    ($($text:tt)*) => { $crate::cli::terminal::print(format_args!("{}\n", format_args!($($text)*))) };
}

/// Prints to standard error and ends the line.
macro_rules! errln {
    ($($text:tt)*) => { $crate::cli::terminal::print_error(format_args!("{}\n", format_args!($($text)*))) };
}

pub(super) use {errln, out, outln};

/// Prints to standard output. Commands use `out!` and `outln!`.
pub fn print(text: Arguments<'_>) {
    note(io::stdout().lock().write_fmt(text));
}

/// Prints to standard error. Commands use `errln!`.
pub fn print_error(text: Arguments<'_>) {
    // There is no other place to say that this one is gone.
    drop(io::stderr().lock().write_fmt(text));
}

/// Whether everything reached standard output, as far as somebody wanted to read it.
///
/// # Errors
/// The first failure.
pub fn result() -> io::Result<()> {
    note(io::stdout().lock().flush());
    FAILED.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
}

fn note(result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}
