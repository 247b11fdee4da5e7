# Every target makes the environment it needs; Python 3.11 and make are all that must be there.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
# Modules are compiled when first imported, and kept: most of an environment's never are.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile
NBVAL = --nbval-lax --nbval-current-env --nbval-cell-timeout=600 -p no:randomly \
	--numprocesses=$(WORKERS) --dist=loadfile
# Test files run side by side, each worker with one thread; two cores take three, since many tests wait: for kernels,
# servers, browsers and what another worker builds.
WORKERS ?= 3
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
# The notebooks that take longest begin, so that the workers end together.
LONG := $(wildcard notebooks/03_*.ipynb notebooks/06_*.ipynb notebooks/02_*.ipynb)
TESTED := $(LONG) $(filter-out $(LONG),$(wildcard notebooks/0*.ipynb))

# Notebooks are tested without the optional models, as `make reports` runs them in the environment that it makes.
NOT_OPTIONAL := RECO_COMPARISON__DEEP=never RECO_COMPARISON__LEAVE_OUT='["sentence_embeddings"]'

# And with fewer trees: what they learn is tested by the package's own tests.
SMALL := RECO_HYBRID__LEARNED='{"looks": 1, "trees": 60, "named": 20}'

.PHONY: reports test test-package test-notebooks check calibrate lab spark deep embeddings notebooks benchmarks format clean airflow
.DEFAULT_GOAL := reports

$(VENV)/ready: requirements.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PIP) --requirement requirements.txt
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/spark: $(VENV)/ready requirements-spark.txt scripts/install_java.sh
	bash scripts/install_java.sh
	$(PIP) --requirement requirements-spark.txt
	touch $@

spark: $(VENV)/spark  ## the optional Spark engine: PySpark and, where it is missing, Java 17

$(VENV)/deep: $(VENV)/ready requirements-deep.txt
	$(PIP) --requirement requirements-deep.txt
	touch $@

deep: $(VENV)/deep  ## the optional deep models: PyTorch

$(VENV)/embeddings: $(VENV)/deep requirements-embeddings.txt
	$(PIP) --requirement requirements-embeddings.txt
	touch $@

embeddings: $(VENV)/embeddings  ## the optional sentence embeddings

# Debian's packages come while pip works. RecBole, as others here, is there without all that it needs to run.
$(VENV)/test: $(VENV)/ready $(wildcard requirements-*.txt scripts/install_*.sh)
	{ bash scripts/install_java.sh && bash scripts/install_chromium.sh && bash scripts/install_redis.sh; } & \
	$(PIP) $(addprefix --requirement requirements-,spark.txt deep.txt embeddings.txt) && \
	$(PIP) --no-deps --requirement requirements-test.txt && wait $$!
	touch $(addprefix $(VENV)/,spark deep embeddings) $@

airflow: $(VENV)/ready  ## let Airflow import the DAG of `reco schedule airflow`, in an environment that goes away
	bash scripts/check_airflow.sh $(BIN)/reco $(PYTHON)

# Exit code 4: published, with alerts that somebody should look at.
reports: $(VENV)/ready  ## run notebooks 01-07 and render them
	$(BIN)/reco run || [ $$? -eq 4 ]

test: test-package test-notebooks  ## test the package on both engines, then every notebook

test-package: $(VENV)/test  ## the package alone
	$(ONE_THREAD) $(BIN)/python -m pytest -p no:nbval --numprocesses=$(WORKERS) --dist=loadfile

test-notebooks: $(VENV)/test  ## the notebooks alone, as `make reports` runs them
	$(NOT_OPTIONAL) $(SMALL) $(ONE_THREAD) $(BIN)/python -m pytest $(NBVAL) $(TESTED)

calibrate: $(VENV)/ready  ## error rates and coverage of the tests over 20,000 simulated experiments
	$(ONE_THREAD) $(BIN)/python -m reco.experiments.calibration

check: $(VENV)/ready  ## formatting, lint and the rules of notebooks
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

lab: $(VENV)/ready  ## JupyterLab, with the map of the workbook open
	$(BIN)/jupyter lab --ServerApp.root_dir=. --LabApp.default_url=/lab/tree/notebooks/start.ipynb

notebooks: $(VENV)/ready  ## refresh the committed outputs
	$(BIN)/python scripts/refresh_notebooks.py

# RecTools would change the environment: its benchmark says how to run it in one of its own.
benchmarks: $(VENV)/test  ## speed and memory, printed as tables
	for one in $(filter-out %_rectools.py,$(wildcard tests/benchmarks/bench_*.py)); do $(BIN)/python $$one || exit 1; done

format: $(VENV)/ready  ## formatting, and the parameters cell of each notebook as its model has it
	$(BIN)/python scripts/write_parameters.py
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## forget the environment, the store and its cache; reports stay
	rm -rf $(VENV) data/store
