# Everything a developer does. A fresh machine needs Python 3.11+ and make; the rest goes into .venv and .cache.

VENV     = .venv
BIN      = $(VENV)/bin
DUCKDB15 = .cache/duckdb-1.5
APACHE_SPARK = .cache/apache-spark
WHEELS   = .cache/wheels
GENERATORS = .cache/generators
PAGE_VENDOR = .cache/page-vendor
INSTANTSEARCH = .cache/instantsearch
LAKE     = data/lake
DEMO     = .cache/demo
PORT     = 8000
MODELS   = 100000
PIP      = $(BIN)/python -m pip --disable-pip-version-check --quiet
# Where the locks are used, and what they must say: every file with its hash, no file without one.
INSTALL  = $(PIP) install --require-hashes
EDITABLE = $(PIP) install --no-deps --no-build-isolation --editable .
COMPILE  = $(VENV)/bin/uv pip compile --quiet --no-config --universal --python-version 3.11 \
           --generate-hashes --no-emit-index-url --no-annotate --no-header $(UPGRADE)
# The extras that the tests are run with: all but the peers of the benchmark.
EXTRAS   = --extra excel --extra otel --extra postgres --extra redis --extra s3

.DEFAULT_GOAL := help
.PHONY: help run test check lint format types layers prose pytest pytest-duckdb-1.5 fmt soak bench docs lock wheel release-check clean

help: ## what there is to make
	@grep -hE '^[a-z][a-zA-Z0-9.-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([^:]*):.*## (.*)/  make \1\t\2/' | expand -t 14

run: $(VENV)/.run ## publish the sample catalogue twice and serve it on 127.0.0.1:8000 (make run PORT=8123)
	@$(BIN)/python -m scripts.demo_catalogue $(DEMO)
	@test -e $(LAKE)/CURRENT || $(BIN)/python -m facets_svc sync --source $(DEMO)/yesterday.jsonl --lake $(LAKE)
	@$(BIN)/python -m facets_svc sync --source $(DEMO)/today.jsonl --lake $(LAKE)
	@$(BIN)/python -m facets_svc serve --demo --lake $(LAKE) --port $(PORT)

test: check pytest pytest-duckdb-1.5 ## every check and every test, on both lines of DuckDB

check: lint format types layers prose ## lint, format, types, import layers and prose, changing nothing

lint: $(VENV)/.dev
	$(BIN)/ruff check .

format: $(VENV)/.dev
	$(BIN)/ruff format --check .

types: $(VENV)/.dev
	$(BIN)/mypy

layers: $(VENV)/.dev
	$(BIN)/lint-imports

prose: $(VENV)/.dev
	$(BIN)/python -m scripts.check_prose

pytest: $(VENV)/.dev $(VENV)/.strace $(VENV)/.chromium $(VENV)/.generators $(VENV)/.page-vendor $(VENV)/.instantsearch $(VENV)/.promtool $(WHEELS)/.downloaded
	$(BIN)/python -m pytest -n 2 --expect-duckdb 2.0

pytest-duckdb-1.5: $(VENV)/.dev $(DUCKDB15)/.installed
	PYTHONPATH="$(CURDIR)/$(DUCKDB15)" $(BIN)/python -m pytest -n 2 --expect-duckdb 1.5 \
	  tests/analyst tests/engine tests/parity tests/sandbox/test_functions.py tests/sandbox/test_judge.py \
	  tests/sql_attacks/test_law.py tests/sql_attacks/test_statements.py tests/sync/test_job.py tests/sync/test_report.py

fmt: $(VENV)/.dev ## format, and mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

soak: $(VENV)/.dev $(VENV)/.strace $(VENV)/.promtool $(VENV)/.prometheus $(WHEELS)/.downloaded $(DUCKDB15)/.installed $(VENV)/.java $(APACHE_SPARK)/.installed ## the long checks, with their figures
	$(BIN)/python -m pytest -m soak --timeout 0 -s --expect-duckdb 2.0 tests
	PYTHONPATH="$(CURDIR)/$(DUCKDB15)" $(BIN)/python -m pytest -m soak --timeout 0 -s --expect-duckdb 1.5 \
	  tests/parity tests/hostile/test_laws.py tests/hostile/test_tenancy.py tests/sql_attacks/test_law.py \
	  tests/sql_attacks/test_statements.py

bench: $(VENV)/.bench ## measure beside its peers (make bench MODELS=1000000; benchmarks/README.md)
	$(BIN)/python -m benchmarks --models $(MODELS) $(BENCH)

docs: $(VENV)/.dev ## write the generated parts of the documentation and the SQL for Spark anew
	$(BIN)/python -m scripts.generate_docs
	$(BIN)/python -m scripts.generate_spark

lock: $(VENV)/.lock ## write requirements/*.txt anew from pyproject.toml (UPGRADE=--upgrade for newer versions)
	$(COMPILE) pyproject.toml $(EXTRAS) --extra spark --group dev -o requirements/dev.txt
	$(COMPILE) pyproject.toml -c requirements/dev.txt -o requirements/run.txt
	$(COMPILE) pyproject.toml $(EXTRAS) -c requirements/dev.txt -o requirements/image.txt
	$(COMPILE) pyproject.toml --extra bench -c requirements/dev.txt -o requirements/bench.txt
	$(COMPILE) --group build -c requirements/dev.txt -o requirements/build.txt
	$(COMPILE) --group lock -o requirements/lock.txt
	$(COMPILE) requirements/duckdb-1.5.in -o requirements/duckdb-1.5.txt
	$(COMPILE) requirements/apache-spark.in -o requirements/apache-spark.txt

