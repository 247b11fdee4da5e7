#!/usr/bin/env bash
# Let Airflow's own DagBag import the DAG that `reco schedule airflow` prints: make airflow
#
# In an environment that goes away afterwards, since Airflow brings hundreds of packages. AIRFLOW names another version,
# such as 2.11.2. Its published constraints are used where they can be reached.
set -euo pipefail
reco=${1:?"expected the program reco, such as .venv/bin/reco"}
python=${2:-python3.11}
version=${AIRFLOW:-3.3.2}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$reco" schedule airflow --at 05:07 --out "$folder/dags"

"$python" -m venv "$folder/venv"
constraints="https://raw.githubusercontent.com/apache/airflow/constraints-$version/constraints-3.11.txt"
limits=()
if curl --silent --fail --max-time 20 --output "$folder/constraints.txt" "$constraints"; then
    limits=(--constraint "$folder/constraints.txt")
else
    echo "The constraints of Airflow $version cannot be reached; its packages are the newest that fit."
fi
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check "apache-airflow==$version" "${limits[@]}"

export AIRFLOW_HOME="$folder/home" AIRFLOW__CORE__LOAD_EXAMPLES=False AIRFLOW__CORE__DAGS_FOLDER="$folder/dags"
"$folder/venv/bin/airflow" db migrate >"$folder/migrate.log" 2>&1 || { cat "$folder/migrate.log"; exit 1; }
"$folder/venv/bin/python" - "$folder/dags" <<'PYTHON'
import inspect
import sys

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # before 3.2
    from airflow.models.dagbag import DagBag
import airflow

# before 3.3, examples are left out by an argument, since then by the settings alone
more = {"include_examples": False} if "include_examples" in inspect.signature(DagBag).parameters else {}
bag = DagBag(dag_folder=sys.argv[1], **more)
assert not bag.import_errors, bag.import_errors
[dag] = bag.dags.values()
assert dag.dag_id.startswith("reco-"), dag.dag_id
assert [task.task_id for task in dag.tasks] == ["run"], dag.tasks
assert dag.max_active_runs == 1 and dag.catchup is False
schedule = getattr(dag, "schedule", None) or dag.schedule_interval
assert "7 5 * * *" in str(schedule), schedule
print(f"Airflow {airflow.__version__}: DagBag imported {dag.dag_id}, schedule {schedule}, task run, no import error")
PYTHON
