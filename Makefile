# Everything a newcomer needs: `make run` and `make test`. Both do all set-up on a fresh machine.
# The distribution's own interpreter was a tenth faster, where both were measured, than one compiled by hand with the defaults.
PYTHON ?= $(shell /usr/bin/python3 -c 'import ensurepip, sys; assert sys.version_info >= (3, 11); print(sys.executable)' 2>/dev/null || echo python3)
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help run test check fmt lock bench screens api assets messages clean

help: ## This list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/  make \1\t\2/' | expand -t 20

run: $(VENV)/.runtime static/vendor/.built messages ## Set everything up and start the service with demo people
	@$(BIN)/python scripts/run.py

test: $(VENV)/.dev node_modules/.dev messages ## The whole suite on real PostgreSQL, Redis, Celery and Chromium
	@$(BIN)/python scripts/with_services.py $(BIN)/pytest -n 3 --dist loadgroup --conformance=docs/conformance.md $(ARGS)

check: $(VENV)/.dev ## Lint, types, import contracts, templates, migrations, translations, sizes
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy --no-error-summary .
	@$(BIN)/lint-imports --no-logo | tail -n 3
	@git ls-files 'templates/*.html' | xargs $(BIN)/djade --target-version 5.2 --check
	@DJANGO_SETTINGS_MODULE=config.settings.test DATABASE_URL=sqlite://:memory: $(BIN)/python manage.py makemigrations --check --dry-run --verbosity 0
	@$(BIN)/python scripts/check_deploy.py
	@$(BIN)/python scripts/messages.py check
	@$(BIN)/python scripts/sizes.py

fmt: $(VENV)/.dev ## Format code and templates
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format --quiet .
	@git ls-files 'templates/*.html' | xargs $(BIN)/djade --target-version 5.2 || true

lock: $(VENV)/.dev ## Pin every dependency with its hashes
	@$(BIN)/python scripts/lock.py
	@npm install --package-lock-only --ignore-scripts --no-audit --no-fund

bench: $(VENV)/.dev node_modules/.dev messages ## Benchmarks as ratios in one run, recorded in bench/results/
	@$(BIN)/python scripts/with_services.py $(BIN)/python -m bench

screens: $(VENV)/.dev node_modules/.dev messages ## Pictures of every page, made by the journey, into docs/screens/
	@rm -rf docs/screens
	@SCREENS_DIR=docs/screens $(BIN)/python scripts/with_services.py $(BIN)/pytest -q tests/journeys/test_loop.py -k embedded

api: $(VENV)/.dev ## Examples and the Bruno collection, from the OpenAPI document
	@$(BIN)/python scripts/api_examples.py
	@$(BIN)/python scripts/bruno.py

messages: $(VENV)/.runtime ## Compile translations
	@$(BIN)/python scripts/messages.py compile

assets: static/vendor/.built ## Front-end packages, by exact version and integrity

clean: ## Remove what set-up made (not the data in var/)
	rm -rf $(VENV) node_modules static/vendor

$(VENV)/.runtime: requirements.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.runtime
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/.node: requirements-node.txt $(VENV)/.runtime
	@command -v npm >/dev/null || $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-node.txt
	@touch $@

static/vendor/.built: package-lock.json scripts/assets.mjs scripts/assets.scss $(VENV)/.node
	@npm ci --omit=dev --ignore-scripts --no-audit --no-fund --loglevel=error
	@node scripts/assets.mjs
	@touch $@

node_modules/.dev: static/vendor/.built
	@npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
