# `make help` lists what can be made. Everything happens in .venv and frontend/node_modules.
SHELL := /bin/bash
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# Not in the lock file: npm refuses one that lacks a platform's optional package, which not every registry has.
BIOME := npm install --no-save --no-package-lock --no-audit --no-fund @biomejs/biome@2.6.8

.DEFAULT_GOAL := help
.PHONY: help setup test check docs frameworks gpu format demo tour dist release-check firefox pictures method-pictures bench soak matrix proto clean

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

.venv/.installed: pyproject.toml setup.py frontend/package-lock.json
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet torch==2.14.1 torchvision==0.29.1
	cd frontend && npm ci --no-audit --no-fund && $(BIOME)
	$(BIN)/pip install --quiet -e '.[test]'
	touch $@

setup: .venv/.installed  ## set up .venv and frontend/node_modules

check: setup docs  ## lint, format and types, Python and TypeScript; the documentation's links
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd frontend && npm run --silent typecheck && npm run --silent lint && npm run --silent format:check

test: setup check  ## everything that has to pass: checks, unit tests, tests through TensorBoard and Chromium
	@command -v chromium >/dev/null || { echo "The browser tests need Chromium (Debian: apt-get install chromium)"; exit 1; }
	cd frontend && npm run --silent build && npm run --silent test
	$(BIN)/pip install --quiet --no-deps -e .
	$(BIN)/python -m pytest -n 2

.venv-frameworks/.installed: pyproject.toml setup.py
	$(PYTHON) -m venv .venv-frameworks
	.venv-frameworks/bin/pip install --quiet torch==2.14.1 torchvision==0.29.1
	.venv-frameworks/bin/pip install --quiet -e '.[frameworks]'
	touch $@

frameworks: .venv-frameworks/.installed  ## test every integration with its framework, in .venv-frameworks
	.venv-frameworks/bin/python -m pytest -n 2 -m '' tests/frameworks tests/test_gallery.py

firefox: setup  ## walk through the tab in Debian's firefox-esr
	cd frontend && npm run --silent build
	$(BIN)/python -m pytest -m slow tests/browser/test_firefox.py

gpu: setup  ## test on a CUDA device: oracles, trainings bit for bit, time and memory beside the peers
	$(BIN)/python -m pytest -rs -m '' tests/gpu
	$(BIN)/python -m benchmarks.engine --device cuda

docs: setup  ## build the documentation into docs/_build/html; a broken link is an error
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

format: setup  ## format and sort imports
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	cd frontend && npm run --silent format

.venv-demo/.installed: pyproject.toml setup.py frontend/package-lock.json
	@echo "Installing the package, torch and the demo's photographs into .venv-demo; nothing else."
	$(PYTHON) -m venv .venv-demo
	.venv-demo/bin/pip install --quiet torch==2.14.1 torchvision==0.29.1
	.venv-demo/bin/pip install --quiet -e '.[demo]'
	touch $@

demo: .venv-demo/.installed  ## start TensorBoard and train on real photographs while its tab is open (a minute)
	.venv-demo/bin/python demo/train.py

tour: .venv-demo/.installed  ## open the tab on a small log that is made in seconds
	.venv-demo/bin/tensorboard-gradcam demo runs/tour

dist: setup  ## build wheel and source distribution, install each in a new environment, and open the tab
	$(BIN)/python release/dist.py

release-check: dist  ## metadata, links, changelog and licences of what `make dist` built
	$(BIN)/python release/check.py

pictures: setup  ## make the pictures of the README and the docs anew (ONLY="ab steps": these)
	$(BIN)/python docs/pictures.py $(ONLY)

method-pictures: .venv-frameworks/.installed  ## draw every method for docs/methods.md, and measure what each costs (half an hour)
	.venv-frameworks/bin/python docs/method_pictures.py

bench: setup  ## measure beside the peers, into benchmarks/RESULTS.md (an hour; QUICK=1: five minutes, into build/)
	$(BIN)/pip install --quiet -e '.[bench]'
	$(BIN)/python -m benchmarks.run $(if $(QUICK),--quick --out build/bench)
	$(if $(QUICK),,$(BIN)/python -m benchmarks.quoted)

soak: setup  ## fuzzing, damaged files, a long run and killed writers at full length, with their figures (an hour)
	$(BIN)/python -m tests.fuzz.soak
	$(BIN)/python -m tests.trust.faults
	$(BIN)/python -m tests.trust.damaged
	$(BIN)/python -m tests.trust.live
	$(BIN)/python -m tests.trust.bombs
	$(BIN)/python -m tests.trust.no_trace
	$(BIN)/python -m tests.trust.interrupts
	$(BIN)/python -m tests.trust.long_run
	$(BIN)/python -m pytest -m slow tests/writer/test_crashes.py

matrix: setup  ## the oldest and newest versions of everything, each in an environment of its own
	$(BIN)/python -m tests.trust.matrix

proto:  ## regenerate the record's code with a compiler that old and new runtimes load
	$(PYTHON) -m venv build/protoc
	build/protoc/bin/pip install --quiet 'grpcio-tools==1.51.1' 'setuptools<80'
	build/protoc/bin/python -m grpc_tools.protoc -I. --python_out=. --pyi_out=. tensorboard_plugin_gradcam/records/records.proto

clean:  ## remove what was built
	rm -rf .venv .venv-demo .venv-frameworks build dist frontend/node_modules tensorboard_plugin_gradcam/viewer/static \
	  tensorboard_plugin_gradcam/exports/viewer *.egg-info
