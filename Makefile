# The commands of the README. A machine needs Python 3.11 and make; uv is fetched where it is missing.

UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin
WEB := web/node_modules/.package-lock.json
GENERATORS := tests/generators/node_modules/.package-lock.json
UPPY := tests/browser/uppy/node_modules/.package-lock.json

.PHONY: up prepare test bench soak large fuzz faults cluster lint audit sbom fix docs docs-serve install pages

# Everything, traces included, for the tests want it all.
WHAT := --all-extras
# Running needs less than testing does; what is there already stays.
up: WHAT := --no-dev --inexact
# As it is run: what traces are made of would be imported by redis-py, which looks for it.
bench: WHAT :=

# `exec`, and an end with its parent, so that whatever stops make stops Waybill too.
up: install pages
	@exec $(RUN)/waybill up --with-parent $(ARGS)

# All that the tests need. With `-j4` the packages of Python and of three folders of npm are fetched at once.
prepare: install pages $(GENERATORS) $(UPPY)

# More processes than cores: tests wait for servers half of their time. tests/scheduling.py says who runs what.
test: prepare
	$(RUN)/pytest -n 4 --dist loadfile $(ARGS)

# Ratios of two things measured in turn; prints the table of docs/performance.md. Needs wrk, curl and npm.
bench: install
	$(RUN)/python -m bench $(ARGS)

# Ten minutes of uploads while what serves them is killed at random.
soak: install
	$(RUN)/python -m tests.soak $(ARGS)

# 20 GiB in parts over a line that breaks, by a client that dies. Needs 25 GB of disk, and some ten minutes.
large: install
	$(RUN)/python -m tests.soak.large $(ARGS)

# Ten minutes of what `make test` does in seconds, and never twice the same.
fuzz: install pages
	$(RUN)/pytest tests/fuzz -rP --fuzz-seconds 300 $(ARGS)

# Every fault more often, and for as long as it takes; prints the table of docs/reliability.md.
faults: install
	FAULTS=long $(RUN)/pytest tests/faults $(ARGS)

# Every fault of a cluster: members that fail over, a store that answers wrongly. Prints its table of
# docs/reliability.md.
cluster: install
	CLUSTER=long $(RUN)/pytest tests/cluster $(ARGS)

lint: install $(WEB)
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/mypy
	@if test -e $(WEB); then npm run --prefix web --silent check; fi

# What is installed here, against the list of known vulnerabilities.
audit: install
	@$(UV) export --locked --all-groups --all-extras --no-emit-project --no-hashes --quiet | $(RUN)/python .ci/audit.py

# The bill of materials of a release, in CycloneDX: what is installed in production, without development.
sbom: install
	@$(UV) export --locked --no-default-groups --all-extras --format cyclonedx1.5 --quiet --output-file sbom.cdx.json
	@echo "wrote sbom.cdx.json"

fix: install
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

# The documentation as a site, in site/. A reference that is stale or a link that leads nowhere ends it.
docs docs-serve: WHAT := --group docs --inexact
docs docs-serve: export NO_MKDOCS_2_WARNING := 1

docs: install
	$(RUN)/mkdocs build --strict

docs-serve: install
	$(RUN)/mkdocs serve --strict $(ARGS)

# Compiled once here, or else by each process at each start where Python may not write beside the sources.
install: $(if $(filter .uv/%,$(UV)),$(UV))
	@test -d .venv || echo "Installing into .venv, which takes a minute or two…"
	@$(UV) sync --locked --quiet --compile-bytecode $(WHAT)
	@$(RUN)/python -m compileall -q actors api cli stack waybill

# Into the project's own folder: a system's Python often refuses to be installed into.
.uv/bin/uv:
	python3 -m pip install --quiet --root-user-action ignore --target .uv 'uv>=0.9,<1'

# The browser pages. Without npm, or without a registry, there is a simple front page, and the others load
# their scripts from a CDN.
pages: web/dist/.vite/manifest.json

web/dist/.vite/manifest.json: $(WEB) web/vite.config.ts $(shell find web/src -type f)
	@if test -e $(WEB); then echo "Building the browser pages…"; npm run --prefix web --silent build; fi

# What the tests generate clients with. Some of it needs Node 20.
$(GENERATORS): tests/generators/package-lock.json
	@if command -v npm >/dev/null && node -e 'process.exit(+(parseInt(process.versions.node) < 20))'; then \
	  npm ci --prefix tests/generators --silent --no-audit --no-fund || true; fi

# What a test of the guide to Uppy bundles.
$(UPPY): tests/browser/uppy/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix tests/browser/uppy --silent --no-audit --no-fund || true; fi

$(WEB): web/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix web --silent --no-audit --no-fund || true; fi
