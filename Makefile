# `make demo` and `make test` do all their own set-up, in a virtual environment of their own.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
QUIET := --quiet --disable-pip-version-check
UPGRADE := --upgrade
LOCK = CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/python -m piptools compile --quiet \
	--generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links \
	--no-emit-trusted-host
PACKS := $(sort $(wildcard plugins/smolterm-*))
SOURCES := pyproject.toml $(PACKS:%=%/pyproject.toml)
# What the packs need besides smolterm, and what only their tests do.
PACKS_NEED := build/packs.in

.PHONY: demo test local lint types bench bench-quick picture pages lock clean

demo: $(STAMP)
	@$(BIN)/smolterm demo

test: $(STAMP)
	$(BIN)/smolterm setup
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder || { \
	  echo "What failed runs once more, by itself:"; \
	  $(BIN)/python -m pytest --last-failed --last-failed-no-failures none; }

# Models on this machine. Compiles llama.cpp unless pip has the wheel from last time.
local: $(STAMP)
	@$(BIN)/python -c 'import llama_cpp' 2>/dev/null || if [ -n "$(CI)" ]; then \
	  set -x; $(BIN)/python -m pip install $(QUIET) --require-hashes -r requirements-local.txt; \
	else \
	  set -x; $(BIN)/python -m pip install $(QUIET) -e '.[local]'; \
	fi

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/deno fmt --check --config smolterm/sandbox/deno.json smolterm/sandbox/*.ts
	$(BIN)/deno lint --config smolterm/sandbox/deno.json smolterm/sandbox/*.ts

types: $(STAMP)
	$(BIN)/mypy

bench: $(STAMP)
	$(BIN)/python -m bench --write docs/performance.md

bench-quick: $(STAMP)
	$(BIN)/python -m bench --quick

picture: $(STAMP)
	$(BIN)/python docs/make_picture.py docs/screen.svg
	$(BIN)/python docs/make_recording.py docs/modes.svg

# What is made from the code and checked in: the man page, the list of events, the table
# of keys, the tools of the packs that ship.
pages: $(STAMP)
	$(BIN)/python -m smolterm.manpage > man/smolterm.1
	$(BIN)/python docs/make_events.py docs/events.md
	$(BIN)/python docs/make_keys.py docs/terminal.md
	$(BIN)/python docs/make_tools.py docs/tools.md

lock: $(STAMP)
	$(BIN)/python -m pip install $(QUIET) 'pip-tools>=7.5,<8'
	@mkdir -p build
	$(BIN)/python docs/packs_need.py $(PACKS) > $(PACKS_NEED)
	$(LOCK) $(UPGRADE) --extra litellm --extra local-wheels --extra serve --extra dev \
	  --output-file requirements-ci.txt pyproject.toml $(PACKS_NEED)
	$(LOCK) $(UPGRADE) --constraint requirements-ci.txt --extra local \
	  --output-file requirements-local.txt pyproject.toml

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis

# In CI, under the Python that the lock was made with, only what the lock names by hash is installed.
$(STAMP): $(SOURCES) requirements-ci.txt
	@$(PYTHON) -c 'import sys; sys.exit("smolterm needs Python 3.11 or later, this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 ...") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@if [ -n "$(CI)" ] && $(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))'; then \
	  set -x; \
	  $(BIN)/python -m pip install $(QUIET) --require-hashes -r requirements-ci.txt && \
	  $(BIN)/python -m pip install $(QUIET) --no-deps --no-build-isolation -e . $(PACKS:%=-e %); \
	else \
	  set -x; \
	  $(BIN)/python -m pip install $(QUIET) -e '.[litellm,local-wheels,serve,dev]' $(foreach p,$(PACKS),-e '$(p)$(if $(shell grep -s '^test = ' $(p)/pyproject.toml),[test])'); \
	fi
	@touch $@
