# Two commands matter: `make demo` and `make test`. Both install what they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests wait more than they compute; a file's tests stay in one process. Their order is that of tests/support/order.py.
SIDE_BY_SIDE := -n 4 --dist loadfile --no-loadscope-reorder
# Hundreds of tests start a process: each would compile the program anew.
unexport PYTHONDONTWRITEBYTECODE
# What runs on the second engine too; the rest never meets the record, or brings both engines itself.
ON_POSTGRESQL := tests/contract tests/web tests/unit/storage tests/unit/rights tests/unit/ledger tests/receipts tests/histories
# But not these, which open their engine by its address, or Redis alone: the first run was the same.
SAME_ON_BOTH := $(addprefix --ignore=tests/,contract/test_migrating.py contract/test_postgres.py contract/test_postgres_hangs.py contract/test_several_writers.py contract/test_sqlite.py unit/storage/test_redis_faults.py unit/storage/test_shared_cache.py)
# What an install compiles in place (hatch_build.py); without it everything works, and the gate is slower.
PROJECTION := hatch_build.py $(wildcard cookiegate/gate/projection/*.[ch])
COMPILED := cookiegate/gate/_projection.abi3.so
# What compiling needs, as far as it is here; the server's stamp holds what the last install found. An install without the
# module is done again once there is more.
MEANS := $(sort $(shell command -v cc; command -v gcc; ls /usr/include/python3*/Python.h 2>/dev/null))
MORE := $(if $(wildcard $(COMPILED)),,$(filter-out $(shell cat $(VENV)/server 2>/dev/null),$(MEANS)))

.PHONY: help demo test check format bench bench-gate bench-growth faults soak load proxies bench-peers bench-widget cost screenshots widget-gallery conformance seeds ledger-mutations fuzz widget widget-check widget-tcf wheel gate-js-tables bench-gate-js sbom audit lock clean .system .proxies .checked .more

help:
	@echo "make demo     a small shop with the banner, and what its log receives (no services needed)"
	@echo "make test     install what the tests need, run them all"
	@echo "make check    lint, types, formatting, and the texts of every language"
	@echo "make bench    speed and size, each as a ratio in one run"
	@echo "make bench-gate   the gate by tracker, as command, over HTTP, in workers, on 64 kB of the worst, over ten million events (five minutes); GATE_EVENTS=1000000"
	@echo "make bench-growth   decisions at 10,000, a million and ten million rows (ten minutes, 25 GB of temporary files)"
	@echo "make load     mixed traffic for five minutes on each engine; LOAD_SECONDS=20 LOAD_ENGINES=sqlite,postgresql,redis"
	@echo "make bench-peers   consent writes beside the quickest peer backend, from npm, on PostgreSQL, at four sizes (four minutes)"
	@echo "make bench-widget   the banner beside six others from npm in Chromium: docs/reference/widget-peers.md (five minutes)"
	@echo "make cost     bytes and CPU of a decision, an event, a million visitors; all three targets write docs/explanation/cost.md"
	@echo "make faults   every row of the fault table under load, a line each (a quarter of an hour); FAULTS='--rows disk-full --report FILE'"
	@echo "make soak     a thousand times kill -9 under load (half an hour); SOAK=100"
	@echo "make widget   rebuild the browser bundles (Node 20); make widget-check proves that they match"
	@echo "make widget-tcf   build the files of IAB TCF and GPP with IAB Tech Lab's packages from npm; make wheel builds the package with them"
	@echo "make gate-js-tables   tables of the gate in JavaScript from those in Python; make bench-gate-js measures it"
	@echo "make proxies  every recipe of deploy/proxies, started for real (part of make test)"
	@echo "make conformance   20,000 events of all trackers through every engine, PySpark among them: docs/reference/conformance.md (ten minutes)"
	@echo "make screenshots   pictures of the demo in every state"
	@echo "make widget-gallery   pictures of banner, dialog and pages in every state and theme: docs/gallery (three minutes)"
	@echo "make seeds    write docs/seed-coverage.md from the tests' names"
	@echo "make ledger-mutations   ten thousand changes of a ledger, each of which must be found"
	@echo "make fuzz     the security suite's long forms: Schemathesis and random requests; FUZZ_SECONDS=600 each, FUZZ_SEED=1"
	@echo "make sbom     the bill of materials of what is shipped: dist/sbom.cdx.json (CycloneDX)"
	@echo "make audit    ask the advisories about every package that is shipped (needs the network)"
	@echo "make lock     pin all packages anew: the tests', the server's, the tools'"

