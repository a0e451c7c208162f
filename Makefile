# Two commands matter: `make run` and `make test`. Only Python >= 3.11 with venv, and make, are needed.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
SOURCES := $(wildcard app devtools migrations tests bench docs)
# Each worker has database servers of its own.
WORKERS ?= 2

.PHONY: run test test-long bench format clean
.DELETE_ON_ERROR:

run: $(READY)
	$(BIN)/lead-assignment serve --development

test: $(READY)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/lint-imports --no-cache --no-logo
	$(BIN)/pytest --numprocesses $(WORKERS) --dist loadgroup

test-long: $(READY)
	$(BIN)/pytest -m long --timeout 1800

bench: $(READY)
	$(BIN)/python -m bench

format: $(READY)
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

# The stamp is newer than what it was made from, so an unchanged project is not installed again.
$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

clean:
	rm -rf .venv build dist *.egg-info
