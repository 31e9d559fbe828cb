# Needs make and Python 3.11 or newer; everything else comes from the package registry into .venv, once, pinned by hash.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
ARGS ?=
BIN := .venv/bin
STAMP := .venv/.installed

# Another Python's paths would leak into the environment and shadow what the lock installed.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV
# pyright asks the network for a newer version of itself only to print a warning.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.PHONY: help demo test lint bench chaos install lock rules format clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1|/p' Makefile | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

demo: $(STAMP) ## three business days on real Kafka, Faust and Postgres, settled and audited
	@$(BIN)/novate demo $(ARGS)

test: $(STAMP) ## the whole suite, real parts included; ARGS="-k word" narrows it
	@$(BIN)/python -m pytest --numprocesses 2 --no-loadscope-reorder $(ARGS)

lint: $(STAMP) ## linters, type checkers, layers and the table of rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m tools.rules --check

bench: $(STAMP) ## speed and memory, as a table with ratios
	@$(BIN)/python -m tests.bench $(ARGS)

chaos: $(STAMP) ## the long fault run
	@$(BIN)/python -m pytest tests/chaos --long $(ARGS)

install: $(STAMP) ## only set up .venv

rules: $(STAMP) ## write docs/rules/README.md anew
	$(BIN)/python -m tools.rules

format: $(STAMP) ## let ruff fix and format what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: ## resolve requirements.lock anew (needs uv)
	@sh tools/lock.sh

clean: ## remove .venv and the caches; `novate down --purge` removes data
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis .coverage*
	find settlement streams infra tools tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp holds the folder it was made in: a copied or moved tree sets itself up again, since a venv cannot move.
ifneq ($(shell cat $(STAMP) 2>/dev/null),$(CURDIR))
.PHONY: $(STAMP)
endif

$(STAMP): requirements.lock tools/install.py
	@if [ -z "$(PYTHON)" ]; then \
		echo "Expected Python 3.11 or newer as python3, was $$(python3 --version 2>&1 || echo none)."; \
		echo "Install it, or name one: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; \
		exit 1; \
	fi
	@$(PYTHON) tools/install.py
