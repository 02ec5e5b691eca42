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

.PHONY: help run demo test stress demo-check interop compose-check soak fuzz lint bench

help: ## Show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

run: ## Build and start everything; ARGS="--site 0.0.0.0:8000" are given to `fairywren up`
	@scripts/setup run
	$(CARGO) build --locked --release
	@exec $(CARGO_TARGET_DIR)/release/fairywren up $(ARGS)

demo: ## A living swarm of real clients on this machine; ARGS="--leechers 4" are given to `swarm demo`
	@scripts/setup demo
	$(CARGO) build --locked --release $(programs)
	@exec $(CARGO_TARGET_DIR)/release/swarm demo $(ARGS)

test: ## Run all tests: units, database, HTTP, real clients, browser
	@scripts/setup test
	$(CARGO) build --locked --bins $(programs)
	$(CARGO) build --locked -p infra --example with_postgres
	@scripts/test

stress: ## Run all tests again and again for MINUTES=60 beside a busy CPU and disk, and list what failed
	@scripts/setup test
	$(CARGO) build --locked --bins $(programs)
	$(CARGO) build --locked -p infra --example with_postgres
	@scripts/stress-tests $(or $(MINUTES),60)

demo-check: ## Run the demonstration without onlookers and check its figures
	@scripts/setup demo-check
	$(CARGO) build --locked --release $(programs)
	@$(CARGO_TARGET_DIR)/release/swarm check $(ARGS)

interop: ## Let every client fetch from every other, and write docs/interop.md
	@scripts/setup demo
	$(CARGO) build --locked --release $(programs)
	@$(CARGO_TARGET_DIR)/release/swarm interop --table docs/interop.md $(ARGS)

compose-check: ## Build and start compose.yaml with podman, demonstration and all, and check it; quicker with ARGS=--prebuilt
	@scripts/setup compose-check
	$(if $(findstring --prebuilt,$(ARGS)),$(CARGO) build --locked --bins -p tracker -p webapi -p swarm)
	@scripts/compose-check $(ARGS)

soak: ## The tests of faults for long, figures against goals; CYCLES=20 and SECONDS=5 make it shorter
	@scripts/setup soak
	$(CARGO) build --locked --release
	@scripts/soak "$(CYCLES)" "$(SECONDS)"

fuzz: ## Fuzz every parser for SECONDS=60 each (or TARGETS="udp route"), compare the torrent parser with libtorrent
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

bench: ## Measure what BENCHMARKS.md reports
	@scripts/setup bench
	$(CARGO) build --locked --release $(programs)
	$(CARGO) build --locked --release -p infra -p tracker --examples
	@set -e; for bench in scripts/bench-*; do \
		echo "== $$bench"; $(CARGO_TARGET_DIR)/release/examples/with_postgres $$bench; done
	$(CARGO) bench --locked -p bt
	$(CARGO) run --locked --release -p bt --example footprint
	$(CARGO) run --locked --release -p tracker --example expiry
