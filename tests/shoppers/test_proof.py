"""A trial of the method: what it credits equals the simulator's book, and what it shows says what was found."""

import numpy as np
import pandas as pd
import pytest

from reco.report import holdout as pages
from reco.shoppers import Shopping, holdout, personal, popular, prove


@pytest.fixture(scope="module")
def proven(tastes) -> pd.DataFrame:
    settings = Shopping(seed=3, shoppers=3_000, weeks=4, returns=0.1)
    return prove(tastes, [holdout(), popular(tastes), personal(tastes)], settings)


def test_attributed_equals_the_book_to_the_cent(proven):
    assert proven["variant"].tolist() == ["popular", "personal"]
    assert (proven["attributed"] > 0).all()
    assert np.abs(proven["attributed"] - proven["booked"]).max() < 0.005


def test_intervals_are_judged_by_the_truth(proven):
    assert (proven["truth"] > 0).all()
    assert ((proven["low"] <= proven["truth"]) & (proven["truth"] <= proven["high"])).equals(proven["covered"])
    assert proven["covered"].all()  # seeded


def test_more_recommendations_that_work_add_more(tastes, proven):
    settings = Shopping(seed=3, shoppers=3_000, weeks=4, returns=0.1, order_after_click=0.0)
    without = prove(tastes, [holdout(), personal(tastes)], settings)
    assert without["truth"].item() == 0  # clicks alone add nothing
    assert without["attributed"].item() > 0  # and are credited all the same


def test_the_table_says_what_was_found(proven, capsys):
    pages.proven(proven, "USD", 0.95, 3_000)
    said = capsys.readouterr().out
    assert "to the cent what the simulator booked" in said
    assert "2 of 2 intervals hold what is true" in said
    pages.proven(proven.assign(booked=proven["booked"] + 1, covered=False), "USD", 0.95, 3_000)
    said = capsys.readouterr().out
    assert "up to 1.00 off what it booked" in said
    assert "0 of 2 intervals hold what is true" in said
    assert "does not hold it" in said
