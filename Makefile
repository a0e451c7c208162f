# Requires Python 3.11 or newer with venv, and make.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
SOURCES := $(wildcard app devtools lead_assignment migrations tests bench docs)
# Processes that check types, and then those that test. Each of these has its own database servers.
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run test test-long bench quality format clean
.DELETE_ON_ERROR:
# Each process of a test run would compile all tests again, and each run too.
unexport PYTHONDONTWRITEBYTECODE

help: ## List the targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

run: $(READY) ## Serve the example workspace, with a Postgres of its own under .data/.
	$(BIN)/lead-assignment serve --dev

test: $(READY) ## Check formatting, lint, types and layers, and run the tests.
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy --num-workers $(WORKERS) $(SOURCES)
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadgroup

test-long: $(READY) ## Run the storms and the large volumes.
	$(BIN)/pytest -m long --timeout 1800

bench: $(READY) ## Run the benchmarks.
	$(BIN)/python -m bench

quality: $(READY) ## Measure how right intake is, on labeled data.
	$(BIN)/python -m bench.quality

format: $(READY) ## Format the sources and fix lint.
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

# The stamp is newer than its sources, so an unchanged project is not installed again.
$(READY): pyproject.toml setup.py constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is required.") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

clean: ## Remove the virtual environment and build output.
	rm -rf .venv build dist *.egg-info
