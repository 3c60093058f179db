# Two commands matter: `make demo` shows the whole way, `make test` proves it. `make help` lists the rest.

SHELL := /bin/bash
export RUST_BACKTRACE ?= 0
CARGO ?= cargo
# A test runner that shows the slow ones and isolates each test, when it is there; cargo's own otherwise.
RUNNER := $(shell $(CARGO) nextest --version >/dev/null 2>&1 && echo nextest run || echo test)
# Without PostgreSQL, a browser, and servers that boot, which takes root.
QUICK := $(if $(findstring nextest,$(RUNNER)),-E 'not (test(postgres) + test(/^browser::/) + test(/::boot::/))',-- --skip postgres --skip browser:: --skip ::boot::)

.PHONY: help setup demo test quick format lint bench soak fuzz

help:
	@printf '%s\n' \
	  'make demo    build, start the service, play a marketplace, deploy to a simulated cloud, leave it running' \
	  'make test    install what is missing, then format check, lints and every test on both databases and in a browser' \
	  'make quick   format check, lints, unit tests and the tests on SQLite' \
	  'make bench   throughput and CPU per request beside the ceilings of this machine (release build)' \
	  'make soak    ten minutes of random customers against both databases' \
  'make fuzz    broken input for our readers of outside bytes, a minute each; FUZZ_FLAGS="--seconds 600 --seed 1 jws"' \
	  'make setup   install the Debian packages that building and testing need'

setup:
	@deploy/setup.sh build test

demo:
	@deploy/setup.sh build
	$(CARGO) build --locked --bin signet
	$(CARGO) run --locked --quiet --bin signet -- demo $(DEMO_FLAGS)

test:
	@deploy/setup.sh build test
	$(MAKE) format lint
	@tests/python/setup.sh
	@tests/huawei/setup.sh
	@tests/browser/setup.sh
	@tests/node/setup.sh
	@tests/keygen/setup.sh >/dev/null
	tests/postgres.sh $(CARGO) $(RUNNER) --locked --workspace

quick: format lint
	$(CARGO) $(RUNNER) --locked --workspace $(QUICK)

format:
	$(CARGO) fmt --all --check

lint:
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

bench:
	@deploy/setup.sh build test
	SIGNET_BENCH_LICENSES=$${SIGNET_BENCH_LICENSES:-10000,1000000} tests/postgres.sh $(CARGO) bench --locked --bench service

soak:
	@deploy/setup.sh build test
	SIGNET_SOAK_MINUTES=10 tests/postgres.sh $(CARGO) $(RUNNER) --locked --test it soak

fuzz:
	@deploy/setup.sh build
	$(CARGO) run --locked --quiet -p signet-fuzz --bin signet-fuzz -- $(FUZZ_FLAGS)
