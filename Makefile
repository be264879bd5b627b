# Two commands to start: `make demo` and `make test`. Both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000

.PHONY: demo test soak bench audit lint clean

demo: $(VENV)/.installed webmap/static/dist/.built
	$(BIN)/python data/demo.py --port $(PORT)

test: $(VENV)/.tested webmap/static/dist/.built
	tests/system-packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto --dist worksteal -m "not slow"

soak: $(VENV)/.tested webmap/static/dist/.built
	GRIDGIS_PICTURES=out/pages $(BIN)/pytest -n auto --dist worksteal -m slow

bench: $(VENV)/.benched
	$(BIN)/python tests/benchmarks/run.py

audit: $(VENV)/.audited
	$(BIN)/python tests/audit.py

lint: $(VENV)/.tested
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

clean:
	rm -rf $(VENV) node_modules webmap/static/dist build *.egg-info .mypy_cache .ruff_cache .pytest_cache

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("gridgis needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.12 ...") if not (3, 11) <= sys.version_info[:2] <= (3, 13) else 0'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip setuptools wheel

$(VENV)/.installed: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/.tested: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@ $(VENV)/.installed

$(VENV)/.benched: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test,bench]'
	touch $@ $(VENV)/.installed $(VENV)/.tested

$(VENV)/.audited: setup.cfg pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[oidc,audit]'
	touch $@ $(VENV)/.installed

webmap/static/dist/.built: package.json package-lock.json $(shell find webmap/src -type f 2>/dev/null)
	npm ci --no-audit --no-fund
	npm run --silent build
	touch $@
