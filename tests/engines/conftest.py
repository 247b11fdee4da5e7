"""Spark on a handful of rows: compiling a plan to bytecode would take longer than running it."""

import os

OPTIONS = ("spark.sql.codegen.wholeStage=false", "spark.sql.codegen.factoryMode=NO_CODEGEN")

os.environ.setdefault("PYSPARK_SUBMIT_ARGS", " ".join(f"--conf {option}" for option in OPTIONS) + " pyspark-shell")
