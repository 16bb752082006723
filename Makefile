# Everything a fresh clone needs is set up by the target that needs it; stamps make a second run instant.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# A version manager's shim can exist and still fail, so each candidate is run and not just looked up.
PYTHON ?= $(or $(shell for p in python3.13 python3.12 python3.11 python3; do \
  $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo $$p && break; done),\
  $(error Python 3.11 or newer is needed))
# Lambda's own Python, for which the bundle's byte-code is made where the machine has it.
PYTHON3_13 ?= $(or $(shell for p in python3.13 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.13.*/bin/python3.13; do \
  "$$p" -c pass >/dev/null 2>&1 && echo "$$p" && break; done),python3.13)
PY := .venv/bin/python
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --no-compile
ARGS ?=

export SAM_CLI_TELEMETRY := 0
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# Only the parts that exist, so that a part can be added without touching the recipes.
PYTHON_SOURCES := $(wildcard layers functions local ops benchmarks testing examples tests)
TYPED_SOURCES := $(wildcard layers/taqnyat/taqnyat layers/taqnyat/outbox layers/taqnyat/trim.py functions local ops benchmarks testing tests)
# pyproject.toml has the version, which the build writes into the template.
BUILD_INPUTS := template.yaml pyproject.toml $(sort $(shell find layers functions -type f -not -path '*/__pycache__/*'))

.PHONY: help arabic clients crowd examples faults demo pictures docs incident run test mutation template-breaks lint format build deploy package bench bench-quick requirements clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-16s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/.local .aws-sam/.built ## Start the local stack and send a first mail (ARGS=--once ends after it)
	@exec $(PY) -m local $(ARGS)

demo: .venv/.local .aws-sam/.built ## Play a story of two minutes on the local stack; ends with the books
	@exec $(PY) -m local.demo $(ARGS)

# npm is for the diagrams alone, which are committed: a reader of the site loads no script.
pictures: .venv/.dev .aws-sam/.built ## Make the pictures of the documentation (needs Chromium and npm)
	@mkdir -p build/mermaid
	cd build/mermaid && tar -xzf "$$(npm pack --silent mermaid@11.17.2)"
	$(PY) -m tests.browser.pictures

arabic: .venv/.dev ## Write the codes' part of README.ar.md from the explanations that the API gives
	PYTHONPATH=layers/taqnyat $(PY) -m tests.arabic

docs: .venv-docs/.done ## Build the documentation as a site in build/site
	.venv-docs/bin/sphinx-build --quiet --fail-on-warning --keep-going --builder html docs build/site
	@echo "build/site/index.html"

test: .venv/.dev .aws-sam/.built ## Run all tests (ARGS goes to pytest)
	$(PY) -m pytest $(ARGS)

examples: .venv/.local .aws-sam/.built ## Run the tests of the sample applications (needs npm for one of them)
	@test -x .venv-examples/bin/python || $(PYTHON) -m venv --clear .venv-examples
	.venv-examples/bin/python -m pip install --quiet --disable-pip-version-check -r examples/django/requirements.txt ".[testing]"
	cd examples/django && ../../.venv-examples/bin/python -m pytest
	cd examples/node && npm ci --silent --no-audit --no-fund && npm test

# SAMPLE=40 draws so many mutants of each module; without it the run takes hours.
mutation: .venv-mutation/.done ## Change the code in small ways; the tests must notice (hours; SAMPLE=40: a sample; ARGS picks modules: 'outbox.storage.*')
	rm -rf build/mutation
	@mkdir -p build/mutation
	cp -R layers/taqnyat/taqnyat layers/taqnyat/outbox functions/*/mail_* ops local tests docs events template.yaml build/mutation
	cp tests/mutation/pyproject.toml build/mutation
	cd build/mutation && ../../.venv-mutation/bin/python -m tests.mutation --children "$${CHILDREN:-1}" --sample "$${SAMPLE:-0}" $(ARGS)

template-breaks: .venv/.dev ## Break the template in each way; the tests must notice (ARGS picks: alarm, "--sample 20")
	PYTHONPATH="$$(printf "%s:" layers/taqnyat functions/*/)" $(PY) -m tests.infrastructure.template_breaks $(ARGS)

faults: .venv/.dev ## Strike every boundary with every pair of faults (hours; `make test` draws a sample)
	FAULTS=all $(PY) -m pytest tests/faults tests/model $(ARGS)

crowd: .venv/.dev .aws-sam/.built ## Many mails at once, live with production's times (an hour; ARGS="poison --scale 0.1"); writes build/crowd.md
	$(PY) -m tests.crowd $(ARGS)

