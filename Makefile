# Everything that is done with this checkout. Needed: git, make and Python 3.11 or newer; the rest goes into .venv.
#
#   make audit    the five questions about a real loss, as a page in wald-audit/
#   make test     the everyday tests
#   make help     the rest

VENV := .venv
BIN := $(VENV)/bin
TESTS ?= tests
# How many processes the tests run in.
JOBS ?= 2
# Options for pip, such as another index. On Linux the torch of PyPI brings CUDA with it, some gigabytes; the index of
# torch itself has a much smaller one without: make PIP_FLAGS="--extra-index-url ADDRESS" audit
PIP_FLAGS ?=

# The first Python that runs and is new enough; `make PYTHON=/path/to/python audit` takes another.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11 python; do \
	$$python -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$python && break; done)

.DEFAULT_GOAL := help
.PHONY: audit test slow native honesty audit-honesty choosing bench gpu lint format types build clean help

# A finding is what an audit is for, so exit code 1 is no failure of make; 2 and 3 are.
audit: $(VENV)/.with-examples ## Audit a model of loans; the page is wald-audit/index.html
	@code=0; $(BIN)/wald audit loans --out wald-audit || code=$$?; [ $$code -le 1 ] || exit $$code

test: native ## Run the everyday tests, TESTS=tests/core for some of them
	$(BIN)/python -m pytest -n $(JOBS) --dist worksteal -m "not slow and not gpu" $(TESTS)

slow: native ## Run the tests that take longer (proofs, whole audits)
	$(BIN)/python -m pytest -n $(JOBS) -m "slow and not gpu" $(TESTS)

# Without a compiler everything runs in torch.
native: $(VENV)/.with-test ## Compile the native library anew where its sources have changed
	@$(BIN)/python -m wald.kernels.native.building || true

honesty: $(VENV)/.with-test ## Measure the checker anew and write docs/honesty.md
	$(BIN)/python -m tests.checks.corpus.page

audit-honesty: $(VENV)/.with-test ## Measure the probes of an audit anew and write docs/audit-honesty.md and docs/audit-cases.md
	$(BIN)/python -m tests.cases.page
	$(BIN)/python -m tests.cases.honesty

choosing: $(VENV)/.with-test ## Measure choices on real data anew and write the table of docs/choosing.md
	rm -f benchmarks/choosing.json
	$(BIN)/python -m tests.choices.held_out benchmarks/choosing.json linear
	$(BIN)/python -m tests.choices.page

bench: $(VENV)/.with-peers ## Measure how fast losses are and write docs/performance.md; most of an hour
	$(BIN)/python benchmarks/fast.py
	$(BIN)/python benchmarks/accuracy.py
	$(BIN)/python benchmarks/page.py

gpu: $(VENV)/.with-test $(VENV)/.with-peers ## Run what needs a CUDA device, tests and figures
	$(BIN)/python -m pytest -m gpu tests/gpu
	$(BIN)/python benchmarks/fast.py GPU

lint: $(VENV)/.with-dev ## Check style, change nothing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.with-dev ## Put the code in shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.with-dev ## Check the types; pyright needs Node.js and fetches it where it is missing
	$(BIN)/pyright --pythonpath $(BIN)/python

build: $(VENV)/.with-dev ## Make the wheel, in dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean: ## Remove the environment and everything else that was made here
	rm -rf $(VENV) wald-audit build dist .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /:/' | awk -F: '{ printf "make %-13s %s\n", $$1, $$2 }'

# An environment with one of the extras. The file remembers that it is there, so that the next run is quick, and
# is older than its reasons when those change.
$(VENV)/.with-%: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet $(PIP_FLAGS) --constraint constraints.txt --editable '.[$*]'
	@touch $@

$(BIN)/python:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Wald needs Python 3.11 or newer, and $$(python3 --version 2>/dev/null || echo 'no python3') was found."; \
		echo "Install one, or name it: make PYTHON=/path/to/python3.12"; exit 2; fi
	@$(PYTHON) -c '$(NEW_ENOUGH)' || { \
		echo "$(PYTHON) is not Python 3.11 or newer. Name one that is: make PYTHON=/path/to/python3.12"; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make an environment. On Debian and Ubuntu: apt install python3-venv"; exit 2; }
	@echo "Installing into $(VENV); the first time this fetches torch and takes some minutes."
