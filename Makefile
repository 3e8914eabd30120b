# What one does with a checkout. Needs Python 3.11 or newer with venv, and this make; the rest goes into .venv.
#   make test ARGS="tests/core -k stream"      ARGS is handed on to the program that the recipe runs

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
ARGS   ?=
BENCH  ?= gateway/run.py

PIP     := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALL := $(PIP) install --require-hashes --no-deps
LOCK    := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
           --no-annotate --custom-compile-command 'make lock' $(ARGS)

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run test test-clients coverage lint format docs bench wheel lock hooks clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(VENV)/.package  ## start the gateway and the page (ARGS="--port 4001 --demo")
	$(BIN)/pointsman serve $(ARGS)

test: $(VENV)/.dev  ## run the tests (ARGS="-k name")
	$(BIN)/python -m pytest $(ARGS)

test-clients: $(VENV)/.dev  ## run real programs against the gateway (the first time installs 4 GB of them; needs npm)
	$(BIN)/python -m pytest tests/programs tests/clients -m programs $(ARGS)

coverage: $(VENV)/.dev  ## run the tests and hold each room to its share of pyproject.toml
	$(MAKE) --no-print-directory test ARGS='--cov --cov-report= $(ARGS)'
	@mkdir -p build
	$(BIN)/python -m coverage json --quiet -o build/coverage.json
	$(BIN)/python tools/coverage_rooms.py build/coverage.json

lint: $(VENV)/.dev  ## rules, layout, types, and who imports whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev  ## lay the code out and mend what can be mended safely
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format

docs: $(VENV)/.docs  ## build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict $(ARGS)

bench: $(VENV)/.dev  ## measure (BENCH=parity/parity.py for another one; ARGS="--help" says what it takes)
	$(BIN)/python bench/$(BENCH) $(ARGS)

wheel: $(VENV)/.dev  ## build the source archive and the wheel into dist/
	$(BIN)/python -m build --no-isolation $(ARGS)

lock: $(VENV)/.dev  ## settle versions and hashes anew (ARGS="--upgrade" for newer ones)
	$(LOCK) requirements/build.in -o requirements/build.txt
	$(LOCK) -c requirements/build.txt pyproject.toml --extra local --extra hub -o requirements/runtime.txt
	$(LOCK) -c requirements/build.txt -c requirements/runtime.txt requirements/dev.in -o requirements/dev.txt
	$(LOCK) -c requirements/build.txt -c requirements/runtime.txt -c requirements/dev.txt requirements/docs.in -o requirements/docs.txt
	$(LOCK) requirements/clients.in -o requirements/clients.txt
	$(LOCK) requirements/clients-older.in -o requirements/clients-older.txt

hooks: $(VENV)/.dev  ## check each commit before it is made
	$(BIN)/prek install

clean:  ## remove what was built, .venv included
	rm -rf $(VENV) build dist site .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# ── the environment: each stamp says that what it is named for is installed as the files beside it say ──────────────
$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pointsman needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.13")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.package: requirements/build.txt requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	@echo 'installing pointsman and what it runs on into $(VENV)'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip  # uv makes a .venv without pip
	@$(INSTALL) -r requirements/build.txt -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.package
	@echo 'installing the tools that check it into $(VENV)'
	@$(INSTALL) -r requirements/dev.txt
	@touch $@

$(VENV)/.docs: requirements/docs.txt | $(VENV)/bin/python
	@echo 'installing what builds the documentation into $(VENV)'
	@$(INSTALL) -r requirements/docs.txt
	@touch $@
