# The commands of the README. A machine needs Python 3.11 and make; uv is fetched where it is missing.

UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin

.PHONY: up test lint fix install

# `exec`, so that a signal to make reaches Waybill itself.
up: install
	@exec $(RUN)/waybill up --with-parent $(ARGS)

test: install
	$(RUN)/pytest $(ARGS)

lint: install
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy

fix: install
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

install: $(UV)
	@$(UV) sync --locked --quiet

# Into the project's own folder: a system's Python often refuses to be installed into.
.uv/bin/uv:
	python3 -m pip install --quiet --target .uv 'uv>=0.9'
