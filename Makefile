# Two commands matter: `make demo` and `make test`. Both install what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests wait more than they compute; a file's tests stay in one process.
SIDE_BY_SIDE := -n 4 --dist loadfile

.PHONY: help demo test check format bench screenshots seeds ledger-mutations widget widget-check lock clean

help:
	@echo "make demo     a small shop with the banner, and what its log receives (no services needed)"
	@echo "make test     install what the tests need, run them all"
	@echo "make check    lint, types and formatting only"
	@echo "make bench    speed and size, each as a ratio in one run"
	@echo "make widget   rebuild the browser bundles (Node 20); make widget-check proves that they match"
	@echo "make screenshots   pictures of the demo in every state"
	@echo "make seeds    write docs/seed-coverage.md from the tests' names"
	@echo "make ledger-mutations   ten thousand changes of a ledger, each of which must be found"
	@echo "make lock     pin the tests' packages anew"

$(VENV)/server: pyproject.toml requirements/test.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the server …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements/constraints.txt --editable '.[server]'
	@touch $@

$(VENV)/test: pyproject.toml requirements/test.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the tests' packages …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/test.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@ $(VENV)/server

demo: $(VENV)/server
	@$(BIN)/cookiegate demo

test: $(VENV)/test
	@sh tests/install-system.sh
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE)

check: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/test
	@sh tests/install-system.sh nginx wrk
	@$(BIN)/python -m benchmarks

screenshots: $(VENV)/test
	@sh tests/install-system.sh chromium npm fonts
	@PYTHONPATH=tests $(BIN)/python docs/images/take.py

seeds: $(VENV)/test
	@PYTHONPATH=tests $(BIN)/python -m seeds.coverage

ledger-mutations: $(VENV)/test
	@LEDGER_MUTATIONS=3400 $(BIN)/python -m pytest -q tests/unit/ledger/test_mutations.py

widget-check:
	cd widget && npm ci --no-fund --no-audit && npm run check

widget:
	cd widget && npm ci --no-fund --no-audit && npm run build

lock: $(VENV)/test
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--no-header --extra server --extra postgres --extra redis --extra dev --output-file requirements/test.lock pyproject.toml
	sed -E '/^ +--hash|^ *#/d; s/ \\$$//' requirements/test.lock > requirements/constraints.txt
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--no-header --extra tools --constraint requirements/constraints.txt --output-file requirements/tools.lock pyproject.toml

clean:
	rm -rf $(VENV) .demo .pytest_cache .mypy_cache .ruff_cache tests/npm/node_modules widget/node_modules
