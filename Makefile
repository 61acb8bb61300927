# Needs Python 3.11 or newer and make; everything else is fetched by hash into .venv.
# PYTHON=python3.12 chooses the interpreter, ARGS="-k orders" reaches pytest, UPGRADE=1 renews locks.
PYTHON ?= python3
STATE := .state
VENV := .venv/bin
.DEFAULT_GOAL := help

# Without bytecode every start compiles a thousand files anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-faults test-fuzz fuzz audit bench bench-live check static format lint types schema migrations lock \
	reset clean python installed installed-dev web

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: python ## Install what is missing and run the whole platform on this machine
	@$(MAKE) --no-print-directory --jobs=2 installed web
	@exec ./seller run

test: installed-dev web ## Run the tests on servers of their own (beside a running platform too)
	@$(VENV)/python -m pytest $(ARGS)

test-faults: installed-dev ## Break servers, networks and processes on purpose, and see what clients see
	@$(VENV)/python -m pytest -m faults tests/faults $(ARGS)

test-fuzz: installed-dev ## A deterministic handful of random documents, frames, requests, operations
	@$(VENV)/python -m pytest -m fuzz tests/fuzz tests/execution $(ARGS)

audit: installed-dev web ## Run all checks of protocols, limits, isolation and faults; writes docs/CONFORMANCE.md
	@$(VENV)/python -m tests.world.audit $(ARGS)

fuzz: installed-dev ## Random documents, frames and requests, SECONDS (600) of each, and OPERATIONS (50,000)
	@SELLER_FUZZ_SECONDS=$(or $(SECONDS),600) SELLER_FUZZ_OPERATIONS=$(or $(OPERATIONS),50000) \
		$(VENV)/python -m pytest -m fuzz -rP --show-capture=stdout \
		tests/fuzz/test_documents.py tests/fuzz/test_frames.py tests/fuzz/test_requests.py \
		tests/execution/test_random_operations.py $(ARGS)

bench: installed-dev ## What five operations cost, beside what a team would pick instead (SCALE=0.01: a quick look)
	@$(VENV)/python -m benchmarks.operations $(if $(SCALE),--scale $(SCALE)) $(ARGS)

bench-live: installed-dev ## A thousand subscribers of one LIVE room: events a second, and how late they are
	@$(VENV)/python -m benchmarks.live_room $(ARGS)

check: static test test-faults test-fuzz ## All that CI checks: format, lint, types, imports, schema, migrations, tests

static: lint types schema migrations

format: installed-dev ## Rewrite the sources in the project's format, with safe fixes
	@$(VENV)/ruff check --fix .
	@$(VENV)/ruff format .

lint: installed-dev ## Check format, style and imports
	@$(VENV)/ruff format --check .
	@$(VENV)/ruff check .
	@$(VENV)/lint-imports

types: installed-dev ## Check types
	@$(VENV)/mypy

schema: installed-dev ## Check that schema/schema.graphql is what the code says
	@./seller schema check

migrations: installed-dev ## Check that migrations and models agree, on a database made for that
	@./seller migrate --check

lock: installed-dev ## Resolve the locks anew from pyproject.toml (UPGRADE=1: newest versions)
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/uv pip compile pyproject.toml \
		--quiet --universal --python-version 3.11 --generate-hashes $(if $(UPGRADE),--upgrade) \
		--output-file requirements.lock
	@UV_CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/uv pip compile pyproject.toml --group dev \
		--constraint requirements.lock \
		--quiet --universal --python-version 3.11 --generate-hashes $(if $(UPGRADE),--upgrade) \
		--output-file requirements-dev.lock
	@echo uv | UV_CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/uv pip compile - --no-annotate \
		--quiet --universal --python-version 3.11 --generate-hashes $(if $(UPGRADE),--upgrade) \
		--output-file requirements-uv.lock

reset: python ## Remove all data of the embedded servers (refused while they run)
	@if [ -x $(VENV)/python ]; then $(VENV)/python -m api.embedded.reset $(STATE); \
		else $(PYTHON) -m api.embedded.reset $(STATE); fi

clean: ## Remove what was installed and built; the data stay
	@rm -rf .venv web/node_modules web/dist tests/clients/node/node_modules \
		benchmarks/operations/node/node_modules .mypy_cache .ruff_cache .pytest_cache \
		.import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) is missing or older than Python 3.11." \
			"Install a newer one, or name one: make $(or $(MAKECMDGOALS),run) PYTHON=python3.12" >&2; \
		exit 1; }

installed: python
	@$(PYTHON) bootstrap/install.py run

installed-dev: python
	@$(PYTHON) bootstrap/install.py dev

web: python
	@$(PYTHON) bootstrap/build_web.py
