# Two commands do all the set-up: `make run` and `make test`. The rest is for those who change the code.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ONYX_VENV := .venv-onyx
BENCH_VENV := .venv-bench
SIZE ?= 25000
BENCH ?=

.PHONY: run test test-onyx test-citus fuzz faults faults-disk faults-clock overload soak faults-import leaks sbom test-deploy test-image chart lint types format eval schema lock bench bench-onyx clean

run: $(VENV)/run.stamp  ## serve on embedded PostgreSQL with the sample corpus
	@VECTOR_SEARCH_LOG_FORMAT=$${VECTOR_SEARCH_LOG_FORMAT:-text} exec $(BIN)/vector-search serve --with-sample

# What fails beside others is asked once more by itself, and loudly: some tests wait for real processes on a machine that
# may be slow. What fails twice has failed; what passes then is still listed above as a failure, to be mended.
test: $(VENV)/dev.stamp lint types  ## everything that must hold
	$(BIN)/python -m pytest -n 2 --dist worksteal || \
		{ echo "Some tests failed. They run once more, alone; those listed above need mending even if they pass now."; \
		  $(BIN)/python -m pytest --last-failed --last-failed-no-failures none; }

test-onyx: $(VENV)/dev.stamp $(ONYX_VENV)/stamp  ## the adapter against Onyx itself: make test-onyx ONYX=/path/to/onyx
	@test -d "$(ONYX)/backend/onyx" || { echo "Name a checkout of Onyx: make test-onyx ONYX=/path/to/onyx"; exit 1; }
	ONYX=$(abspath $(ONYX)) $(BIN)/python tests/onyx/service.py tests/onyx/real/run $(ONYX_VENV)/bin/pytest

CITUS_SUITES ?= tests/citus tests/integration tests/property tests/api

test-citus: $(VENV)/dev.stamp  ## suites on Citus: make test-citus CITUS=postgresql://user@coordinator/database
	@test -n "$(CITUS)" || { echo "Name a database of a Citus: make test-citus CITUS=postgresql://user@coordinator/database"; exit 1; }
	$(BIN)/python -m pytest --citus "$(CITUS)" -m "not one_postgres" -n 2 --dist worksteal $(CITUS_SUITES)

FUZZ_EXAMPLES ?= 2200
FUZZ_HISTORIES ?= 100

fuzz: $(VENV)/dev.stamp  ## call the API 50,000 times with whatever its schema allows and forbids, and play histories of writes
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) FUZZ_HISTORIES=$(FUZZ_HISTORIES) \
		$(BIN)/python -m pytest -s -q tests/api/test_schemathesis.py tests/property/test_machine.py

bench-onyx: $(VENV)/dev.stamp  ## a chat turn of Onyx, and bytes on the wire
	PYTHONPATH=.:clients/onyx/src:tests/onyx:tests/onyx/standins $(BIN)/python tests/onyx/service.py \
		$(BIN)/python -m bench.onyx_chat_turn $(OPTIONS)

leaks: $(VENV)/dev.stamp  ## hold a million decisions who sees what against an oracle
	$(BIN)/python -m pytest tests/security/test_leaks.py -s --decisions 1000000

sbom: $(VENV)/run.stamp  ## write the bill of materials, sbom.cdx.json (CycloneDX), and hold it against the lock
	$(PYTHON) -m venv $(VENV)-sbom
	$(VENV)-sbom/bin/python -m pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0
	$(VENV)-sbom/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON -o sbom.cdx.json $(BIN)/python
	$(VENV)-sbom/bin/python tests/deploy/check_bill.py requirements.lock sbom.cdx.json

SIGKILLS ?= 500
MINUTES ?= 60
SECONDS ?= 60

faults: $(VENV)/dev.stamp  ## kill, cut off, fill and fail over, in full: SIGKILLS=500
	RECOVERY_SECONDS=3 $(BIN)/python -m pytest -s tests/faults --sigkills $(SIGKILLS) --disconnects 1000 --kills 100

faults-disk: $(VENV)/dev.stamp  ## fill a small file system up, as root on Linux
	RECOVERY_SECONDS=3 PYTHONPATH=. $(BIN)/python -m tests.faults.full_disk

faults-clock: $(VENV)/dev.stamp  ## let the service's clock jump (Debian: faketime)
	PYTHONPATH=. $(BIN)/python -m tests.faults.clock_jumps

overload: $(VENV)/dev.stamp  ## ask for ten times what can be done: SECONDS=60
	PYTHONPATH=. $(BIN)/python -m tests.faults.overload --seconds $(SECONDS)

soak: $(VENV)/dev.stamp  ## mixed load for a long time: MINUTES=60
	PYTHONPATH=. $(BIN)/python -m tests.faults.soak --minutes $(MINUTES)

faults-import: $(VENV)/dev.stamp  ## kill an import a hundred times
	$(BIN)/python -m pytest tests/faults/test_import_kills.py --kills 100

test-deploy: $(VENV)/dev.stamp  ## rules and dashboard with a real Prometheus (Debian: prometheus)
	promtool check rules deploy/monitoring/alerts/*.yaml
	promtool test rules deploy/monitoring/tests/*.yaml
	PYTHONPATH=. $(BIN)/python tests/deploy/check_dashboard.py

test-image: $(VENV)/dev.stamp  ## run the built image as the chart would, as root: make test-image IMAGE_ROOT=… DSN=…
	@test -n "$(IMAGE_ROOT)" || { echo 'IMAGE_ROOT=$$(buildah mount $$(buildah from onyx-vector-search)) DSN=postgresql://…'; exit 1; }
	$(BIN)/python tests/deploy/run_image.py "$(IMAGE_ROOT)" "$(DSN)"

chart: $(VENV)/dev.stamp  ## write the chart's README and its snapshots anew
	$(BIN)/python deploy/helm/chart_readme.py
	UPDATE_SNAPSHOTS=1 $(BIN)/python -m pytest -q tests/deploy/test_chart.py

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	cd clients/onyx && $(CURDIR)/$(BIN)/ruff check . && $(CURDIR)/$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: $(VENV)/dev.stamp
	$(BIN)/mypy
	$(BIN)/mypy --config-file clients/onyx/pyproject.toml

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd clients/onyx && $(CURDIR)/$(BIN)/ruff check --fix . && $(CURDIR)/$(BIN)/ruff format .

eval: $(VENV)/run.stamp  ## measure the ranking: make eval CORPORA="folder …"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'ir-measures>=0.3.7'
	$(BIN)/vector-search eval $(CORPORA) --output eval.json

schema: $(VENV)/dev.stamp  ## write sql/schema.sql anew from the migrations
	$(BIN)/python -m pytest -q tests/integration/test_migrations.py --update-schema

lock:  ## pin what pyproject.toml allows (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --extra dev pyproject.toml -o requirements-dev.lock

bench: $(VENV)/run.stamp $(BENCH_VENV)/stamp  ## measure beside raw SQL and peers: SIZE=200000 for the full run
	$(BENCH_VENV)/bin/python -m bench run --size $(SIZE) --python $(CURDIR)/$(BIN)/python --keep $(BENCH)

clean:
	rm -rf $(VENV) $(VENV)-sbom sbom.cdx.json $(ONYX_VENV) $(BENCH_VENV) .postgres .browser .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(VENV)/dev.stamp: requirements-dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

$(ONYX_VENV)/stamp: tests/onyx/real/requirements.txt
	$(PYTHON) -m venv $(ONYX_VENV)
	$(ONYX_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

$(BENCH_VENV)/stamp: requirements.lock bench/requirements.txt
	$(PYTHON) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements.txt
	@touch $@
