"""The glossary explains every column of every table, in order, and nothing else."""

import pandas as pd
import pytest

from reco import features
from reco.features import FEATURES

END = pd.Timestamp("2018-01-01", tz="UTC")


@pytest.mark.parametrize("table", ["customers", "affinities", "products", "seasons"])
def test_every_column_is_explained(table, sample):
    columns = getattr(features, table)(sample, END, "UTC").columns
    assert columns == tuple(feature.name for feature in FEATURES if feature.table == table)


def test_no_other_table_is_explained_and_every_entry_says_something():
    assert {feature.table for feature in FEATURES} == {"customers", "affinities", "products", "seasons"}
    assert all(feature.meaning and feature.unit for feature in FEATURES)