$(VENV)/server: pyproject.toml requirements/test.lock $(PROJECTION) $(if $(MORE),.more)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the server …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements/constraints.txt --editable '.[server]'
	@test -e $(COMPILED) || echo "no C compiler, or no headers of Python: the gate takes its thorough way only: right, but several times slower"
	@echo "$(MEANS)" > $@

$(VENV)/packages: requirements/test.lock
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the tests' packages …"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/test.lock
	@touch $@

$(VENV)/test: $(VENV)/packages pyproject.toml $(PROJECTION) $(if $(MORE),.more)
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@test -e $(COMPILED) || $(BIN)/python hatch_build.py || true  # pip does not show why
	@echo "$(MEANS)" > $(VENV)/server
	@touch $@

demo: $(VENV)/server
	@$(BIN)/cookiegate demo

test:
	@sh tests/install-system.sh cc headers
	@$(MAKE) --no-print-directory -j2 .system .proxies .checked
	@$(BIN)/python -m pytest $(SIDE_BY_SIDE)
	@echo "once more on PostgreSQL, with a Redis that is killed half-way:"
	@TEST_DATABASE=postgresql TEST_REDIS=killed-half-way $(BIN)/python -m pytest $(SIDE_BY_SIDE) $(ON_POSTGRESQL) $(SAME_ON_BOTH)

# What the tests need, two at a time: fetching and unpacking leave a core free.
.system:
	@sh tests/install-system.sh

.proxies: $(VENV)/test
	@sh tests/install-proxies.sh $(BIN)/python

.checked: $(VENV)/test
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@PYTHONPATH=tests $(BIN)/python -m support.wordings

check: $(VENV)/test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=tests $(BIN)/python -m support.wordings

format: $(VENV)/test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/test
	@sh tests/install-system.sh nginx wrk
	@$(BIN)/python -m benchmarks

bench-gate: $(VENV)/test
	@sh tests/install-system.sh nginx wrk redis
	@$(BIN)/python -m benchmarks gate_pipeline gate_trackers gate_command gate_check gate_strip gate_inputs workers
	@$(BIN)/python -m benchmarks gate_memory --events=$${GATE_EVENTS:-10000000}

bench-growth: $(VENV)/test
	@sh tests/install-system.sh wrk
	@$(BIN)/python -m benchmarks growth

load: $(VENV)/test
	@sh tests/install-system.sh wrk postgresql redis
	@$(BIN)/python -m benchmarks load --write

bench-peers: $(VENV)/test
	@sh tests/install-system.sh wrk postgresql npm
	@$(BIN)/python -m benchmarks peers --write

bench-widget: $(VENV)/test
	@sh tests/install-system.sh chromium nginx npm
	@$(BIN)/python -m benchmarks widget --write

cost: $(VENV)/test
	@sh tests/install-system.sh wrk postgresql
	@$(BIN)/python -m benchmarks cost --write

faults: $(VENV)/test
	@sh tests/install-system.sh redis postgresql nginx faketime fiu cc
	@PYTHONPATH=tests $(BIN)/python -m faults $(FAULTS)

soak: $(VENV)/test
	@PYTHONPATH=tests $(BIN)/python -m faults --soak $(SOAK)

proxies: $(VENV)/test
	@sh tests/install-system.sh nginx haproxy
	@sh tests/install-proxies.sh $(BIN)/python
	@$(BIN)/python -m pytest -q tests/proxies

# Beside the tests' own packages, which they do not touch: 660 MB that no other target needs.
.venv-spark/ready: requirements/spark.lock | $(VENV)/test
	@echo "installing PySpark …"
	@rm -rf .venv-spark/packages
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/spark.lock --target .venv-spark/packages
	@touch $@

