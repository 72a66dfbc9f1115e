# Thin: each target makes the environment from the lock, then calls the real command.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
CORES ?= all
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help setup quick desk zoo plan test test-fast test-slurm lint docs bench gpu-check lock unlock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' Makefile

setup: $(READY) ## the environment, .venv, from envs/requirements.lock

$(READY): envs/requirements.lock envs/examples.lock envs/cuda.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "onshell needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	@# torch by itself: where pip knows of a build without CUDA it takes that one, whose hash is in the lock too.
	sed -n '/^torch==/,/[^\\]$$/p' envs/requirements.lock > $(VENV)/torch.lock
	$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest $(VENV)/wheels $$(grep -o '^torch==[^ ]*' $(VENV)/torch.lock)
	$(PIP) --require-hashes --no-index --find-links $(VENV)/wheels -r $(VENV)/torch.lock
	@rm -r $(VENV)/wheels
	$(PIP) --require-hashes -r envs/requirements.lock -r envs/examples.lock
	@# A torch that is built with CUDA needs its libraries too: 2 GB more.
	! $(BIN)/python envs/cuda.py || $(PIP) --require-hashes -r envs/cuda.lock
	$(PIP) --no-build-isolation -e .
	@touch $(READY)

quick: $(READY) ## every figure and table, so small that it proves that everything runs, and no more
	$(BIN)/snakemake --cores $(CORES) --quiet reason

desk: $(READY) ## the same at desk size, in an hour and a half
	$(BIN)/snakemake --cores $(CORES) --quiet reason --config scale=desk

zoo: $(READY) ## the models that come with the package, trained again at desk size and put into src/onshell/zoo
	$(BIN)/snakemake --cores $(CORES) --quiet reason --config scale=desk judge=final -- zoo
	$(BIN)/python -m onshell.zoo.ship results/desk/studies/zoo

plan: $(READY) ## what the paper's sizes would run; writes nothing
	$(BIN)/onshell plan --scale paper

lint: $(READY) ## style of code, layers and workflow
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

test: lint ## all checks and tests
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder tests/workflow tests

test-fast: $(READY) ## the tests that run no Snakemake, compile no network and build no page of docs/
	$(BIN)/pytest -n 2 --dist loadfile -m "not workflow and not compile and not docs" tests

test-slurm: $(READY) ## the workflow, and all that can befall it, on a private Slurm that this brings up and takes down
	$(BIN)/pytest tests/slurm -p no:xdist --exitfirst --verbose

docs: $(READY) ## the pages of docs/ as static HTML, build/docs/index.html
	$(BIN)/python -m sphinx -b html -W --keep-going -q docs build/docs

bench: $(READY) ## the speed of the exact generators, on one core
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/generators.py

gpu-check: $(READY) ## tests and speed on a GPU, at most 8 minutes; writes build/gpu-check/gpu-check.{json,md}
	$(BIN)/python benchmarks/gpu_check.py

lock: ## new pins and hashes from the ranges in pyproject.toml; WHEELS: files of local builds, such as torch without CUDA
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet torch==2.13.0
	$(BIN)/python -m pip install --quiet -e '.[workflow,test,docs]'
	$(BIN)/python envs/lock.py $(addprefix --wheel ,$(WHEELS))
	$(PIP) --require-hashes -r envs/examples.lock
	@touch $(READY)

unlock: $(READY) ## after Snakemake itself was killed outright: let the next call go on
	$(BIN)/snakemake --unlock

clean: ## remove the environment, never results
	rm -rf $(VENV)
