# Everything that is done by hand. `make help` lists it.

PYTHON ?= python3
RUN := .venv/bin/
# Without bytecode each start of a service costs two seconds more.
export UV_COMPILE_BYTECODE := 1
# Tests run in so many processes, each with a PostgreSQL and a RabbitMQ of its own.
WORKERS ?= 2
TESTS ?= tests
# Compose 2 where it is, else 1.29.
COMPOSE = $(shell docker compose version >/dev/null 2>&1 && echo docker compose || echo docker-compose)
# With an issuer that signs any token, and a payment provider to practise with: on 127.0.0.1 only.
PRACTICE = $(COMPOSE) --env-file deploy/practice.env -f docker-compose.yml -f deploy/compose.practice.yml

.DEFAULT_GOAL := help
.PHONY: help demo up down test journey scale citus-suite check site screenshots browsers audit bench chaos failover providers heist fuzz orders secrets format contracts wheel clients bruno clean

help: ## List what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/ready ## Run the whole story once, and prove the books (PROVIDER=stripe, paypal)
	@PROVIDER="$(PROVIDER)" $(RUN)python -m deploy.demo play

up: .venv/ready ## Run everything at http://localhost:8080: in Docker if it answers, else here (PROVIDERS, KEEP)
	@if [ -z "$(PROVIDERS)$(KEEP)" ] && [ "$$OVATION_SERVERS" != local ] && docker info >/dev/null 2>&1 \
		&& $(COMPOSE) version >/dev/null 2>&1; then \
		$(RUN)python -m deploy.ctl secrets \
		&& OVATION_PUBLIC_URL=$${OVATION_PUBLIC_URL:-http://localhost:$${OVATION_PORT:-8080}} \
			$(PRACTICE) up --build --detach \
		&& echo "Everything runs at http://localhost:$${OVATION_PORT:-8080}, for practice: its issuer signs" \
			"any token, so it listens at $${OVATION_BIND:-127.0.0.1} only. make down stops it, and its data stays." \
		&& echo "Choose a person there; the card 4242 4242 4242 4242 pays." \
		&& echo "Its servers have no ports here. Commands: $(PRACTICE) run --rm operator outbox ls"; \
	else PROVIDERS="$(PROVIDERS)" KEEP="$(KEEP)" $(RUN)python -m deploy.demo up; fi

down: ## Stop what `make up` started in Docker; its data stays
	$(PRACTICE) down

test: .venv/ready ## Run all tests, with real servers
	$(RUN)pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(TESTS)

journey: .venv/ready ## Deploy in Docker Compose, play the story, roll every service under load
	$(RUN)pytest -m compose tests/deploy/test_compose_journey.py tests/deploy/test_images.py -s

scale: .venv/ready ## Three of everything in Docker Compose: roll all, kill nodes and instances, account
	$(RUN)pytest -m compose tests/deploy/test_scale_journey.py -s

citus-suite: .venv/ready ## Run the suites of services with parts on a Citus of your own (CITUS_DSN, TESTS)
	@CITUS_DSN="$(CITUS_DSN)" $(RUN)python -m deploy.citus $(filter-out tests,$(TESTS))

check: .venv/ready audit ## Events and API as published, house rules, lint, imports, types, JavaScript, workflows, audit
	$(RUN)python -m deploy.checks
	$(RUN)python -m deploy.ctl contracts --check
	$(RUN)ruff format --check
	$(RUN)ruff check
	$(RUN)lint-imports --no-cache
	$(RUN)zizmor --offline --quiet .github
	$(RUN)check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(RUN)check-jsonschema --quiet --builtin-schema vendor.dependabot .github/dependabot.yml
	$(RUN)check-jsonschema --quiet --builtin-schema vendor.github-issue-forms .github/ISSUE_TEMPLATE/[!c]*.yml
	$(RUN)check-jsonschema --quiet --builtin-schema vendor.compose-spec docker-compose.yml deploy/compose.*.yml
	$(RUN)python -m deploy.checks.javascript
	$(RUN)python -m deploy.checks.openapi
	$(RUN)python -m deploy.bundles --check
	$(RUN)mypy

site: .venv/ready ## Build the documentation as a site in dist/site, strictly: no broken link
	NO_MKDOCS_2_WARNING=1 $(RUN)python -m mkdocs build

screenshots: .venv/ready ## Look at every page in every size, light and language, and keep pictures: .bench/screenshots/sizes
	SCREENSHOTS=all $(RUN)pytest -q tests/browser/test_sizes.py

browsers: .venv/ready ## Look at the main pages in Firefox and WebKit, which are installed where we may (Debian, Ubuntu)
	BROWSERS=all $(RUN)pytest -q tests/browser/test_other_browsers.py

audit: .venv/ready ## What is known to be wrong with dependencies; the bill of them: dist/sbom.cdx.json
	$(RUN)python -m deploy.dependencies

bench: .venv/ready ## Measure how fast it is here (PART, AGAINST, SIZE)
	@PART="$(PART)" AGAINST="$(AGAINST)" SIZE="$(SIZE)" $(RUN)python -m tests.performance

chaos: .venv/ready ## Break everything: GIFTS, coins (PURCHASES), cash-outs (PAYOUTS); FAULTS, SEED
	@GIFTS="$(GIFTS)" PURCHASES="$(PURCHASES)" PAYOUTS="$(PAYOUTS)" FAULTS="$(FAULTS)" SEED="$(SEED)" \
		$(RUN)python -m tests.chaos$(if $(PURCHASES),.purchases,$(if $(PAYOUTS),.payouts))

failover: .venv/ready ## Lose the primary of three PostgreSQL under load, killed and silent (STRIKE, SEED)
	@STRIKE="$(STRIKE)" SEED="$(SEED)" $(RUN)python -m tests.failover

providers: .venv/ready ## Run the conformance suite of payment providers, and print its table
	@WORKERS="$(WORKERS)" $(RUN)python -m tests.purchase.providers
	@WORKERS="$(WORKERS)" $(RUN)python -m tests.payout.providers

heist: .venv/ready ## Let seeded thieves try to get money out, with and without each defence (SEED, ONLY)
	@SEED="$(SEED)" ONLY="$(ONLY)" $(RUN)python -m tests.heist

fuzz: .venv/ready ## Ask the whole API what it takes and does not (SEED, SECONDS), and prove the books
	@SEED="$(SEED)" SECONDS="$(SECONDS)" $(RUN)python -m tests.fuzz

orders: .venv/ready ## Every order of every set of up to five facts (SIZE, SHARDS), beside an oracle
	@SIZE="$(SIZE)" SHARDS="$(SHARDS)" $(RUN)python -m tests.every_order

secrets: .venv/ready ## Make the secrets of an installation that are missing
	$(RUN)python -m deploy.ctl secrets

format: .venv/ready ## Format and fix what can be fixed
	$(RUN)ruff format
	$(RUN)ruff check --fix

contracts: .venv/ready ## Write the generated files: topology, API, gateway, schemas, samples, bundles
	$(RUN)python -m deploy.docs.columns
	$(RUN)python -m deploy.ctl contracts
	$(RUN)python -m deploy.bundles

wheel: .venv/ready ## Build what other teams install: contracts and consumer kit
	cd deploy/wheel && $(CURDIR)/$(RUN)python -m hatchling build --target wheel --directory $(CURDIR)/dist

clients: .venv/ready ## Build the clients of the API: dist/ovation_client-*.whl, dist/ovation-client-*.tgz
	$(RUN)python -m deploy.clients

bruno: .venv/ready ## Make a collection of all requests for Bruno: dist/bruno
	$(RUN)python -m deploy.bruno

clean: ## Remove what was made here, secrets excepted
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .bench .ovation dist
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/ready: pyproject.toml uv.lock deploy/uv.txt
	@test -x .venv/bin/pip || $(PYTHON) -m venv .venv || \
		{ rm -rf .venv; echo "No venv module here. Debian, Ubuntu: apt install python3-venv"; exit 1; }
	@.venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ rm -rf .venv; echo "Python 3.11 or newer is needed: make PYTHON=python3.11 ..."; exit 1; }
	@echo "The packages of uv.lock are installed in .venv. The first time this takes a minute or more."
	.venv/bin/pip install -q --disable-pip-version-check --require-hashes --only-binary=:all: -r deploy/uv.txt
	.venv/bin/uv sync --frozen
	@touch $@
