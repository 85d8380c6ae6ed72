# CreditBox: `make run` and `make test` set up everything they need.
# Plain Python 3.11+ and make are enough; uv is used where it is there, because it is faster.

VENV := .venv
PY := $(VENV)/bin/python
MANAGE := $(PY) manage.py
DATA ?=
CHECK_KEY := AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=

.PHONY: help run test check bench install install-dev lock stop clean format messages

help: ## What can be made
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: install ## Set up everything, build the demo world and serve it (DATA=file.csv.gz builds it from card histories)
	@$(MANAGE) run $(if $(DATA),--data "$(DATA)")

test: install-dev ## Run the whole test suite on its own embedded servers, on all cores (ARGS="tests/unit -n 0" for less)
	@$(PY) -m pytest -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder $(ARGS)

check: install-dev ## Lint, types, import rules, migrations, deployment settings, lengths
	@$(VENV)/bin/ruff check .
	@$(VENV)/bin/ruff format --check .
	@$(PY) -m mypy .
	@$(VENV)/bin/lint-imports
	@$(MANAGE) makemigrations --check --dry-run
	@env DJANGO_SETTINGS_MODULE=config.settings.production DJANGO_SECRET_KEY=check-only-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFG \
		IDENTITY_ENCRYPTION_KEYS=$(CHECK_KEY) IDENTITY_INDEX_KEY=$(CHECK_KEY) ALLOWED_HOSTS=example.com \
		DATABASE_URL=postgres://localhost/check BROKER_URL=redis://localhost/0 \
		$(MANAGE) check --deploy --fail-level WARNING
	@$(PY) -m tests.architecture.lengths

bench: install ## Ratios against PostgreSQL's own floor, as JSON and a table (ONLY=authorise,http,close,loans,scores QUICK=1)
	@$(PY) -m bench $(if $(ONLY),--only "$(ONLY)") $(if $(QUICK),--quick)

install: $(VENV)/.installed ## Virtual environment with the locked run-time requirements
install-dev: $(VENV)/.installed-dev ## … and what tests and checks need

$(VENV)/.installed: requirements.txt bin/install
	@sh bin/install $(VENV) requirements.txt && touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	@sh bin/install $(VENV) requirements-dev.txt && touch $@

lock: ## Renew the locked requirements (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade requirements.in -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade requirements-dev.in -o requirements-dev.txt

format: install-dev ## Format and mend what the linter can
	@$(VENV)/bin/ruff check --fix-only . ; $(VENV)/bin/ruff format .

messages: install-dev ## Extract messages, merge them into the Chinese catalogue, compile it, and say what is untranslated
	@$(PY) -m tests.architecture.catalogue

stop: ## Stop the embedded servers
	@if [ -x $(PY) ]; then $(MANAGE) servers stop; fi

clean: ## Remove the virtual environment, the servers and everything under var/ (the demo world with it)
	@if [ -x $(PY) ]; then $(MANAGE) servers remove; fi
	rm -rf $(VENV) var
