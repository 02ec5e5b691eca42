# Each target does its own set-up; see `make help`.

CARGO ?= cargo
export CARGO_TARGET_DIR := $(abspath $(or $(CARGO_TARGET_DIR),target))
ifdef CI
export CARGO_INCREMENTAL = 0
endif

# A python3 with libtorrent, for the tests with real clients.
export FAIRYWREN_TEST_PYTHON = $(CARGO_TARGET_DIR)/test-venv/bin/python
# Where the tests find the three programs.
export FAIRYWREN_TEST_PROGRAMS = $(CARGO_TARGET_DIR)/debug
programs = -p fairywren -p tracker -p webapi -p swarm

# One script each: bench-announce, bench-pages, …
benches = $(notdir $(wildcard scripts/bench-*))

.PHONY: help run demo test stress demo-check interop compose-check soak fuzz lint bench bench-build $(benches) pgo
# Benchmarks must not disturb each other; cargo uses all cores by itself.
.NOTPARALLEL:

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile
	@echo "make bench-NAME    Run one benchmark, with ROUNDS and SECONDS as for bench: $(benches:bench-%=%)"

run: ## Build and start everything; ARGS="--site 0.0.0.0:8000" are options of `fairywren up`
	@scripts/setup run
	$(CARGO) build --locked --release
	@exec $(CARGO_TARGET_DIR)/release/fairywren up $(ARGS)

demo: ## Show a living swarm of real clients on this machine; ARGS="--leechers 4" are options of `swarm demo`
	@scripts/setup demo
	$(CARGO) build --locked --release $(programs)
	@exec $(CARGO_TARGET_DIR)/release/swarm demo $(ARGS)

test: ## Run all tests: unit, database, HTTP, real clients, browser
	@scripts/setup test
	$(CARGO) build --locked --bins --example with_postgres $(programs) -p infra
	@scripts/test

stress: ## Repeat all tests for MINUTES=60 beside a busy CPU and disk, and list the tests that failed
	@scripts/setup test
	$(CARGO) build --locked --bins --example with_postgres $(programs) -p infra
	@scripts/stress-tests $(or $(MINUTES),60)

demo-check: ## Run the demonstration unattended and check its figures; ARGS are options of `swarm check`
	@scripts/setup demo-check
	$(CARGO) build --locked --release $(programs)
	@$(CARGO_TARGET_DIR)/release/swarm check $(ARGS)

interop: ## Let every client program fetch from every other, and write docs/interop.md
	@scripts/setup demo
	$(CARGO) build --locked --release $(programs)
	@$(CARGO_TARGET_DIR)/release/swarm interop --table docs/interop.md $(ARGS)

compose-check: ## Run compose.yaml with its demonstration under podman and check it; ARGS=--prebuilt is faster
	@scripts/setup compose-check
	$(if $(findstring --prebuilt,$(ARGS)),$(CARGO) build --locked --bins -p tracker -p webapi -p swarm)
	@scripts/compose-check $(ARGS)

soak: ## Run the fault tests in their long form, figures beside goals; CYCLES=20 SECONDS=5 is shorter
	@scripts/setup soak
	$(CARGO) build --locked --release
	@scripts/soak "$(CYCLES)" "$(SECONDS)"

fuzz: ## Fuzz each parser for SECONDS=60 (or TARGETS="udp route"), compare the torrent parser with libtorrent
	@scripts/setup fuzz
	scripts/compare-libtorrent 100000
	scripts/fuzz $(or $(SECONDS),60) $(TARGETS)

lint: ## Check format, lints, documentation and dependencies
	@scripts/setup lint
	scripts/pin-images --check
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/targets/Cargo.toml --check
	$(CARGO) update --quiet --locked --workspace --manifest-path fuzz/targets/Cargo.toml
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps
	scripts/check-tests
	scripts/deny

bench: $(benches) ## Measure all that BENCHMARKS.md reports; ROUNDS=3 SECONDS=5 change how often and how long

bench-build:
	@scripts/setup bench
	$(CARGO) build --locked --release $(programs)
	$(CARGO) build --locked --release -p infra -p tracker --examples

$(benches): bench-build
	@echo "== $@"
	@$(CARGO_TARGET_DIR)/release/examples/with_postgres scripts/$@ "$(ROUNDS)" "$(SECONDS)"

pgo: ## Build the tracker optimized by a profile of its own announces, in target/pgo
	@scripts/setup pgo
	@scripts/pgo --profdata >/dev/null
	@$(MAKE) --no-print-directory bench-build
	@$(CARGO_TARGET_DIR)/release/examples/with_postgres scripts/pgo
