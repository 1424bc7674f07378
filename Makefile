# Each target sets up .venv by itself: Python 3.11 or newer with its venv module, and make, are all it needs.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
DEMO := results/demo

# What is imported is compiled once, also where the environment forbids Python to write bytecode: else each process takes 10 s more
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test lint check docs traces bench cluster clean
.DEFAULT_GOAL := help

help:  ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@# --no-compile: Python compiles what it imports; all of it takes a minute more
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt -e '.[dev]'
	touch $@

demo: $(READY)  ## seven methods on pairs of small digits: leaderboard, gains, flags, results/demo/report.html
	$(BIN)/tlbench sweep sweep=demo store=$(DEMO)/runs
	$(BIN)/tlbench report --store $(DEMO)/runs --out $(DEMO)

test: $(READY)  ## every test; those that need real data look in $TLBENCH_DATA
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(READY)  ## style, types, spelling
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

check: lint  ## style, types, spelling and the fast tests, in about a minute
	$(BIN)/python -m pytest -n 2 --dist worksteal -m 'not slow'

docs: $(READY)  ## the documentation as a site, build/site/docs/index.html, without a warning
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	$(BIN)/sphinx-build -q -W --keep-going -b html -c docs/site . build/site

traces: $(READY)  ## renew tests/traces after a change that is meant to move numbers (then say so in CHANGELOG.md)
	TLBENCH_RENEW_TRACES=1 $(BIN)/python -m pytest -q tests/conformance/test_traces.py

bench: $(READY)  ## images per second, share of a step, head runs, a large report, false flags, methods beside SKADA and ADAPT (70 minutes)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	@# ADAPT and what it solves KMM with (GPL, so in no extra) alone: the TensorFlow that it asks for wants an older h5py, and nothing timed calls it
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps adapt==0.4.5 cvxopt==1.3.3
	$(BIN)/python benchmarks/images.py
	$(BIN)/python benchmarks/training_step.py
	$(BIN)/python benchmarks/heads.py
	$(BIN)/python benchmarks/report.py
	$(BIN)/python benchmarks/store.py
	$(BIN)/python benchmarks/start_up.py
	$(BIN)/python benchmarks/many_runs.py
	$(BIN)/python -m benchmarks.store_faults
	$(BIN)/python benchmarks/stacked.py --sizes 32
	$(BIN)/python benchmarks/dashboard.py
	$(BIN)/python benchmarks/calibration.py
	$(BIN)/python benchmarks/open_set_calibration.py
	$(BIN)/python benchmarks/estimators.py
	$(BIN)/python -m benchmarks.peers

cluster: $(READY)  ## sweeps on a real SLURM and a real Ray, begun on this machine; installs both where they are not (20 minutes)
	@# SLURM's own limit: make cluster SIZES='--max-array 1001 --array-runs 1100', and an hour
	command -v slurmctld >/dev/null || (apt-get update -qq && apt-get install -y -qq slurm-wlm munge)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[slurm,ray]'
	$(BIN)/python -m pytest tests/cluster $(SIZES)

clean:  ## remove the environment, the demo's results and caches; results/runs stays
	rm -rf .venv $(DEMO) .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
