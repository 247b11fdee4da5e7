"""Evaluations side by side."""

import numpy as np
import pandas as pd
import pytest

from reco.evaluation import Evaluation, bootstrap, paired_difference
from reco.evaluation.leaderboard import by_activity, differences, ranking
from reco.interactions import Interactions

TITLES = {"one": "The one", "other": "The other"}


def evaluation(values: list[float], users: list[str] | None = None) -> Evaluation:
    per_user = pd.DataFrame({"ndcg": values}, index=pd.Index(users or [f"u{n}" for n in range(len(values))]))
    summary = pd.DataFrame(bootstrap(per_user.to_numpy()).T, index=["ndcg"], columns=["value", "low", "high"])
    return Evaluation(per_user, summary)


def test_ranking_puts_the_best_first():
    table = ranking({"one": evaluation([0.1, 0.2]), "other": evaluation([0.3, 0.4])}, TITLES)
    assert table["model"].tolist() == ["other", "one"]
    assert table["title"].tolist() == ["The other", "The one"]
    assert table["ndcg"].tolist() == pytest.approx([0.35, 0.15])
    assert table.loc[0, ["ndcg_low", "ndcg_high"]].tolist() == [0.3, 0.4]


def test_ties_in_the_ranking_go_by_name():
    boards = {name: evaluation([0.5, 0.5]) for name in ("c", "a", "b")}
    assert ranking(boards, {})["model"].tolist() == ["a", "b", "c"]


def test_differences_are_from_the_others_point_of_view():
    rng = np.random.default_rng(0)
    base, better = rng.random(100), rng.random(100)
    better = base + 0.1 + 0.01 * better
    boards = {"base": evaluation(base.tolist()), "up": evaluation(better.tolist()), "same": evaluation(base.tolist())}
    table = differences(boards, "base", {}, seed=4)
    assert table["model"].tolist() == ["up", "same"]
    assert table["verdict"].tolist() == ["better", "tie"]
    assert table.loc[0, ["difference", "low", "high"]].tolist() == pytest.approx(
        list(paired_difference(better, base, seed=4))
    )
    assert differences(boards, "up", {})["verdict"].tolist() == ["worse", "worse"]


def test_differences_pair_users_by_id_and_not_by_place():
    boards = {"one": evaluation([1.0, 0.0], ["a", "b"]), "other": evaluation([0.0, 1.0, 0.3], ["b", "a", "c"])}
    assert differences(boards, "one", {}).loc[0, ["difference", "low", "high"]].tolist() == [0, 0, 0]


def test_activity_in_thirds_with_new_users_apart():
    # u1 … u6 have 1 … 6 purchases
    train = pd.DataFrame([(f"u{n}", f"i{item}") for n in range(1, 7) for item in range(n)])
    x = Interactions.from_frame(train, user=0, item=1)
    board = {"one": evaluation([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.9], [*(f"u{n}" for n in range(1, 7)), "nobody"])}
    table = by_activity(board, x, TITLES).set_index("activity")
    assert table["users"].to_dict() == {"new": 1, "light": 2, "medium": 2, "heavy": 2}
    assert table["value"].to_dict() == pytest.approx({"new": 0.9, "light": 0.15, "medium": 0.35, "heavy": 0.55})
    assert table.loc["new", ["low", "high"]].tolist() == [0.9, 0.9]


def test_activity_with_fewer_users_than_thirds():
    x = Interactions.from_frame(pd.DataFrame({"user_id": ["u0"], "item_id": ["x"]}))
    table = by_activity({"one": evaluation([0.5])}, x, {})
    assert table[["activity", "users", "value"]].to_numpy().tolist() == [["light", 1, 0.5]]