wheel: $(VENV)/.run ## build the wheel into dist/
	@rm -f dist/facets_svc-*.whl
	@$(BIN)/python -m hatchling build --target wheel --directory dist

release-check: $(VENV)/.dev $(WHEELS)/.downloaded ## build sdist and wheel, check them, and try the wheel bare
	$(BIN)/python -m scripts.release_check

clean: ## remove the environment, the caches and the local lake
	rm -rf $(VENV) .cache .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .schemathesis .coverage* dist build data/lake

# The stamps: what is installed, newer than the lock that it was installed from.

$(BIN)/python:
	@scripts/make-venv $(VENV) $(PYTHON)

$(VENV)/.run: requirements/run.txt requirements/build.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the service needs into $(VENV)." >&2
	@$(INSTALL) -r requirements/run.txt -r requirements/build.txt
	@$(EDITABLE)
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the checks and the tests need into $(VENV)." >&2
	@$(INSTALL) -r requirements/dev.txt
	@$(EDITABLE)
	@touch $@

$(VENV)/.bench: requirements/bench.txt $(VENV)/.dev
	@echo "Installing the peers of the benchmark into $(VENV)." >&2
	@$(INSTALL) -r requirements/bench.txt
	@touch $@

$(VENV)/.lock: requirements/lock.txt | $(BIN)/python
	@$(INSTALL) -r requirements/lock.txt
	@touch $@

$(DUCKDB15)/.installed: requirements/duckdb-1.5.txt | $(BIN)/python
	@echo "Installing DuckDB 1.5 into $(DUCKDB15)." >&2
	@rm -rf $(DUCKDB15)
	@$(INSTALL) --target $(DUCKDB15) -r requirements/duckdb-1.5.txt
	@touch $@

# Some 500 MB on disk, for the soak alone. It starts from this folder and is never imported.
$(APACHE_SPARK)/.installed: requirements/apache-spark.txt | $(BIN)/python
	@echo "Installing Apache Spark into $(APACHE_SPARK)." >&2
	@rm -rf $(APACHE_SPARK)
	@$(INSTALL) --target $(APACHE_SPARK) -r requirements/apache-spark.txt
	@touch $@

# For the tests that install the service from its wheel without a network, and build its image.
$(WHEELS)/.downloaded: requirements/image.txt requirements/build.txt | $(BIN)/python
	@echo "Downloading the wheels that the service needs into $(WHEELS)." >&2
	@rm -rf $(WHEELS)
	@$(PIP) download --require-hashes --no-deps --only-binary :all: --dest $(WHEELS) \
	  -r requirements/image.txt -r requirements/build.txt
	@touch $@

$(VENV)/.strace: | $(BIN)/python
	@scripts/need-program strace strace "Letting system calls fail in tests"
	@touch $@

$(VENV)/.promtool: | $(BIN)/python
	@scripts/need-program promtool prometheus "Testing the alerts of deploy/prometheus/"
	@touch $@

$(VENV)/.prometheus: | $(BIN)/python
	@scripts/need-program prometheus prometheus "Scraping the service and firing its alerts in the soak"
	@touch $@

$(VENV)/.java: | $(BIN)/python
	@scripts/need-program java default-jre-headless "Running Apache Spark in the soak"
	@touch $@

# The generators of TypeScript clients and the linters of OpenAPI documents. Without Node, their tests are skipped.
$(VENV)/.generators: tests/clients/generators/package-lock.json | $(BIN)/python
	@scripts/need-program npm npm "Generating TypeScript clients in tests"
	@mkdir -p $(GENERATORS)
	@cp tests/clients/generators/package.json tests/clients/generators/package-lock.json tests/clients/generators/.npmrc $(GENERATORS)
	@if command -v npm >/dev/null; then npm ci --prefix $(GENERATORS) --silent || \
	  echo "npm could not install the generators: their tests are skipped." >&2; fi
	@touch $@

# What the page's bundles are made of (scripts/vendor_page.py). Without Node, the test that makes them again is skipped.
$(VENV)/.page-vendor: scripts/page_vendor/package-lock.json | $(BIN)/python
	@scripts/need-program npm npm "Bundling the page's modules of others in tests"
	@mkdir -p $(PAGE_VENDOR)
	@cp scripts/page_vendor/package.json scripts/page_vendor/package-lock.json scripts/page_vendor/.npmrc $(PAGE_VENDOR)
	@if command -v npm >/dev/null; then npm ci --prefix $(PAGE_VENDOR) --silent || \
	  echo "npm could not install what the bundles are made of: their test is skipped." >&2; fi
	@touch $@

# What docs/clients/instantsearch/ is tested with. Without Node, its tests are skipped.
$(VENV)/.instantsearch: docs/clients/instantsearch/package-lock.json | $(BIN)/python
	@scripts/need-program npm npm "Testing the page of InstantSearch.js"
	@mkdir -p $(INSTANTSEARCH)
	@cp $(addprefix docs/clients/instantsearch/,package.json package-lock.json .npmrc) $(INSTANTSEARCH)
	@if command -v npm >/dev/null; then npm ci --prefix $(INSTANTSEARCH) --silent || \
	  echo "npm could not install InstantSearch.js: its tests are skipped." >&2; fi
	@touch $@

# 124 MB to download, some 400 MB on disk.
$(VENV)/.chromium: | $(BIN)/python
	@scripts/need-program chromium chromium "Testing the pages in a browser"
	@touch $@
