# TimOS. `make` alone lists the targets.
# Needs python3 ≥ 3.11 with pip; everything else goes into ./.venv, from wherever this machine's pip takes packages.

PYTHON ?= python3
BIN := .venv/bin
PYTEST := $(BIN)/python -m pytest
WORKERS ?= 2
ARGS ?=

# compiled once, at the first start: without its bytecode every start takes seconds
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check fmt docs bench teeth lock clean install install-dev

help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18

run: install ## set up and serve on http://localhost:8000 (ARGS="--port 8001")
	@exec $(BIN)/timos serve $(ARGS)

test: install-dev ## set up and run every test (ARGS="-k name")
	@$(PYTHON) requirements/browser.py
	$(PYTEST) -n $(WORKERS) --dist loadscope $(ARGS)

check: install-dev ## formatting, lint, types, import contracts, quick tests: under 50 s
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/vulture
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

lock: install-dev ## renew requirements/*.txt (ARGS="--upgrade" for newer versions)
	requirements/lock $(ARGS)

clean: ## remove ./.venv and caches; never data, never keys
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

install:
	@$(PYTHON) requirements/install.py run

install-dev:
	@$(PYTHON) requirements/install.py dev
