# Two commands, nothing before them: `make demo` and `make test`.
# Both install what is missing (into .venv and node_modules) and start in seconds the second time.

# The first that runs and is new enough: a name alone may be a version manager's empty shim.
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13; do \
            $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN    := .venv/bin
PY     := $(BIN)/python
NPM    := $(shell command -v npm)
# A file's tests stay together: many share a chain that takes seconds to start.
PYTEST := $(PY) -m pytest -n 2 --dist loadfile
SETUP  := .venv/.installed node_modules/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo test-fast coverage test test-all test-pythons check docs fmt build clean

help:  ## Show this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(SETUP)  ## Install into .venv and node_modules

.venv/.installed: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || \
	  { echo "Karat needs Python 3.11 or newer, and found none. Set PYTHON=/path/to/python3.11."; exit 3; }
	test -x $(PY) || $(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

node_modules/.installed: package.json package-lock.json
ifeq ($(NPM),)
	@echo "No npm found: skipping Anvil; 'karat demo' will use the embedded EVM."
	@mkdir -p node_modules
else
	# Not `npm ci`: it insists on the Anvil binaries of every platform, and not every mirror has them.
	npm install --no-save --ignore-scripts --no-audit --no-fund --loglevel=error
endif
	@touch $@

demo: $(SETUP)  ## Run a whole network on this machine
	@$(BIN)/karat demo $(ARGS)

test-fast: $(SETUP)  ## Run the unit tests: no chain, no process, under a minute
	$(PYTEST) -m "not seconds and not slow and not gpu" tests/unit $(ARGS)

coverage: $(SETUP)  ## Run the tests without processes, and check how much of the code they cover
	$(PYTEST) -m "not slow and not gpu" --quiet --cov --cov-report=term:skip-covered --cov-fail-under=65 tests/unit tests/property $(ARGS)

test: $(SETUP)  ## Run the tests (without those marked slow)
	$(PYTEST) -m "not slow and not gpu" $(ARGS)

test-all: $(SETUP)  ## Run every test, the slow ones too
	$(PYTEST) -m "not gpu" $(ARGS)

test-pythons: $(SETUP)  ## Run the tests that need no torch on every other Python found here
	sh tools/other_pythons.sh

check: $(SETUP)  ## Lint, types, layering, artifacts up to date, Solidity format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(PY) -m tools.build --check
	$(PY) -m tools.bindgen --check
	$(FORGE) fmt --check

docs: $(SETUP)  ## Build the documentation into docs/_build/html; a warning is an error
	$(PY) -m sphinx --jobs 2 --quiet --fail-on-warning --keep-going --nitpicky docs docs/_build/html

fmt: $(SETUP)  ## Format Python and Solidity
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(FORGE) fmt

build: $(SETUP)  ## Recompile the contracts; regenerate artifacts and bindings
	$(PY) -m tools.build
	$(PY) -m tools.bindgen

clean:  ## Remove what was installed and built
	rm -rf .venv node_modules out cache docs/_build docs/_generated .mypy_cache .ruff_cache .pytest_cache .hypothesis

FORGE = $(wildcard node_modules/@foundry-rs/forge-*/bin/forge)
