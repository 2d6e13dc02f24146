# Run `make` alone for the list of what there is.
.DEFAULT_GOAL := help
SHELL := bash

# Any Python 3.13 will do: this one, or one on PATH, from pyenv, or from uv.
export PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
# What runs the server is installed first, and on top of it what tests and checks need.
RUNS := $(VENV)/.runs
INSTALLED := $(VENV)/.installed
PAGES := layers/core/authserver/pages
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard $(PAGES)/locale/*/LC_MESSAGES/*.po))
READY_TO_RUN := $(RUNS) $(CATALOGUES)
READY := $(INSTALLED) $(CATALOGUES)
# The clients of `make lab`: a Python with Node.js of its own, and beside it what npm installs.
LAB := .cache/lab
# MiniStack, which the built template is deployed to; it does not go together with the development server's.
EMULATOR := .cache/emulator
LAB_PACKAGES := tests/clients/lab/package.json
# What renders docs/ as a site.
SITE := .cache/docs

# The main flows on the development server, one sign-in in a browser, the template.
SMOKE := tests/flows/test_authorization_code.py tests/flows/test_clients_by_machine.py tests/flows/test_resource.py \
  tests/browser/test_journeys.py::test_sign_in_and_allow tests/template

PORT ?= 3000
RESOURCE_PORT ?= 3001
SEED ?= local/seed.json
PARAMETERS ?=
JSON ?=
STACK ?=
CONFIG_ENV ?= default
QUOTA ?=
TAG ?=
RELEASE ?=
ARCHITECTURE ?= x86_64

export SAM_CLI_TELEMETRY := 0
export PATH := $(CURDIR)/$(BIN):$(PATH)
# With it set, every process would compile again what the last one has compiled.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run catalogues screenshots example-placeos example-placeos-page example-pleo test smoke lab recipes check build deploy edge edge-secret sam-local sam-local-test deployed-test docs docs-site docs-serve lock release-artifacts notes translated-template wheel sbom format clean bench rollback package

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  make run understands PORT=$(PORT) RESOURCE_PORT=$(RESOURCE_PORT) SEED=$(SEED) PARAMETERS='Name=Value ...' JSON=1"
	@echo "  PYTHON=/path/to/python3.13 says which Python makes .venv"

run: $(READY_TO_RUN) ## Start the development server (no Docker, no AWS account)
	@exec $(BIN)/python -m local --port $(PORT) --resource-port $(RESOURCE_PORT) --seed '$(SEED)' --parameters '$(PARAMETERS)' $(if $(JSON),--json)

example-placeos: $(READY_TO_RUN) ## Walk through what a smart-building platform needs
	@$(BIN)/python -m examples placeos

example-placeos-page: $(READY_TO_RUN) ## Open pages that sign in with PlaceOS's own library (needs Node.js)
	@$(BIN)/python -m examples placeos --page

example-pleo: $(READY_TO_RUN) ## Walk through what a spending platform and its partners need
	@$(BIN)/python -m examples pleo

test: $(READY) $(EMULATOR)/.installed ## Run every test: about 10 minutes on two cores
	@echo "Every test, about 10 minutes on two cores. First they are collected, which takes half a minute; then a dot is a test."
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

smoke: $(READY) ## Run the main flows, one sign-in in a browser and the template's tests: about a minute
	@echo "The main flows, one sign-in in a browser and the template: about a minute. A dot is a test."
	$(BIN)/python -m pytest -n auto --dist loadfile $(SMOKE)

lab: $(READY) $(LAB)/.installed ## Sign in with the clients that applications use, and write docs/clients.md (needs Chromium)
	$(BIN)/python -m pytest tests/clients/lab --lab $(addprefix --ignore=tests/clients/lab/test_,recipes.py configurations.py)

recipes: $(READY) $(LAB)/.installed $(LAB)/next-js/.installed ## Run each page of docs/recipes with the real framework (needs Chromium)
	$(BIN)/python -m pytest tests/clients/test_recipes.py $(addprefix tests/clients/lab/test_,recipes.py configurations.py) --lab

screenshots: $(READY) ## Take pictures of every page, for docs/pages.md (needs Chromium)
	$(BIN)/python -m pytest tests/browser/test_every_page.py -q -k everybody --screenshots docs/pages

check: $(READY) ## Lint, types, import contracts, template
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --config .importlinter
	$(BIN)/cfn-lint --regions us-east-1 eu-central-1 -- template.yaml stacks/*.yaml

build: $(READY) ## Build what is deployed: layers and functions, with bytecode, then check each (ARCHITECTURE=arm64)
	AWS_DEFAULT_REGION=eu-central-1 $(BIN)/sam build --parameter-overrides Architecture=$(ARCHITECTURE)
	$(BIN)/python scripts/compile_build.py
	$(BIN)/python scripts/import_build.py $(ARCHITECTURE)

deploy: $(READY) ## Deploy to your AWS account, without a question: make deploy STACK=name PARAMETERS='Name=Value ...'
	@if [ -z "$(STACK)" ]; then echo "Say which stack: make deploy STACK=authserver" >&2; exit 2; fi
	@$(BIN)/python -m scripts.deploy --stack '$(STACK)' --parameters '$(PARAMETERS)' --config-env '$(CONFIG_ENV)' $(if $(filter accept,$(QUOTA)),--accept-quota)

edge: $(READY) ## Put CloudFront and AWS WAF in front of a stack: make edge STACK=name PARAMETERS='CertificateArn=...'
	@if [ -z "$(STACK)" ]; then echo "Say which stack: make edge STACK=authserver" >&2; exit 2; fi
	@$(BIN)/python -m scripts.edge --stack '$(STACK)' --parameters '$(PARAMETERS)'

edge-secret: $(READY) ## Take requests through the edge alone, and replace its secret: make edge-secret STACK=name
	@if [ -z "$(STACK)" ]; then echo "Say which stack: make edge-secret STACK=authserver" >&2; exit 2; fi
	@$(BIN)/python -m scripts.edge --stack '$(STACK)' --rotate

package: build ## Write the translated template and its code to .aws-sam/package, for CDK, Terraform and CloudFormation
	@$(BIN)/python -m scripts.package --architecture $(ARCHITECTURE) --parameters '$(PARAMETERS)'

rollback: $(READY) ## Go back to the release before, without a question: make rollback STACK=name [RELEASE=digest]
	@if [ -z "$(STACK)" ]; then echo "Say which stack: make rollback STACK=authserver" >&2; exit 2; fi
	@$(BIN)/python -m scripts.rollback --stack '$(STACK)' $(if $(RELEASE),--release '$(RELEASE)')

sam-local: build ## Start `sam local start-api` on the development server's tables (needs Docker)
	@exec $(BIN)/python -m local.sam --port $(PORT) --seed '$(SEED)'

sam-local-test: build ## Run the black-box flows against `sam local start-api` (needs Docker)
	$(BIN)/python -m pytest tests/flows tests/local/test_sam_signals.py --sam-local

deployed-test: $(READY) $(EMULATOR)/.installed build ## Run the flows against the built template on an emulator of AWS, with IAM enforced
	$(BIN)/python -m pytest tests/deployed tests/flows --deployed

bench: $(READY) ## Measure round trips, capacity, imports and CPU per flow, what one client bears, and the server
	$(BIN)/python -m bench

docs: $(READY) ## Write the generated pages of docs/ anew
	$(BIN)/python -m scripts.write_docs
	$(BIN)/python -m pytest --collect-only --write-conformance -qq >/dev/null

docs-site: $(SITE)/.installed ## Build the documentation site in .cache/docs/site; loads nothing from elsewhere
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs build --strict

docs-serve: $(SITE)/.installed ## Show the documentation site on http://localhost:8000, and follow changes
	@NO_MKDOCS_2_WARNING=1 $(SITE)/bin/mkdocs serve --strict

catalogues: $(INSTALLED) ## Bring the texts of the pages into the catalogues that translators work on
	@$(BIN)/python -m scripts.catalogues
	@$(MAKE) -s $(CATALOGUES)

release-artifacts: notes translated-template wheel sbom ## Write the files of a release into dist/; TAG=v1.2.3 checks the version
	@$(BIN)/python -m scripts.release sums
	@cat dist/SHA256SUMS

notes: $(READY) | dist
	@$(BIN)/python -m scripts.release notes --tag '$(TAG)'

translated-template: $(READY) | dist
	@$(BIN)/python -m scripts.release template

wheel: $(READY) | dist
	@rm -f dist/*.whl
	@SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/uv build -q --wheel --no-build-isolation --python $(BIN)/python -o dist
	@rm -f dist/.gitignore

sbom: $(READY) $(LAB)/python/release/.installed | dist
	@$(BIN)/python -m scripts.release requirements
	@PYTHONWARNINGS=ignore $(LAB)/python/release/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
	  --output-format JSON --output-file dist/sbom.cdx.json dist/requirements.txt

dist:
	@mkdir -p $@

format: $(INSTALLED) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(INSTALLED) ## Pin the dependencies anew, with hashes
	$(BIN)/uv pip compile -q --python-version 3.13 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --upgrade pyproject.toml --extra cli --group dev -o requirements-dev.txt
	$(BIN)/uv pip compile -q --python-version 3.13 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --constraint requirements-dev.txt pyproject.toml --extra cli --group run -o requirements-run.txt
	$(BIN)/uv pip compile -q --python-version 3.13 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --upgrade --group emulator -o requirements-emulator.txt
	$(BIN)/uv pip compile -q --python-version 3.13 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --upgrade --group lab --group recipes -o requirements-lab.txt
	$(BIN)/uv pip compile -q --python-version 3.13 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --upgrade --group lab-1 -o requirements-lab-1.txt
	$(BIN)/uv pip compile -q --python-version 3.13 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --upgrade --group docs -o requirements-docs.txt
	$(BIN)/uv pip compile -q --python-version 3.13 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --upgrade --group release -o requirements-release.txt
	$(BIN)/uv pip compile -q --python-version 3.13 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --constraint requirements-dev.txt pyproject.toml -o layers/dependencies/requirements.txt
	$(BIN)/uv pip compile -q --python-version 3.13 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --constraint requirements-dev.txt --group documents -o layers/documents/requirements.txt
	$(BIN)/uv pip compile -q --python-version 3.13 --generate-hashes --no-annotate --no-header --no-emit-index-url --no-emit-find-links --constraint requirements-dev.txt --group factors -o layers/factors/requirements.txt

$(EMULATOR)/.installed: requirements-emulator.txt $(INSTALLED)
	@echo "Setting up $(EMULATOR) with MiniStack, once (a minute or less)"
	@$(BIN)/uv venv -q --clear --python $(BIN)/python $(@D)
	@$(BIN)/uv pip install -q --python $(@D) --require-hashes -r $<
	@touch $@

$(LAB)/python/%/.installed: requirements-%.txt $(INSTALLED)
	@echo "Setting up $(LAB) with the clients of $<, once (a minute or less)"
	@$(BIN)/uv venv -q --clear --python $(BIN)/python $(@D)
	@$(BIN)/uv pip install -q --python $(@D) --require-hashes -r $<
	@touch $@

$(LAB)/.installed: $(LAB)/python/lab/.installed $(LAB)/python/lab-1/.installed $(LAB_PACKAGES)
	@echo "Setting up $(LAB) with the clients of $(LAB_PACKAGES), once (a minute or less)"
	@cp $(LAB_PACKAGES) $(LAB)/package.json
	@cd $(LAB) && PATH="$$PWD/python/lab/bin:$$PATH" npm install --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

# A recipe whose framework builds its project, and therefore has a folder of packages of its own.
$(LAB)/next-js/.installed: tests/clients/lab/next-js/package.json $(LAB)/python/lab/.installed
	@echo "Setting up $(@D) with the packages of $<, once (a minute or less)"
	@mkdir -p $(@D)
	@cp $< $(@D)/package.json
	@cd $(@D) && PATH="$(CURDIR)/$(LAB)/python/lab/bin:$$PATH" npm install --no-package-lock --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

$(SITE)/.installed: requirements-docs.txt $(INSTALLED)
	@echo "Setting up $(SITE), once (a minute or less)"
	@$(BIN)/uv venv -q --clear --python $(BIN)/python $(SITE)
	@$(BIN)/uv pip install -q --python $(SITE) --require-hashes -r $<
	@touch $@

clean: ## Remove everything that can be made again
	rm -rf $(VENV) dist .aws-sam .cache .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

%.mo: %.po $(RUNS)
	@$(BIN)/pybabel -q compile -i $< -o $@

$(RUNS): requirements-run.txt pyproject.toml
	@scripts/set-up $<
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(INSTALLED): requirements-dev.txt $(RUNS)
	@scripts/set-up $<
	@touch $@
