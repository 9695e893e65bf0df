# Everything starts here. Needs git, make and Python 3.11 or newer; nothing else has to be installed.
# Each command makes or updates the environment first; when that is current it costs nothing.
#   make demo          a living city on this machine     ARGS="--for 90 --no-browser --json"
#   make test          the whole suite                   ARGS="-k words"
#   make check         style, types, imports, tidiness, generated files
#   make bench, make chaos, make setup, make clean

PYTHON ?= python3
ARGS ?=
UV_VERSION := 0.13.9
UV := .tools/$(UV_VERSION)/bin/uv
BIN := .venv/bin
SOURCES := adapters hub infra schemas streams tests
WORKERS ?= $(shell nproc 2>/dev/null | awk '{ print ($$1 > 4 ? 4 : ($$1 < 2 ? 2 : $$1)) }')

# Without a home directory to write to (a service account), the package cache stays in the clone.
ifneq ($(shell test -n "$$HOME" && mkdir -p "$$HOME" 2>/dev/null && test -w "$$HOME" && echo yes),yes)
export UV_CACHE_DIR ?= $(CURDIR)/.tools/cache
export PIP_CACHE_DIR ?= $(CURDIR)/.tools/pip
endif
# Trust what this machine trusts: networks that inspect TLS have an authority of their own.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt),)
export UV_SYSTEM_CERTS ?= true
endif
# The environment in .venv, whatever environment is active in the calling shell.
unexport VIRTUAL_ENV
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv

.PHONY: setup demo test check bench chaos format generate clean

setup: .venv/.current

.venv/.current: uv.lock pyproject.toml infra/kafka/jars.lock $(UV)
	@echo "preparing: packages from uv.lock" >&2
	@$(UV) sync --frozen --quiet
	@$(BIN)/python -m infra.kafka.warm
	@touch $@

$(UV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is older than 3.11. Install Python 3.11, 3.12 or 3.13, or name it: make PYTHON=python3.12 ..." >&2; exit 78; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) has no venv or no ensurepip. On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 78; }
	@echo "preparing: uv $(UV_VERSION) in .tools" >&2
	@$(PYTHON) -m venv .tools/$(UV_VERSION)
	@.tools/$(UV_VERSION)/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

demo: setup
	@$(BIN)/medcredit demo $(ARGS)

test: setup
	$(BIN)/pytest -n $(WORKERS) --dist loadfile $(ARGS)

check: setup
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -q -p no:cacheprovider tests/test_tidy.py
	$(BIN)/python -m hub.cli schema check
	$(BIN)/python -m hub.web.page_build --check

bench: setup
	@$(BIN)/medcredit bench $(ARGS)

chaos: setup
	MEDCREDIT_TEST_CHAOS=full $(BIN)/pytest tests/chaos --timeout 3600 $(ARGS)
	MEDCREDIT_TEST_CHAOS=full $(BIN)/pytest tests/property/test_domain_every_command.py --timeout 3600

format: setup
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

generate: setup
	$(BIN)/python -m hub.cli schema write
	$(BIN)/python -m hub.web.openapi
	$(BIN)/python -m hub.web.page_build

clean:
	rm -rf .venv .tools .run .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
