# Everything a developer or an operator types. Needs Python 3.11 or newer and the package registries, nothing else.

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
UV_OPTIONS := --python-version 3.11 --python-platform x86_64-manylinux_2_28 --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --upgrade
export DEPLOYMENT := local

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo services test chaos soak bench lint format catalogues lock clean

help: ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)$$/make \1\t\2/' | expand -t 20

setup: ## the virtual environment .venv with the locked requirements; nothing happens when they are in already
	@bash deploy/venv.sh requirements.txt

setup-dev:
	@bash deploy/venv.sh requirements-dev.txt

demo: setup ## the whole product on real files, until Ctrl+C; ONCE=1 prints the summary and ends
	@$(BIN)/python manage.py demo --stop-with-parent $(if $(ONCE),--once) $(if $(PORT),--port $(PORT))

services: setup ## only the embedded PostgreSQL and broker, until Ctrl+C
	@$(BIN)/python manage.py services

# Two processes with servers of their own each; given servers are one for all, so one process.
PROCESSES ?= $(if $(DATABASE_URL)$(CELERY_BROKER_URL),0,2)

test: setup-dev ## all tests; ARGS="tests/members -x" for some, PROCESSES=0 for one after the other
	@$(BIN)/python -m pytest -n $(PROCESSES) --dist worksteal $(ARGS)

chaos: setup-dev ## the tests that kill and stop workers, servers and supervisors, alone
	@$(BIN)/python -m pytest tests/chaos tests/backoffice/embedded $(ARGS)

soak: setup-dev ## random histories of the ledger against its model; SECONDS=n (600), SEED=n to see one again
	@$(BIN)/python -m tests.soak $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

bench: setup-dev ## benchmarks, as ratios; ONLY=name for one, ROWS=n for another size
	@$(BIN)/python -m benchmarks $(if $(ONLY),--only $(ONLY)) $(if $(ROWS),--rows $(ROWS))

lint: setup-dev ## style, types, arrows between the packages, migrations, catalogues, generated pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy .
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py settings_reference --check
	$(BIN)/python manage.py api_reference --check
	$(BIN)/python manage.py catalogues --check

format: setup-dev ## lay out the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

catalogues: setup-dev ## collect new words into the .po files and compile them
	$(BIN)/python manage.py catalogues

lock: ## resolve requirements*.in anew (in a throw-away environment)
	@folder=$$(mktemp -d) && python3 -m venv $$folder && $$folder/bin/pip install -q uv && \
	rm -f requirements.txt requirements-dev.txt && \
	$$folder/bin/uv pip compile -q $(UV_OPTIONS) requirements.in -o requirements.txt && \
	$$folder/bin/uv pip compile -q $(UV_OPTIONS) requirements-dev.in -o requirements-dev.txt; \
	rm -rf $$folder

clean: ## remove .venv and the local data
	rm -rf $(VENV) .state
