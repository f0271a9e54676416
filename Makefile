# A fresh machine needs python3 (3.11 or newer), pip, make and git; everything else is made here.
PYTHON ?= python3
UV := .tools/bin/uv
BIN := .venv/bin
LOCK := requirements/dev.txt
PEERS := requirements/bench.txt
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url

.DEFAULT_GOAL := help
.PHONY: help install run test check contract format lock bench growth reliability pgbouncer clean

help:  ## List the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/installed  ## Make .venv with the locked dependencies and the project

run: install  ## Serve on http://127.0.0.1:8000 with an embedded database and two demo businesses
	@exec $(BIN)/sokho serve --demo

test: install  ## Run the whole suite against a PostgreSQL of its own
	$(BIN)/pytest -n auto --cov

check: install  ## Format, lint, types, import rules, dead code, dependencies, spelling
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture
	$(BIN)/deptry src
	$(BIN)/codespell

contract: install contract/node_modules/installed  ## Third parties on the contract: Spectral (needs Node), Schemathesis, diff, squawk, pgrls
	$(BIN)/python -m tests.contract.spectral
	$(BIN)/pytest -q tests/contract

bench: .venv/peers  ## Compare with what a user would pick instead, and write BENCHMARKS.md (needs wrk; 35 minutes)
	$(BIN)/python -m benchmarks.run

growth: install  ## What a request costs while the data grow to millions (QUICK=1; 30 minutes)
	$(BIN)/python -m benchmarks.growth $(if $(QUICK),--quick)

reliability: install  ## Bring faults about, and write RELIABILITY.md (SEED=n, ONLY="R3 R9"; 30 minutes)
	$(BIN)/python -m tests.reliability --seed $(or $(SEED),1) $(if $(ONLY),--only $(ONLY))

format: install  ## Format the code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

pgbouncer: install  ## The tests of items, stock and sealing through PgBouncer (needs its package)
	SOKHO_TEST_THROUGH_PGBOUNCER=1 $(BIN)/pytest -n auto tests/sealing tests/api/test_items*.py \
		tests/api/test_stock*.py tests/api/test_idempotency.py tests/integration/test_item*.py

lock: $(UV)  ## Compile the lock files anew, with the newest versions that fit
	echo uv | $(COMPILE) --upgrade - -o requirements/uv.txt
	$(COMPILE) --upgrade pyproject.toml --extra embedded -o requirements/run.txt
	$(COMPILE) --upgrade pyproject.toml --extra embedded --extra telemetry --group dev -o $(LOCK)
	$(COMPILE) --upgrade pyproject.toml --extra embedded --group bench -c $(LOCK) -o $(PEERS)

clean:  ## Remove what `make install` made; the data stay
	rm -rf .venv .tools contract/node_modules

contract/node_modules/installed: contract/package-lock.json
	@command -v npm >/dev/null || { echo "make contract needs Node 20 or newer, with npm; make test does not" >&2; exit 1; }
	cd contract && npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@

$(UV): requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12")'
	$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .tools --require-hashes --only-binary :all: --upgrade -r requirements/uv.txt
	@touch $@

.venv/peers: .venv/installed $(PEERS)
	$(UV) pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r $(PEERS)
	@touch $@

.venv/installed: $(UV) $(LOCK) pyproject.toml
	@test -x $(BIN)/python || $(UV) venv --quiet --no-project --python $(PYTHON) .venv
	$(UV) pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes $(LOCK)
	$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e .
	@touch $@
