"""What a ranker learns where the truth is known."""

import numpy as np
import pandas as pd
import pytest

from reco.interactions import Interactions
from reco.learned import Examples, Ranker, learn, looks, rank, train
from reco.models import make_model


def examples(customers=400, size=20, seed=0) -> Examples:
    """Candidates of which the two with the highest `telling` are taken; `noise` says nothing."""
    rng = np.random.default_rng(seed)
    row = np.repeat(np.arange(customers), size)
    table = pd.DataFrame(rng.random((len(row), 2)), columns=["noise", "telling"]).astype("float32")
    return Examples(table, row, table.groupby(row)["telling"].rank(ascending=False).to_numpy() <= 2)


def test_the_telling_feature_is_found():
    ranker, fresh = train([examples()], trees=60), examples(seed=1)
    score = pd.Series(ranker.score(fresh.features))
    best = score.groupby(fresh.row).rank(ascending=False, method="first").to_numpy() <= 2
    assert fresh.taken[best].mean() > 0.85  # by chance it would be a tenth
    gain = ranker.gain()
    assert gain.index[0] == "telling"
    assert gain["telling"] > 0.9
    assert gain.sum() == pytest.approx(1)


def test_contributions_sum_up_to_the_score():
    ranker, fresh = train([examples()], trees=20), examples(customers=5, seed=1)
    told = ranker.contributions(fresh.features)
    assert told.columns.tolist() == ["noise", "telling", "start"]
    assert told.sum(axis=1).to_numpy() == pytest.approx(ranker.score(fresh.features), rel=1e-5, abs=1e-6)
    assert told["start"].nunique() == 1


def test_words_make_the_same_ranker_again():
    ranker, fresh = train([examples()], trees=5), examples(customers=3, seed=1)
    again = Ranker.from_text(ranker.text())
    assert again.features == ["noise", "telling"]
    assert again.score(fresh.features).tolist() == ranker.score(fresh.features).tolist()
    shuffled = fresh.features[["telling", "noise"]]  # columns are found by name
    assert again.score(shuffled).tolist() == ranker.score(fresh.features).tolist()


def test_one_seed_one_ranker():
    assert train([examples()], 5, seed=3).text() == train([examples()], 5, seed=3).text()
    assert train([examples()], 5, seed=3).text() != train([examples()], 5, seed=4).text()


def test_customers_who_took_nothing_teach_nothing():
    one = examples()
    idle = Examples(one.features, one.row, np.zeros(len(one.row), bool))
    assert train([one, idle], 5).gain().to_dict() == train([one], 5).gain().to_dict()
    with pytest.raises(ValueError, match="nothing was taken"):
        train([idle], 5)


@pytest.fixture(scope="module")
def weekly() -> pd.DataFrame:
    """Customers who buy one product every week and another every third; what others have differs from both."""
    rows = []
    for customer in range(60):
        for week in range(24):
            when = pd.Timestamp("2026-01-01") + pd.Timedelta(weeks=week, hours=customer)
            items = [f"weekly-{customer % 7}"] + ([f"rare-{customer % 5}"] if week % 3 == 0 else [])
            rows += [(f"c{customer:02}", item, when, f"{customer}-{week}") for item in items]
    return pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp", "basket_id"])


def look_at(log: pd.DataFrame, week: int) -> tuple[looks.Look, pd.DataFrame]:
    """What is known before a week, and what was bought in it."""
    start = pd.Timestamp("2026-01-01") + pd.Timedelta(weeks=week)
    before, after = log[log["timestamp"] < start], log[log["timestamp"] >= start]
    x = Interactions.from_frame(before, timestamp="timestamp", basket="basket_id")
    models = {name: make_model(name).fit(x) for name in ("personal_frequency", "popularity")}
    asked_at = pd.Series(start, index=pd.Index(sorted(log["user_id"].unique())))
    return looks.look(x, models, asked_at), after[after["timestamp"] < start + pd.Timedelta(weeks=1)]


def test_what_is_due_is_learned(weekly):
    ranker = learn([look_at(weekly, week) for week in range(9, 20)], trees=30)
    due, taken = look_at(weekly, 21)  # week 21 is a third one, week 22 is not
    lists = rank(due, ranker, k=2)
    assert len(lists) == 120
    assert lists.merge(taken, on=["user_id", "item_id"]).shape[0] == 120
    assert lists["score"].dtype == "float32"


def test_lists_hold_what_they_may(weekly):
    ranker = learn([look_at(weekly, 9)], trees=5)
    seen, _ = look_at(weekly, 21)
    had = set(weekly[["user_id", "item_id"]].itertuples(index=False, name=None))
    for among, inside in (("seen", True), ("new", False)):
        lists = rank(seen, ranker, 5, among)
        assert {pair in had for pair in lists[["user_id", "item_id"]].itertuples(index=False, name=None)} == {inside}
        assert lists.groupby("user_id")["rank"].apply(list).map(lambda ranks: ranks == sorted(ranks)).all()
