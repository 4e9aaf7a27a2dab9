# `make` tells what there is; `make up` needs nothing but Python 3.11 or 3.12.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || command -v python3)
BIN := .venv/bin
# A stamp per content of the pinned requirements: installed once, and again when they change.
STAMP := .venv/.installed-$(shell cksum < requirements.txt | cut -d' ' -f1)
DEV_STAMP := .venv/.installed-dev-$(shell cksum < requirements-dev.txt | cut -d' ' -f1)
PEERS := benchmarks/.venv-peers
PEERS_STAMP := $(PEERS)/.installed-$(shell cksum < benchmarks/requirements-peers.txt | cut -d' ' -f1)

.PHONY: help up install test test-api test-faults test-faults-registry test-faults-simulation test-faults-crashes test-faults-soak lint check bench bench-pipeline bench-api bench-workbench label-quality screenshots clean

help: ## This list
	@awk -F ':.*## ' '/^[a-zA-Z%-]+:.*## / {printf "  make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(STAMP) ## Start everything on this machine; Ctrl-C stops it
	@./adology up

install: $(STAMP) ## Install what the product needs into .venv
	@echo "Installed in .venv"

# Two at a time, each file whole in one process: every process has servers of its own. In the order of pyproject.toml:
# the browser comes last.
test: $(DEV_STAMP) ## Run the tests (TESTS=path for some of them)
	@$(BIN)/pytest -q -n 2 --dist loadfile --no-loadscope-reorder $(TESTS)

# What `make test` leaves out as slow, too; FULL=1 for all there is to try.
FAULTS := $(BIN)/pytest -q -m "slow or not slow" --timeout 900
SEEDS ?= $(if $(FULL),1000000,10000)

test-faults: $(DEV_STAMP) ## Proofs by fault: nothing is lost or doubled (FULL=1 for hours of it)
	@$(FAULTS) tests/faults
	@$(BIN)/python -m tests.faults.simulation --seeds $(SEEDS)

test-faults-registry: $(DEV_STAMP) ## L1: random walks through the registry
	@$(FAULTS) tests/faults/test_registry_*.py tests/faults/test_one_registry.py

test-faults-simulation: $(DEV_STAMP) ## L2: the pipeline in a simulated world, by seed
	@$(BIN)/python -m tests.faults.simulation --seeds $(SEEDS)
	@$(BIN)/python -m tests.faults.simulation --mutations

test-faults-crashes: $(DEV_STAMP) ## L3: processes die at every crash point
	@$(FAULTS) tests/faults/test_crash_points.py tests/faults/test_lost_*.py

test-faults-soak: $(DEV_STAMP) ## L4: kill -9 at random, and a checker of what became of everything
	@$(FAULTS) tests/faults/test_soak.py

test-api: $(DEV_STAMP) ## What holds for every call of the API (EXAMPLES=200 asks more of each)
	@EXAMPLES=$(or $(EXAMPLES),20) $(BIN)/pytest -q tests/api tests/daemon/test_guard.py tests/e2e/test_docs_page.py

lint: $(DEV_STAMP) ## Style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

check: lint test ## What CI runs

bench: $(DEV_STAMP) ## Run the benchmarks of ours alone
	@set -e; for name in r9 commit_copy; do $(BIN)/python -m benchmarks.$$name; done

bench-pipeline: $(DEV_STAMP) $(PEERS_STAMP) ## Beside Celery over SQS: calls, redeliveries, kills
	@$(BIN)/python -m benchmarks.pipeline

bench-api: $(DEV_STAMP) ## How fast the API answers, at three sizes (ADS=100000 for one); who reads slowly holds up nobody
	@$(BIN)/python -m benchmarks.api $(if $(ADS),--ads $(ADS))
	@$(BIN)/python -m benchmarks.api.r8

bench-workbench: $(DEV_STAMP) ## What a click on the Creatives page costs over 100,000 ads, beside a page that holds them all
	@$(BIN)/python -m benchmarks.workbench

bench-%: $(DEV_STAMP) ## One benchmark: bench-r9, bench-commit_copy, bench-concept_pairs
	@$(BIN)/python -m benchmarks.$*

label-quality: $(DEV_STAMP) ## How often the labels are right, on the labelled sample
	@$(BIN)/python -m benchmarks.label_quality

screenshots: $(DEV_STAMP) ## Pictures of every page, light and dark, wide and narrow
	@$(BIN)/python -m tests.e2e.screenshots

clean: ## Remove caches and the virtual environment (never .adology, where the data are)
	@rm -rf .venv $(PEERS) .mypy_cache .ruff_cache .pytest_cache .hypothesis benchmarks/out
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP):
	@$(call install_from,requirements.txt)

$(DEV_STAMP):
	@$(call install_from,requirements-dev.txt)

$(PEERS_STAMP): $(DEV_STAMP)
	@echo "Installing the peers into $(PEERS) (once) …"; $(BIN)/python -m venv --clear $(PEERS) \
		&& $(PEERS)/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements-peers.txt && touch $@

define install_from
	"$(PYTHON)" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' \
		|| { echo "make: Python 3.11 or 3.12 is needed: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)" >&2; exit 1; }; \
	$(BIN)/python -m pip --version >/dev/null 2>&1 || "$(PYTHON)" -m venv --clear .venv \
		|| { echo "make: Python's venv module is missing (Debian: apt-get install python3-venv)" >&2; exit 1; }; \
	echo "Installing $(1) (once; some minutes) …"; \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r $(1) && rm -f .venv/.installed-$(if $(findstring dev,$(1)),dev-,[0-9])* && touch $@
endef
