# Everything sets itself up: Python 3.11+ and a package index are all that is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PEERS := .venv-peers
ARGS ?=
SEEDS ?= 200
WORKERS ?= 4
SERVICES ?= 5
# With it each of the tests' processes would compile every module again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: api-examples console console-check demo pictures test test-browser test-fast test-acceptance test-integration search simulate bench bench-peers lint generate migration lock clean

# --- set-up: a stamp per lock file, so that it happens once -------------------------------------

$(BIN)/uv: requirements/install.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; set PYTHON=")'
	@$(PYTHON) -m venv $(VENV) >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/install.txt >&2
	@touch $@

# uv takes a tenth of pip's time; where only pip has been told of a package index, pip does it.
install_into = { $(BIN)/uv pip install --quiet --python $(1)/python $(2) || $(1)/python -m pip install --quiet --disable-pip-version-check $(2); } >&2
install = $(call install_into,$(BIN),$(1))

$(VENV)/.demo: requirements/demo.txt pyproject.toml $(BIN)/uv
	@echo "installing what the demo needs, once" >&2
	@$(call install,--require-hashes -r requirements/demo.txt)
	@$(call install,--no-deps --no-build-isolation -e .)
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.demo
	@echo "installing what tests and checks need, once" >&2
	@$(call install,--require-hashes -r requirements/dev.txt)
	@touch $@

# What all processes of the tests import, compiled by one: from a clean clone each of them did it for itself.
$(VENV)/.compiled: $(VENV)/.dev
	@$(BIN)/python -m pytest --collect-only --quiet > $@ || true

# --- what people run -----------------------------------------------------------------------------

demo: $(VENV)/.demo
	@$(BIN)/market-maker demo $(ARGS)

# mypy uses one core; the other compiles meanwhile.
test:
	@$(MAKE) --no-print-directory --jobs 2 lint $(VENV)/.compiled
	@$(MAKE) --no-print-directory test-fast test-acceptance

# More processes than cores, because tests wait for servers: twice as many are never all busy.
test-fast: $(VENV)/.compiled
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --ignore tests/acceptance $(ARGS)

# Each process has an exchange and a service of its own, and mostly waits for them.
test-acceptance: $(VENV)/.compiled
	$(BIN)/python -m pytest -n $(SERVICES) --dist loadscope tests/acceptance $(ARGS)

# Two, because each process has Java servers of its own, and its services keep what they promise in seconds.
test-integration: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 tests/integration -m integration $(ARGS)

# New examples for the properties, ten times as many.
search: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --hypothesis-profile search --timeout 0 tests/property $(ARGS)

# A person at Chromium (Debian: apt-get install chromium), on the running service. `npm ci` brings axe.
$(VENV)/.browser: requirements/browser.txt $(VENV)/.dev
	@$(call install,--require-hashes -r requirements/browser.txt)
	@touch $@

console/node_modules: console/package-lock.json
	cd console && npm ci --no-progress
	@touch $@

test-browser: $(VENV)/.browser console/node_modules
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/browser -m browser $(ARGS)

# The documentation's pictures of the console.
pictures: $(VENV)/.browser console/node_modules
	CONSOLE_PICTURES=$(CURDIR)/docs/console $(BIN)/python -m pytest tests/browser/test_pages.py tests/browser/test_papers.py -m browser $(ARGS)

simulate: $(VENV)/.dev
	$(BIN)/python -m simulation --seeds $(SEEDS) $(ARGS)

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks $(ARGS)

# Beside NautilusTrader, which gets an environment of its own.
$(PEERS)/.installed: requirements/peers.txt $(BIN)/uv
	@$(PYTHON) -m venv $(PEERS) >&2
	@echo "installing NautilusTrader, once (140 MB)" >&2
	@$(call install_into,$(PEERS)/bin,--require-hashes -r requirements/peers.txt)
	@touch $@

bench-peers: $(VENV)/.dev $(PEERS)/.installed
	$(BIN)/python -m benchmarks peers --python $(PEERS)/bin/python $(ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# --- what developers run -------------------------------------------------------------------------

# What follows from something else: gRPC stubs from proto/, typed queries from SQL, the pages of settings and API,
# alerts and dashboard from the list of metrics. The results are committed.
generate: $(VENV)/.dev
	$(BIN)/python -m grpc_tools.protoc -Iproto --python_out=src --pyi_out=src --grpc_python_out=src proto/tradex_contracts/metadata.proto
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/sqlc generate
	$(BIN)/python -m tools.settings_page > docs/settings.md
	$(BIN)/python -m tools.api_pages docs/api
	$(BIN)/python -m tools.runbook_sections > src/market_maker/console/runbook.json
	$(BIN)/python -m tools.monitoring alerts > deploy/prometheus/alerts.yaml
	$(BIN)/python -m tools.monitoring dashboard > deploy/grafana/market-maker.json

# The examples of docs/api, recorded anew on the running service.
api-examples: $(VENV)/.dev
	API_EXAMPLES=1 $(BIN)/python -m pytest -n 0 --timeout 200 tests/acceptance/test_api_examples.py
	$(BIN)/python -m tools.api_pages docs/api

# The console, from console/ into the package; who only uses it needs no Node.
console:
	cd console && npm ci --no-progress && npm run check && npm run test && npm run build

# The committed files are those that the sources give.
console-check: console
	git diff --exit-code -- src/market_maker/console
	test -z "$$(git status --porcelain -- src/market_maker/console)"

# The next migration, from what schema.sql says now: make migration NAME=add_epoch
migration: $(VENV)/.dev
	$(BIN)/python -m tools.make_migration $(NAME)

# Lock files with hashes and without package hosts, for every platform.
LOCKED := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-annotate --no-header

lock: $(VENV)/.dev
	$(LOCKED) --extra demo --extra backtest --group build -o requirements/demo.txt pyproject.toml
	$(LOCKED) --extra demo --extra backtest --group build --group dev -c requirements/demo.txt -o requirements/dev.txt pyproject.toml
	$(LOCKED) -c requirements/demo.txt -o requirements/runtime.txt pyproject.toml
	$(LOCKED) -c requirements/demo.txt --group build -o requirements/build.txt
	$(LOCKED) -c requirements/dev.txt --group browser -o requirements/browser.txt
	$(LOCKED) --group install -o requirements/install.txt
	$(LOCKED) --group peers -o requirements/peers.txt

clean:
	rm -rf $(VENV) $(PEERS) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
