"""Evaluations side by side."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from reco.evaluation import Evaluation, bootstrap, evaluate, paired_difference
from reco.evaluation.leaderboard import activity, by_activity, by_products, differences, ranking, swap
from reco.interactions import Interactions

TITLES = {"one": "The one", "other": "The other"}


def evaluation(values: list[float], users: list[str] | None = None, **more: list[float]) -> Evaluation:
    users = users or [f"u{n}" for n in range(len(values))]
    per_user = pd.DataFrame({"ndcg": values, **more}, index=pd.Index(users))
    summary = pd.DataFrame(bootstrap(per_user.to_numpy()).T, index=per_user.columns, columns=["value", "low", "high"])
    return Evaluation(per_user, summary)


def test_ranking_puts_the_best_first():
    table = ranking({"one": evaluation([0.1, 0.2]), "other": evaluation([0.3, 0.4])}, TITLES)
    assert table["model"].tolist() == ["other", "one"]
    assert table["title"].tolist() == ["The other", "The one"]
    assert table["ndcg"].tolist() == pytest.approx([0.35, 0.15])
    assert table.loc[0, ["ndcg_low", "ndcg_high"]].tolist() == [0.3, 0.4]


def test_ranking_shows_what_is_asked_for():
    board = {"one": evaluation([0.1, 0.2], recall=[0.5, 0.7], map=[0.0, 1.0])}
    assert ranking(board, {}).columns.tolist() == ["model", "title", "recall", "ndcg", "ndcg_low", "ndcg_high"]
    table = ranking(board, {}, metric="map", shown=("ndcg", "recall"), intervals=True)
    bounds = [f"{name}_{bound}" for name in ("ndcg", "recall", "map") for bound in ("low", "high")]
    assert table.columns.tolist() == ["model", "title", "ndcg", "recall", "map", *bounds]
    assert table.loc[0, ["recall", "recall_low", "recall_high"]].tolist() == pytest.approx([0.6, 0.5, 0.7])


def test_ranking_of_metrics_without_interval():
    bought = pd.DataFrame({"user_id": ["a"], "rank": [1], "item_id": ["x"]})
    board = {"one": evaluate(bought, bought, Interactions.from_frame(bought))}
    table = ranking(board, {}, shown=("coverage",), intervals=True)
    assert table["coverage"].tolist() == [1]
    assert table[["coverage_low", "coverage_high"]].isna().all(axis=None)


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


def test_users_whom_one_of_both_lacks_are_left_out():
    boards = {"one": evaluation([1.0, 0.0], ["a", "b"]), "other": evaluation([0.9, 0.5], ["b", "c"])}
    assert differences(boards, "one", {}).loc[0, ["difference", "low", "high"]].tolist() == [0.9, 0.9, 0.9]


def many(gains: list[float], users: int = 400) -> dict[str, Evaluation]:
    """A base, and others that are better by a mean gain, 0.1 either way from user to user: t is 200 gains."""
    rng = np.random.default_rng(0)
    base, boards = rng.random(users), {}
    for number, gain in enumerate(gains):
        noise = stats.zscore(rng.normal(size=users), ddof=1)
        boards[f"m{number:02}"] = evaluation((base + gain + 0.1 * noise).tolist())
    return {"base": evaluation(base.tolist()), **boards}


def test_p_values_are_those_of_the_paired_t_test_corrected_by_holm():
    boards = many([0.01, 0.012, 0.0, -0.02, 0.002, 0.015])
    table = differences(boards, "base", {})
    values = [
        stats.ttest_rel(boards[name].per_user["ndcg"], boards["base"].per_user["ndcg"]).pvalue
        for name in table["model"]
    ]
    assert table["p_value"].tolist() == pytest.approx(values, rel=1e-9)
    assert table["p_adjusted"].tolist() == pytest.approx(multipletests(values, method="holm")[1].tolist(), rel=1e-9)


def test_what_one_comparison_would_call_better_is_a_tie_among_many():
    alone = differences(many([0.0125]), "base", {}).loc[0]
    assert alone["p_value"] == alone["p_adjusted"] == pytest.approx(2 * stats.t.sf(2.5, 399), rel=1e-9)
    assert alone["verdict"] == "better"
    among = differences(many([0.0125] + [0.0] * 20), "base", {}).set_index("model").loc["m00"]
    assert among["p_value"] == pytest.approx(alone["p_value"], rel=1e-9)
    assert among["p_adjusted"] == pytest.approx(21 * alone["p_value"], rel=1e-9)
    assert among["low"] > 0
    assert among["verdict"] == "tie"


@pytest.mark.parametrize(("confidence", "word"), [(0.95, "better"), (0.999, "tie")])
def test_confidence_is_that_of_interval_and_test(confidence, word):
    assert differences(many([0.0125]), "base", {}, confidence=confidence).loc[0, "verdict"] == word


def test_a_single_user_decides_nothing():
    table = differences({"one": evaluation([0.1]), "other": evaluation([0.9])}, "one", {})
    assert table.loc[0, ["p_value", "p_adjusted"]].isna().all()
    assert table.loc[0, "verdict"] == "tie"


def test_nobody_to_compare_with():
    assert differences({"one": evaluation([0.1])}, "one", {}).empty


def test_activity_in_thirds_with_new_users_apart():
    # u1 … u6 have 1 … 6 purchases
    train = pd.DataFrame([(f"u{n}", f"i{item}") for n in range(1, 7) for item in range(n)])
    x = Interactions.from_frame(train, user=0, item=1)
    board = {"one": evaluation([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.9], [*(f"u{n}" for n in range(1, 7)), "nobody"])}
    groups = activity(x, board["one"].per_user.index)
    assert groups.tolist() == ["light", "light", "medium", "medium", "heavy", "heavy", "new"]
    table = by_activity(board, x, TITLES).set_index("activity")
    assert table.index.tolist() == ["new", "light", "medium", "heavy"]
    assert table["users"].to_dict() == {"new": 1, "light": 2, "medium": 2, "heavy": 2}
    assert table["value"].to_dict() == pytest.approx({"new": 0.9, "light": 0.15, "medium": 0.35, "heavy": 0.55})
    assert table.loc["new", ["low", "high"]].tolist() == [0.9, 0.9]


def test_activity_with_fewer_users_than_thirds():
    x = Interactions.from_frame(pd.DataFrame({"user_id": ["u0"], "item_id": ["x"]}))
    table = by_activity({"one": evaluation([0.5])}, x, {})
    assert table[["activity", "users", "value"]].to_numpy().tolist() == [["light", 1, 0.5]]


def test_head_and_tail_count_those_who_took_something_of_it():
    nan = float("nan")
    board = {"one": evaluation([0.0] * 3, head_recall=[1.0, 0.5, nan], tail_recall=[nan, nan, 0.25])}
    table = by_products(board, TITLES).set_index("products")
    assert table["title"].tolist() == ["The one", "The one"]
    assert table["users"].to_dict() == {"head": 2, "tail": 1}
    assert table["value"].to_dict() == {"head": 0.75, "tail": 0.25}
    assert table.loc["head", ["low", "high"]].tolist() == [0.5, 1]


def test_who_gains_and_who_loses():
    old, new = evaluation([0.5, 0.5, 0.5, 0.5]), evaluation([0.9, 0.5, 0.1, 0.6])
    segments = pd.Series({"u1": "calm", "u0": "busy", "u2": "busy", "u9": "gone"})
    table = swap(old, new, segments).set_index("segment")
    assert table.index.tolist() == ["all", "busy", "calm"]
    assert table["users"].tolist() == [4, 2, 1]
    assert table.loc["all", ["better", "equal", "worse"]].tolist() == [0.5, 0.25, 0.25]
    assert table["change"].tolist() == pytest.approx([0.025, 0, 0])
    assert table.loc["busy", ["low", "high"]].tolist() == pytest.approx([-0.4, 0.4])
    assert table.loc["calm", ["better", "equal", "worse", "change", "low", "high"]].tolist() == [0, 1, 0, 0, 0, 0]


def test_swapping_back_turns_gains_into_losses():
    boards = many([0.02])
    segments = pd.Series(np.arange(400) % 3, index=boards["base"].per_user.index)
    there = swap(boards["base"], boards["m00"], segments)
    back = swap(boards["m00"], boards["base"], segments)
    assert there["better"].tolist() == back["worse"].tolist()
    assert there["change"].tolist() == pytest.approx((-back["change"]).tolist())
    assert there["low"].tolist() == pytest.approx((-back["high"]).tolist())
    assert there[["better", "equal", "worse"]].sum(axis=1).tolist() == pytest.approx([1, 1, 1, 1])


def test_swap_compares_users_that_both_judged():
    old, new = evaluation([0.1, 0.2], ["a", "b"]), evaluation([0.7, 0.2, 0.0], ["b", "c", "d"])
    table = swap(old, new, pd.Series({"b": "x", "c": "x"}))
    assert table["users"].tolist() == [1, 1]
    assert table["change"].tolist() == pytest.approx([0.5, 0.5])


def test_swap_keeps_the_order_of_activity():
    train = pd.DataFrame([(f"u{n}", f"i{item}") for n in range(6) for item in range(n)], columns=["user_id", "item_id"])
    users = pd.Index([f"u{n}" for n in range(6)])
    board = evaluation([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    segments = activity(Interactions.from_frame(train), users)
    assert swap(board, board, segments)["segment"].tolist() == ["all", "new", "light", "medium", "heavy"]


def test_swap_without_common_users():
    table = swap(evaluation([0.1], ["a"]), evaluation([0.1], ["b"]), pd.Series({"a": "x"}))
    assert table["users"].tolist() == [0]
    assert table[["better", "change", "low"]].isna().all(axis=None)
