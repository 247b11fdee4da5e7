"""Spark on a handful of rows: what makes long jobs fast would take longer than the jobs."""

import os
from typing import Final

OPTIONS: Final = (
    "spark.sql.codegen.wholeStage=false",  # compiling a plan to bytecode
    "spark.sql.codegen.factoryMode=NO_CODEGEN",
    "spark.sql.adaptive.enabled=false",  # planning anew after every stage
    "spark.sql.ui.explainMode=simple",  # writing plans down for a page that nobody opens
)
JAVA: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # compiling the same to faster machine code

os.environ.setdefault(
    "PYSPARK_SUBMIT_ARGS",
    " ".join(f"--conf {option}" for option in OPTIONS) + f" --driver-java-options '{JAVA}' pyspark-shell",
)
