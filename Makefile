.PHONY: help demo test check quick test-all lint lock fuzz torture bench docs man pictures dist clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# With LOCKED=1 the versions of constraints.txt are installed, as in CI.
INSTALL := $(BIN)/python -m pip install --quiet $(if $(LOCKED),--constraint .github/constraints.txt)
# pytest's -n: engine tests wait more than they compute
WORKERS ?= 2
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist loadgroup
FAST := not engine and not exhaustive and not slow
UNIT := $(addprefix tests/,project templates verify test_errors.py test_golden.py)

help:  ## Show this help
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(VENV)/installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(INSTALL) --group dev --editable .
	@touch $@

demo: $(VENV)/installed  ## Build examples/site, run it, and fetch a page and a static file
	$(BIN)/python examples/demo.py

lint: $(VENV)/installed  ## Run ruff, mypy and import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

lock: $(VENV)/installed  ## Update the versions that CI uses
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --group dev --group docs \
	  --no-emit-package django --no-annotate --no-header --output-file .github/constraints.txt pyproject.toml

quick: $(VENV)/installed  ## Run the unit tests (30 seconds)
	$(PYTEST) --quiet -m "$(FAST)" $(UNIT)

check: lint  ## Run the linters and the fast tests, without an engine (4 minutes)
	$(PYTEST) -m "$(FAST)"

test: lint  ## Run the linters and the tests (15 minutes with an engine)
	$(PYTEST) -m "not exhaustive"

test-all: lint  ## Run everything: all samples, all Django versions, many examples
	$(PYTEST) --hypothesis-profile many

fuzz: $(VENV)/installed  ## Try thousands of mutated project files, layers and values (an hour)
	$(PYTEST) --hypothesis-profile fuzz tests/test_fuzz.py tests/test_hostile_values.py
	# atheris has no wheel for every Python and system.
	if $(BIN)/python -m pip install --quiet --only-binary :all: atheris; then \
	  for each in project layer bytes release events; do \
	    $(BIN)/python -m tests.coverage_fuzz $$each -max_total_time=600 || exit; \
	  done; \
	fi

torture: $(VENV)/installed  ## Kill each command 300 times, and let each write fail (some hours)
	$(BIN)/python -m tests.torture

bench: $(VENV)/installed  ## Compare with Django, WhiteNoise and the usual Dockerfile
	$(BIN)/python -m pip install --quiet --group bench
	$(BIN)/python benchmarks/floors.py
	$(BIN)/python benchmarks/collect.py
	$(BIN)/python benchmarks/small.py
	$(BIN)/python benchmarks/whitenoise.py
	$(BIN)/python benchmarks/scale.py
	$(BIN)/python benchmarks/layer.py
	$(BIN)/python benchmarks/usual.py
	$(BIN)/python benchmarks/plot.py docs/scale.svg

docs: $(VENV)/installed  ## Build the documentation as a site, into site/
	$(INSTALL) --group docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

man: $(VENV)/installed  ## Write the manual pages, man/*.1
	$(BIN)/python docs/man.py

pictures: $(VENV)/installed  ## Draw the pictures of the README
	$(BIN)/python docs/badges.py > docs/badges.svg
	$(BIN)/python docs/layers.py > docs/layers.svg
	$(BIN)/python docs/terminal.py > docs/build.svg

dist: $(VENV)/installed  ## Build what a release uploads, into dist/, and check it
	$(BIN)/python -m pip install --quiet --group release
	rm -rf dist
	$(BIN)/uv build --quiet
	$(BIN)/twine check --strict dist/*

clean:  ## Remove what the other targets made
	rm -rf $(VENV) build dist site .mypy_cache .pytest_cache .ruff_cache
