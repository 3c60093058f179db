//! The `signet` executable: everything happens in the library, so that tests can reach it.

use std::process::ExitCode;

fn main() -> ExitCode {
    signet::cli::run()
}
