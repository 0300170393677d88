# Everything runs in the project's own virtual environment; the first target that needs it makes it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUNS := $(VENV)/.runs
# Modules are compiled when they are first imported: most of what is installed never is.
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
INSTALL := $(PIP) install --no-compile

# Compiled code is kept, whatever the machine says: each process that a test starts would compile it anew.
export PYTHONDONTWRITEBYTECODE :=

# Folders with npm packages.
NPM := clients/js tests/npm tests/e2e/streams/npm workbench

# The Workbench's page, built into the package.
CONSOLE := src/motia/workbench/assets/index.html
CONSOLE_SOURCES := $(shell find workbench/src workbench/public -type f) \
	$(addprefix workbench/,index.html package.json package-lock.json tsconfig.json vite.config.ts)

# Whether the page can be built here: asked of the tools themselves, and quiet where they are missing.
CAN_BUILD := node -e 'const [major, minor] = process.versions.node.split("."); \
	process.exit(major > 20 || (major == 20 && minor >= 19) ? 0 : 1)' 2>/dev/null \
	&& [ "$$(npm --version 2>/dev/null | cut -d. -f1)" -ge 10 ] 2>/dev/null

.DEFAULT_GOAL := help
.PHONY: help setup npm console demo test proof soak check format bench build clean

help: ## This list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /\1\t/' | expand -t 12

setup: $(STAMP) ## Make the virtual environment

$(STAMP): pyproject.toml requirements-dev.lock
	@echo "making $(VENV) and installing what the project and its tests need; the first time takes a minute or two"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) -r requirements-dev.lock
	@$(INSTALL) --no-deps --editable .
	@touch $@ $(RUNS)

$(RUNS): pyproject.toml requirements-dev.lock
	@echo "making $(VENV) and installing what the project needs to run; the first time takes half a minute"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) --constraint requirements-dev.lock --editable .
	@touch $@

npm: ## The npm packages that the tests of browsers and of the JavaScript client need
	@for folder in $(NPM); do npm ci --no-audit --no-fund --loglevel=error --prefix $$folder || exit 1; done

console: $(CONSOLE) ## Build the Workbench's page; needs Node 20.19 or newer

workbench/node_modules/.package-lock.json: workbench/package-lock.json
	@echo "installing what the Workbench's page is built with; once, a minute or so"
	@npm ci --no-audit --no-fund --loglevel=error --prefix workbench
	@touch $@

$(CONSOLE): workbench/node_modules/.package-lock.json $(CONSOLE_SOURCES)
	@echo "building the Workbench's page"
	@npm run --silent build --prefix workbench

EXAMPLE ?= shop
# Other examples need more than what the package needs to run.
READY := $(if $(filter shop,$(EXAMPLE)),$(RUNS),$(STAMP))

demo: ## Start the example shop, or EXAMPLE=research_agent, and build its console if npm can
	@if ! { $(CAN_BUILD); }; then echo "no console: to build it, Node 20.19 and npm 10 or newer are needed"; \
	elif ! $(MAKE) --silent --keep-going --jobs 2 $(READY) console; then \
	if [ -e $(READY) ]; then echo "no console: building it failed, as said above"; fi; fi
	@$(MAKE) --silent $(READY)
	@$(BIN)/motia dev --dir examples/$(EXAMPLE)

# More processes than two cores: tests that start something wait for it half of their time.
test: $(STAMP) ## All tests but the long proofs
	@$(BIN)/python -m pytest -n 3 --maxschedchunk 20 -m "not proof"

proof: $(STAMP) ## The long proofs: kills, power cuts, seeds
	@$(BIN)/python -m pytest -n 2 -m proof

soak: export PROOF_FAULTS ?= 1500
soak: export PROOF_SEEDS ?= 20000
soak: $(STAMP) ## The proofs of faults and seeds for an hour or so
	@$(BIN)/python -m pytest -n 2 -s -m proof tests/proof tests/properties/test_power_cuts.py

check: $(STAMP) ## Format, lint, types, import rules
	@$(BIN)/ruff format --check src tests benchmarks examples scripts
	@$(BIN)/ruff check src tests benchmarks examples scripts
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@if [ -d workbench/node_modules ]; then npm run --silent check --prefix workbench; fi

format: $(STAMP) ## Write the format, mend what lint can mend
	@$(BIN)/ruff check --fix src tests benchmarks examples scripts
	@$(BIN)/ruff format src tests benchmarks examples scripts

bench: $(STAMP) ## Costs in CPU µs and ratios to bare baselines, in one run
	@$(INSTALL) -r benchmarks/requirements.txt
	@$(BIN)/python benchmarks/run.py

build: $(STAMP) console ## The wheel
	@$(PIP) wheel --no-deps --wheel-dir dist .

clean: ## Remove what the targets made
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