# What Node has is installed from the lock file; without npm, or Java, those clients are skipped by name.
clients: .venv/.dev .venv-clients/.done .aws-sam/.built ## Send through every client that a registry here holds; prints a matrix
	@mkdir -p build/clients
	cp tests/clients/node/*.json build/clients
	@if command -v npm >/dev/null; then npm ci --prefix build/clients --ignore-scripts --no-audit --no-fund; fi
	CLIENTS=all $(PY) -m pytest tests/clients tests/contract/test_client_requirements.py $(ARGS)

incident: .venv/.local .aws-sam/.built ## Play four bad nights, in 15 minutes (ARGS=balance plays one); writes build/incident.md (WRITE=1: docs/incident.md as well)
	@mkdir -p build
	$(PY) -m tests.incident $(ARGS) >build/incident.md
	@$(if $(WRITE),cp build/incident.md docs/incident.md,echo "build/incident.md")

# Whose schemas the templates are held against: the nearest to Taqnyat, one of Europe's, and the one with everything.
REGIONS := me-central-1 eu-central-1 us-east-1

lint: .venv/.dev .venv-checkov/.done ## Code, types, template and security checks
	$(PY) -m ruff check $(PYTHON_SOURCES)
	$(PY) -m ruff format --check $(PYTHON_SOURCES)
	$(PY) -m mypy $(TYPED_SOURCES)
# ruff has the same rules, and holds the reasons; bandit guards against those that it lacks.
	$(PY) -m bandit --quiet --recursive --severity-level medium $(filter-out tests,$(PYTHON_SOURCES))
	.venv/bin/sam validate --lint
	@mkdir -p build
	$(PY) -m tests.infrastructure.expansion >build/expanded.json
	.venv/bin/cfn-lint --regions $(REGIONS) -- template.yaml network.yaml
	@# In the expanded template SAM has put KeyCacheSeconds' value into the API, so it is unused (W2001). W1030: see template.yaml.
	.venv/bin/cfn-lint --ignore-checks W1030 W2001 --regions $(REGIONS) -- build/expanded.json
	rm -rf build/deployed
	$(PY) -m tests.infrastructure.resolution build/deployed
	PYTHONWARNINGS=ignore .venv-checkov/bin/parliament --config .parliament.yaml --directory build/deployed/policies
	.venv-checkov/bin/checkov --config-file .checkov.yaml --file build/deployed/template.json network.yaml

format: .venv/.dev ## Format the code and sort its imports
	$(PY) -m ruff check --fix-only $(PYTHON_SOURCES)
	$(PY) -m ruff format $(PYTHON_SOURCES)

build: .aws-sam/.built ## Build the deployable bundle with `sam build`

deploy: .aws-sam/.built ## Deploy the bundle, with its version as a tag of the stack (ARGS=--guided asks)
	.venv/bin/sam deploy --tags "taqnyat-mail:version=$(VERSION)" $(ARGS)

# Built a second time elsewhere: a release is one only if the same sources give the same bytes.
package: .aws-sam/.built ## Write a release to build/release, which deploys with the AWS CLI alone
	@"$(PYTHON3_13)" -c pass || { echo "A release needs Python 3.13, for Lambda's byte-code." >&2; exit 1; }
	rm -rf build/release build/again
	$(SAM_BUILD) --build-dir build/again/build
	$(PY) -m ops.version build/again/build/template.yaml
	$(PY) -m ops.release build/again/build build/again/release
	$(PY) -m ops.release .aws-sam/build build/release
	cmp build/again/release/SHA256SUMS build/release/SHA256SUMS
	@echo "build/release: $(VERSION)"

bench: .venv/.dev .aws-sam/.built build/bench/.done ## Measure speed and cost; writes benchmarks/results.json, docs/performance.md
	$(PY) -m benchmarks --python "$(BENCH_PYTHON)" $(ARGS)

bench-quick: .venv/.dev .aws-sam/.built build/bench/.done ## Run each measure once, in a minute, and judge nothing
	$(PY) -m benchmarks --python "$(BENCH_PYTHON)" --quick $(ARGS)

# What is measured runs on Lambda's Python, or on the one at hand where the machine has no other.
BENCH_PYTHON = $(or $(shell command -v "$(PYTHON3_13)" >/dev/null && "$(PYTHON3_13)" -c pass 2>/dev/null && \
  echo "$(PYTHON3_13)"),$(PY))

build/bench/.done: requirements/bench.txt benchmarks/naive/requirements.txt
	rm -rf build/bench
	$(BENCH_PYTHON) $(PIP_INSTALL) --target build/bench/runtime -r requirements/bench.txt
	$(BENCH_PYTHON) $(PIP_INSTALL) --target build/bench/naive -r benchmarks/naive/requirements.txt
	$(BENCH_PYTHON) -m compileall -q --invalidation-mode unchecked-hash build/bench
	@touch $@

.aws-sam/.built: .venv/.local .aws-sam/.inputs $(BUILD_INPUTS)
	@echo "Building the bundle." >&2
	$(SAM_BUILD)
	$(PY) -m ops.version $(@D)/build/template.yaml
	@touch $@

# The hash seed is fixed: sets in byte-code are ordered by it.
SAM_BUILD = env -u MAKEFLAGS -u MAKELEVEL PYTHONHASHSEED=0 PYTHON3_13="$(PYTHON3_13)" .venv/bin/sam build
VERSION = $(shell $(PY) -m ops.version)

# The list of the inputs, so that a file that went away is noticed too.
.aws-sam/.inputs: FORCE
	@mkdir -p $(@D)
	@echo '$(BUILD_INPUTS)' | cmp -s - $@ || echo '$(BUILD_INPUTS)' >$@
FORCE:

.venv/.local: requirements/local.txt
	@echo "Setting up .venv for this clone: about a minute, once." >&2
	@test -x $(PY) || $(PYTHON) -m venv --clear .venv
	@echo "  installing $$(grep -c == $<) packages, pinned by hash" >&2
	$(PY) $(PIP_INSTALL) -r $<
	@touch $@

.venv/.dev: requirements/dev.txt .venv/.local
	$(PY) $(PIP_INSTALL) -r $<
	@touch $@

.venv-checkov/.done: requirements/checkov.txt
	@test -x .venv-checkov/bin/python || $(PYTHON) -m venv --clear .venv-checkov
	.venv-checkov/bin/python $(PIP_INSTALL) -r $<
	@touch $@

.venv-mutation/.done: requirements/mutation.txt
	@test -x .venv-mutation/bin/python || $(PYTHON) -m venv --clear .venv-mutation
	.venv-mutation/bin/python $(PIP_INSTALL) -r $<
	@touch $@

.venv-clients/.done: requirements/clients.txt
	@test -x .venv-clients/bin/python || $(PYTHON) -m venv --clear .venv-clients
	.venv-clients/bin/python $(PIP_INSTALL) -r $<
	@touch $@

.venv-docs/.done: requirements/docs.txt
	@test -x .venv-docs/bin/python || $(PYTHON) -m venv --clear .venv-docs
	.venv-docs/bin/python $(PIP_INSTALL) -r $<
	@touch $@

# One resolution (dev) pins everything; the layer and the local set are cut out of it, so that what is
# tested is what is deployed. uv reads no pip settings, and its own are shut out: no index or path of
# the machine can get into a file. ARGS=--upgrade moves the pins.
UV_COMPILE = env -u UV_INDEX -u UV_DEFAULT_INDEX -u UV_INDEX_URL -u UV_EXTRA_INDEX_URL -u UV_FIND_LINKS \
  .venv-uv/bin/uv --no-config pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --custom-compile-command 'make requirements' $(ARGS)

requirements: ## Pin all requirements again (ARGS=--upgrade for newer versions)
	@test -x .venv-uv/bin/uv || { $(PYTHON) -m venv --clear .venv-uv; \
	  .venv-uv/bin/python $(PIP_INSTALL) -r requirements/uv.txt; }
	$(UV_COMPILE) requirements/uv.in -o requirements/uv.txt
	$(UV_COMPILE) requirements/dev.in -o requirements/dev.txt
	$(UV_COMPILE) requirements/local.in -c requirements/dev.txt -o requirements/local.txt
	$(UV_COMPILE) layers/taqnyat/requirements.in -c requirements/dev.txt --no-emit-package dnspython \
	  -o layers/taqnyat/requirements.txt
	$(UV_COMPILE) requirements/checkov.in -o requirements/checkov.txt
	$(UV_COMPILE) requirements/docs.in -o requirements/docs.txt
	$(UV_COMPILE) requirements/clients.in -o requirements/clients.txt
	$(UV_COMPILE) requirements/mutation.in -c requirements/local.txt -o requirements/mutation.txt
	$(UV_COMPILE) requirements/bench.in -c requirements/dev.txt -o requirements/bench.txt
	$(UV_COMPILE) benchmarks/naive/requirements.in -c requirements/dev.txt -o benchmarks/naive/requirements.txt
	@! grep -nE 'https?:|file:|^-|^/' requirements/*.txt */*/requirements.txt

clean: ## Remove everything that was set up or built
	rm -rf .venv .venv-* .aws-sam .local build examples/node/node_modules .cache .hypothesis .schemathesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
