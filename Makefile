# The commands of the README. They need Python 3.11 and make; uv is downloaded if it is missing.

UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin
WEB := web/node_modules/.package-lock.json
GENERATORS := tests/generators/node_modules/.package-lock.json
# Folders whose language is checked against .ci/plain-language.txt.
PLAIN := actors api bench cli docs stack tests waybill web/src README.md
# Tests that speak to a store and start none themselves.
STORE_TESTS := tests/actors tests/api tests/cli tests/parity tests/waybill tests/test_secrets.py tests/test_walks.py
UPPY := tests/browser/uppy/node_modules/.package-lock.json

.PHONY: up prepare test test-store coverage bench soak large fuzz faults cluster lint audit sbom dist fix docs docs-serve install pages

# Install everything, including traces, because the tests use it.
WHAT := --all-extras
# Running needs fewer packages than testing. Installed packages stay.
up: WHAT := --no-dev --inexact
# Without the packages for traces, as in production: redis-py would import them if they were installed.
bench: WHAT :=

# `exec` and --with-parent, so that Waybill stops if make is stopped in any way.
up: install pages
	@exec $(RUN)/waybill up --with-parent $(ARGS)

# Install all that the tests need. With `-j4` make fetches the packages of Python and of three npm folders at once.
prepare: install pages $(GENERATORS) $(UPPY)

# More processes than cores, because tests wait for servers half of the time. tests/scheduling.py assigns tests to processes.
# pytest compiles the asserts of the tests itself, which takes each process as long as the rest of its collection.
# Keep the result, also if Python is told not to write beside the sources.
test: export PYTHONDONTWRITEBYTECODE :=
test: prepare
	@if test -e $(WEB); then npm run --prefix web --silent test; fi
	$(RUN)/pytest -n 3 --dist loadfile $(ARGS)

# Run the tests that speak to a store on the one that WAYBILL_TEST_S3_* name: see docs/operations/stores.md.
test-store: prepare
	@: "$${WAYBILL_TEST_S3_ENDPOINT_URL:?set it, _ACCESS_KEY and _SECRET_KEY: see tests/store.py}"
	$(RUN)/pytest -n 3 --dist loadfile $(STORE_TESTS) $(ARGS)

# Run the tests with branch coverage over all their processes, and print the files that are not covered.
coverage: prepare
	$(RUN)/coverage erase
	$(RUN)/coverage run -m pytest -n 3 --dist loadfile $(ARGS)
	$(RUN)/coverage combine --quiet
	$(RUN)/coverage report

# Measure ratios and print the table of docs/performance.md. Needs wrk, curl and npm.
bench: install
	$(RUN)/python -m bench $(ARGS)

# Upload for ten minutes while processes and servers are killed at random.
soak: install
	$(RUN)/python -m tests.soak $(ARGS)

# Upload 20 GiB in parts, with a broken connection and a killed client. Needs 25 GB of disk and about ten minutes.
large: install
	$(RUN)/python -m tests.soak.large $(ARGS)

# Fuzz for ten minutes instead of the seconds of `make test`, with new input each time.
fuzz: install pages
	$(RUN)/pytest tests/fuzz -rP --fuzz-seconds 300 $(ARGS)

# Run every fault many times, and print the table of docs/reliability.md. Then run long sequences of random operations.
faults: install
	FAULTS=long $(RUN)/pytest tests/faults tests/parity/test_state_machine.py $(ARGS)

# Run every fault of a cluster: failovers of members, wrong responses of the store. Print its table of
# docs/reliability.md.
cluster: install
	CLUSTER=long $(RUN)/pytest tests/cluster $(ARGS)

lint: install $(WEB)
	$(RUN)/ruff format --check .
	$(RUN)/ruff check .
	$(RUN)/codespell $(PLAIN)
	$(RUN)/mypy
	@if test -e $(WEB); then npm run --prefix web --silent check; fi

# Compare the locked packages with the list of known vulnerabilities.
audit: install
	@$(UV) export --locked --all-groups --all-extras --no-emit-project --no-hashes --quiet | $(RUN)/python .ci/audit.py

# Write the bill of materials of a release, in CycloneDX: the packages of production, without those of development.
sbom: install
	@$(UV) export --locked --no-default-groups --all-extras --format cyclonedx1.5 --quiet --output-file sbom.cdx.json
	@echo "wrote sbom.cdx.json"

# Build a release into dist/: the wheel with the browser pages, the source, the locked packages that the wheel needs, and
# their bill of materials. The version is the tag v0.1.0, or one before the next release.
dist: install pages sbom
	@$(UV) build --quiet --clear
	@$(UV) export --locked --no-default-groups --all-extras --no-emit-project --quiet --output-file dist/requirements.txt
	@mv sbom.cdx.json dist/
	@$(RUN)/python .ci/dist.py

fix: install
	$(RUN)/ruff format .
	$(RUN)/ruff check --fix .

# Build the documentation as a site, in site/. A stale reference or a broken link fails the build.
docs docs-serve: WHAT := --group docs --inexact
docs docs-serve: export NO_MKDOCS_2_WARNING := 1

docs: install
	$(RUN)/mkdocs build --strict

docs-serve: install
	$(RUN)/mkdocs serve --strict $(ARGS)

# Compile once here. Otherwise each process compiles at each start, if Python may not write beside the sources.
install: $(if $(filter .uv/%,$(UV)),$(UV))
	@test -d .venv || echo "Installing into .venv. This takes a minute or two…"
	@$(UV) sync --locked --quiet --compile-bytecode $(WHAT)
	@$(RUN)/python -m compileall -q actors api cli stack waybill

# Install uv into the project's folder, because many systems refuse to install into their Python.
.uv/bin/uv:
	python3 -m pip install --quiet --root-user-action ignore --target .uv 'uv>=0.9,<1'

# Build the browser pages. Without npm or a registry, Waybill serves a simple front page, and the other pages load their
# scripts from a CDN.
pages: web/dist/.vite/manifest.json

web/dist/.vite/manifest.json: $(WEB) web/vite.config.ts $(shell find web/src -type f)
	@if test -e $(WEB); then echo "Building the browser pages…"; npm run --prefix web --silent build; fi

# The client generators of the tests. Some of them need Node 20.
$(GENERATORS): tests/generators/package-lock.json
	@if command -v npm >/dev/null && node -e 'process.exit(+(parseInt(process.versions.node) < 20))'; then \
	  npm ci --prefix tests/generators --silent --no-audit --no-fund || true; fi

# The packages that the test of the Uppy guide bundles.
$(UPPY): tests/browser/uppy/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix tests/browser/uppy --silent --no-audit --no-fund || true; fi

$(WEB): web/package-lock.json
	@if command -v npm >/dev/null; then npm ci --prefix web --silent --no-audit --no-fund || true; fi
