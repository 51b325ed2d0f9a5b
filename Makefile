# TimOS. `make` alone lists the targets.
# Needs python3 ≥ 3.11 with pip; everything else goes into ./.venv and web/node_modules, from wherever this machine's pip and npm take
# packages. Node 20.19, 22.12 or newer is used where there is one, and comes from PyPI where there is none.

PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
WORKERS ?= 2
ARGS ?=

# compiled once, at the first start: without its bytecode every start takes seconds
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test test-servers check fmt docs bench teeth screenshots lock clean install install-dev

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

run: install ## set up and serve on http://localhost:8000 (ARGS="--port 8001")
	@exec $(BIN)/timos serve $(ARGS)

test: install-dev ## set up and run every test, on SQLite and on servers of its own (ARGS="-k name")
	@$(PYTHON) requirements/browser.py
	@$(PYTHON) requirements/servers.py
	@$(PYTHON) requirements/web.py test
	$(PYTEST) -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(ARGS)

test-servers: install-dev ## only the tests that need PostgreSQL, MariaDB or Redis
	@$(PYTHON) requirements/servers.py
	$(PYTEST) -n $(WORKERS) --dist loadscope --no-loadscope-reorder -m servers $(ARGS)

check: install-dev ## formatting, lint, types, import contracts, the web app where it changed, quick tests: under 50 s
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/vulture
	@$(PYTHON) requirements/web.py check
	$(PYTEST) -n $(WORKERS) --dist loadscope -q -m quick

fmt: install-dev ## format, and repair what can be repaired
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: install-dev ## check that every setting, route, error, event and command is documented, and every link leads somewhere
	$(PYTEST) -q tests/docs

bench: install-dev ## measure; see benchmarks/README.md
	$(BIN)/python -m benchmarks $(ARGS)

teeth: install-dev ## break the security on purpose, in a copy, and see the tests turn red
	$(BIN)/python -m tests.teeth $(ARGS)

screenshots: install-dev ## pictures of every screen
	$(BIN)/python -m tests.screenshots $(ARGS)

lock: install-dev ## renew requirements/*.txt (ARGS="--upgrade" for newer versions)
	requirements/lock $(ARGS)

clean: ## remove ./.venv, the built web app and caches; never data, never keys
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build web/node_modules src/timos/_web
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

install:
	@$(PYTHON) requirements/install.py run

install-dev:
	@$(PYTHON) requirements/install.py dev
