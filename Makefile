# Every target makes the environment it needs; Python 3.11 and make are all that must be there.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
NBVAL := --nbval-lax --nbval-current-env --nbval-cell-timeout=300 -p no:randomly

.PHONY: reports test check lab spark notebooks benchmarks format clean
.DEFAULT_GOAL := reports

$(VENV)/ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/spark: $(VENV)/ready requirements-spark.txt scripts/install_java.sh
	bash scripts/install_java.sh
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-spark.txt
	touch $@

spark: $(VENV)/spark  ## the optional Spark engine: PySpark and, where it is missing, Java 17

reports: $(VENV)/ready  ## run notebooks 01-07 and render them
	$(BIN)/reco run

test: $(VENV)/spark  ## test the package on both engines, then every notebook
	$(BIN)/python -m pytest
	$(BIN)/python -m pytest $(NBVAL) notebooks/*.ipynb

check: $(VENV)/ready  ## formatting, lint and the rules of notebooks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

lab: $(VENV)/ready  ## JupyterLab in notebooks/
	$(BIN)/jupyter lab --notebook-dir=notebooks

notebooks: $(VENV)/ready  ## refresh the committed outputs
	$(BIN)/python scripts/refresh_notebooks.py

benchmarks: $(VENV)/ready  ## speed and memory, printed as tables
	$(BIN)/python tests/benchmarks/bench_svd.py
	$(BIN)/python tests/benchmarks/bench_run.py
	$(BIN)/python tests/benchmarks/bench_unify.py

format: $(VENV)/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## forget the environment, the store and its cache; reports stay
	rm -rf $(VENV) data/store
