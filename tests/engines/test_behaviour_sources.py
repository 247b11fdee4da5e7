"""DuckDB and Spark make the same rows of behaviour, from the same files."""

import pyspark
import pytest

from tests.sources.exports import SAMPLES, unified, values

SOURCES = {
    "ga4": {"events": "events_*.jsonl", "purchases": "orders", "recommendation_lists": {"rec_home": "homepage"}},
    "klaviyo": {
        "events": ["events_*.json", "archive_v1.jsonl"],
        "metrics": "metrics.json",
        "profiles": "profiles.json",
        "profiles_csv": "profiles.csv",
        "personalization_property": "Likes recommendations",
    },
    "mailchimp": {"audience": "*.csv", "activity": "email_activity*"},
}


@pytest.mark.parametrize("kind", SOURCES)
def test_both_engines_make_the_same_rows(kind, tmp_path):
    assert pyspark.__version__.startswith("4.")
    duckdb, spark = (
        unified(kind, SAMPLES / kind, tmp_path, engine=engine, **SOURCES[kind]) for engine in ("duckdb", "spark")
    )
    assert duckdb.keys() == spark.keys()
    for name, rows in duckdb.items():
        found = values(spark[name], *rows.columns)
        assert found
        assert found == values(rows, *rows.columns), name
