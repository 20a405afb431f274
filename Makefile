.PHONY: help demo test check bench clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pytest's -n: engine tests wait more than they compute
WORKERS ?= 2

help:  ## Show this help
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --group dev --editable .
	@touch $@

demo: $(VENV)/installed  ## Build examples/site, run it, and fetch a page and one of its static files
	$(BIN)/python examples/demo.py

test: $(VENV)/installed  ## Run every check and every test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n $(WORKERS) --dist worksteal

check: $(VENV)/installed  ## Run the checks and the tests that need no engine
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n $(WORKERS) -m "not engine"

bench: $(VENV)/installed  ## Measure collecting against Django and WhiteNoise
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python benchmarks/floors.py
	$(BIN)/python benchmarks/collect.py
	$(BIN)/python benchmarks/whitenoise.py
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/layer.py

clean:  ## Remove what the others made
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache
