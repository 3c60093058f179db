//! The same targets under libFuzzer, which looks for input that reaches new code. `SIGNET_FUZZ_TARGET` names one.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use signet_fuzz::{TARGETS, Target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("SIGNET_FUZZ_TARGET").unwrap_or_default();
    let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("SIGNET_FUZZ_TARGET: one of {names:?}"))
});

fuzz_target!(|data: &[u8]| (TARGET.run)(data));
