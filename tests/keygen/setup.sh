#!/usr/bin/env bash
# Builds the program that uses Keygen's published crate, and prints where it is. What it drags in has a lock file of its own.
set -euo pipefail
cd "$(dirname "$0")"
target="${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}/keygen-client"
CARGO_TARGET_DIR="$target" cargo build --quiet --locked --manifest-path rust/Cargo.toml
echo "$target/debug/keygen-client"
