# Every target does its own set-up: `make test` and `make reproduce-table2` work on a machine that has only Swift, git and make.

PROFILE ?= quick
RUNS ?= runs
SWIFT ?= swift
PACKAGES = libopenblas-dev liblapacke-dev zlib1g-dev libpng-dev libturbojpeg0-dev libcurl4-openssl-dev libssl-dev pkg-config
TABLES = $(patsubst Experiments/table%.json,%,$(wildcard Experiments/table*.json))
PROBES = openblas lapacke zlib libpng libturbojpeg libcurl libcrypto

.DEFAULT_GOAL := help
.PHONY: help deps build test test-long lint format bench bench-peers reproduce clean

help: ## Show this list
	@grep -E '^[a-zA-Z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

# pkg-config's answer decides, so nothing is asked of apt (or of sudo) once the libraries are there.
deps: ## Install the system libraries that are missing (OpenBLAS, LAPACKE, zlib, libpng, libturbojpeg, libcurl, libcrypto), with apt-get
	@if pkg-config --exists $(PROBES) 2>/dev/null; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then \
	  echo "This system has no apt-get. Install OpenBLAS, LAPACKE, zlib, libpng, libturbojpeg, libcurl and libcrypto with their headers, and pkg-config," >&2; \
	  echo "so that 'pkg-config --exists $(PROBES)' succeeds (Debian calls them: $(PACKAGES))." >&2; exit 1; fi; \
	if [ "$$(id -u)" = 0 ]; then as_root=""; \
	elif command -v sudo >/dev/null; then as_root=sudo; \
	else echo "Missing libraries, and neither root nor sudo: ask an administrator for 'apt-get install $(PACKAGES)'." >&2; exit 1; fi; \
	echo "Installing $(PACKAGES)"; \
	{ $$as_root apt-get install -y -qq $(PACKAGES) >/dev/null 2>&1 \
	  || { $$as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$as_root apt-get install -y -qq $(PACKAGES); }; } \
	&& pkg-config --exists $(PROBES)

build: deps ## Build everything, for release
	$(SWIFT) build -c release

test: deps ## Run the fast tests (the programs as a person runs them included)
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build

# The mutation tests by themselves, so that the peak of memory that they print is theirs.
test-long: deps ## Mutate the input of every reader, kill, damage and starve runs (SPREAD_MUTATIONS=100000, SPREAD_KILLS=200, SPREAD_DAMAGES=300, SPREAD_DISKS=30)
	$(SWIFT) build --build-tests
	SPREAD_MUTATIONS=$(or $(SPREAD_MUTATIONS),100000) $(SWIFT) test --skip-build --no-parallel --filter HostileInputTests
	SPREAD_KILLS=$(or $(SPREAD_KILLS),200) SPREAD_DAMAGES=$(or $(SPREAD_DAMAGES),300) SPREAD_DISKS=$(or $(SPREAD_DISKS),30) \
	  $(SWIFT) test --skip-build --no-parallel --filter EnduranceTests

lint: deps ## Check the layout of the Swift sources, that targets declare what they import, and the order of the floors
	$(SWIFT) format lint --strict --recursive Package.swift Sources Tests
	.ci/check-floors
	Tests/check-examples.sh
	$(SWIFT) build --explicit-target-dependency-import-check error

format: ## Lay the Swift sources out
	$(SWIFT) format --in-place --recursive Package.swift Sources Tests

bench: build ## Measure this machine and everything that has a benchmark
	.build/release/spread-bench all

# PyTorch and JAX go to a virtual environment of their own; nothing else here needs Python.
bench-peers: build ## Run ours, PyTorch and JAX side by side (ONLY="vit loss-4096", ROUNDS=3)
	@test -x .venv/bin/python || python3 -m venv .venv
	@.venv/bin/python -c 'import torch, jax' 2>/dev/null || .venv/bin/python -m pip install -q -r Benchmarks/requirements.txt
	.venv/bin/python Benchmarks/compare.py --rounds $(or $(ROUNDS),3) $(if $(ONLY),--only $(ONLY))

reproduce: build ## Train what is missing of a table, and print it (TABLE=2, PROFILE=smoke|quick|efficient|paper, RUNS=folder, SPREAD_DATA=folder, JOBS=runs side by side); reproduce-table2 is short for TABLE=2
	@test -n "$(TABLE)" || { echo "Which table? make reproduce TABLE=2 (Experiments/ has: $(TABLES))" >&2; exit 64; }
	.build/release/spread-exp reproduce $(TABLE) --profile $(PROFILE) --runs $(RUNS) $(if $(JOBS),--jobs $(JOBS))

# reproduce-table2, reproduce-table4: any table that has a file.
reproduce-table%:
	@$(MAKE) --no-print-directory reproduce TABLE=$*

clean: ## Remove what was built; run folders stay
	rm -rf .build