conformance: $(VENV)/test .venv-spark/ready
	@sh tests/install-system.sh java npm redis
	@PYTHONPATH=tests $(BIN)/python -m conformance --write

widget-gallery: $(VENV)/test
	@sh tests/install-system.sh chromium npm fonts
	@PYTHONPATH=tests $(BIN)/python docs/gallery/take.py

screenshots: $(VENV)/test
	@sh tests/install-system.sh chromium npm fonts
	@PYTHONPATH=tests $(BIN)/python docs/images/take.py

seeds: $(VENV)/test
	@PYTHONPATH=tests $(BIN)/python -m seeds.coverage

ledger-mutations: $(VENV)/test
	@LEDGER_MUTATIONS=3400 $(BIN)/python -m pytest -q tests/unit/ledger/test_mutations.py

fuzz: $(VENV)/test
	@sh tests/install-system.sh slowhttptest
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-600} $(BIN)/python -m pytest -q --timeout 0 tests/security/test_schemathesis.py tests/security/test_hostile_input.py

widget-check:
	cd widget && npm ci --no-fund --no-audit && npm run check
	cd widget/tcf && npm ci --no-fund --no-audit --ignore-scripts && npm run types

widget:
	cd widget && npm ci --no-fund --no-audit && npm run build

# They hold other people's code, so they are never committed; a policy with `tcf` or `gpp` needs them.
widget-tcf:
	cd widget/tcf && npm ci --no-fund --no-audit --ignore-scripts && npm run build

wheel: $(VENV)/test widget-tcf
	@$(BIN)/python -m build --wheel --outdir dist .

gate-js-tables: $(VENV)/test
	@$(BIN)/python verifier-js/export_tables.py

bench-gate-js:
	@cd verifier-js && npm ci --no-fund --no-audit --silent && npm run --silent bench

.venv-tools/ready: requirements/tools.lock
	@test -x .venv-tools/bin/python || $(PYTHON) -m venv .venv-tools
	@.venv-tools/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/tools.lock
	@touch $@

.venv-server/ready: requirements/server.lock requirements/build.lock pyproject.toml $(PROJECTION)
	@rm -rf .venv-server
	@sh deploy/docker/build.sh . .venv-server
	@touch $@

sbom: .venv-tools/ready .venv-server/ready
	@mkdir -p dist
	@.venv-tools/bin/cyclonedx-py environment .venv-server/bin/python --pyproject pyproject.toml --output-reproducible --output-file dist/sbom.cdx.json
	@$(PYTHON) deploy/supply_chain.py sbom dist/sbom.cdx.json

audit: .venv-tools/ready
	@$(PYTHON) deploy/supply_chain.py audit .venv-tools/bin/pip-audit

lock: $(VENV)/test
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--no-header --extra server --extra postgres --extra redis --extra kafka --extra frames --extra dev --output-file requirements/test.lock pyproject.toml
	sed -E '/^ +--hash|^ *#/d; s/ \\$$//' requirements/test.lock > requirements/constraints.txt
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--no-header --extra server --extra postgres --extra redis --extra kafka --constraint requirements/constraints.txt \
		--output-file requirements/server.lock pyproject.toml requirements/server.in
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--no-header --build-deps-for wheel --only-build-deps --output-file requirements/build.lock pyproject.toml
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--no-header --extra tools --constraint requirements/constraints.txt --output-file requirements/tools.lock pyproject.toml
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--no-header --output-file requirements/proxies.lock requirements/proxies.in
	$(BIN)/pip-compile --quiet --strip-extras --generate-hashes --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links \
		--no-header --constraint requirements/constraints.txt --output-file requirements/spark.lock requirements/spark.in

clean:
	rm -rf $(VENV) $(COMPILED) .demo .pytest_cache .mypy_cache .ruff_cache tests/npm/node_modules widget/node_modules widget/tcf/node_modules static/tcf verifier-js/node_modules verifier-js/types
