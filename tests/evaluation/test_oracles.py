"""The same numbers as trec_eval and implicit on random rankings, and every difference that is known."""

import numpy as np
import pandas as pd
import pytest
from implicit.evaluation import ranking_metrics_at_k
from pytrec_eval import RelevanceEvaluator
from scipy import sparse

from reco.evaluation import Evaluation, evaluate_at
from reco.interactions import Interactions

USERS, ITEMS, DEPTH, KS = 60, 80, 20, (1, 5, 10, 20)

#: Our metrics by trec_eval's name for them at a cut.
CUTS = {"P": "precision", "recall": "recall", "ndcg_cut": "ndcg", "success": "hit_rate"}


def item(number: int) -> str:
    return f"i{number:02}"


def random_rankings(seed: int, most_taken: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Lists of up to `DEPTH` items, and up to `most_taken` items that each user took."""
    rng = np.random.default_rng(seed)
    lists, taken = [], []
    for user in range(USERS):
        items = rng.permutation(ITEMS)
        lists += [(f"u{user}", rank, item(n)) for rank, n in enumerate(items[: rng.integers(1, DEPTH + 1)], 1)]
        taken += [(f"u{user}", item(n)) for n in rng.choice(ITEMS, rng.integers(1, most_taken + 1), replace=False)]
    return pd.DataFrame(lists, columns=["user_id", "rank", "item_id"]), pd.DataFrame(
        taken, columns=["user_id", "item_id"]
    )


def train(users: int = 1) -> Interactions:
    pairs = [(f"u{user}", item(n)) for n in range(ITEMS) for user in range(users)]
    return Interactions.from_frame(pd.DataFrame(pairs, columns=["user_id", "item_id"]))


def trec(lists: pd.DataFrame, taken: pd.DataFrame, measures: set[str]) -> pd.DataFrame:
    """trec_eval's measures by user; scores fall with the rank, so that there are no ties."""
    wanted = {user: dict.fromkeys(part["item_id"], 1) for user, part in taken.groupby("user_id")}
    run = {
        user: dict(zip(part["item_id"], (-part["rank"]).astype(float), strict=True))
        for user, part in lists.groupby("user_id")
    }
    return pd.DataFrame.from_dict(RelevanceEvaluator(wanted, measures).evaluate(run), orient="index").sort_index()


def ours(lists: pd.DataFrame, taken: pd.DataFrame) -> dict[int, Evaluation]:
    return evaluate_at(lists, taken, train(), KS)


def same(values: pd.Series, expected: pd.Series) -> None:
    np.testing.assert_allclose(values.reindex(expected.index), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_cuts_as_trec_eval(seed):
    lists, taken = random_rankings(seed, most_taken=30)
    theirs = trec(lists, taken, {f"{name}.{','.join(map(str, KS))}" for name in CUTS})
    for k, evaluation in ours(lists, taken).items():
        for name, metric in CUTS.items():
            same(evaluation.per_user[metric], theirs[f"{name}_{k}"])


@pytest.mark.parametrize("k", KS)
def test_first_hit_as_trec_eval(k):
    lists, taken = random_rankings(3, most_taken=30)
    theirs = trec(lists[lists["rank"] <= k], taken, {"recip_rank"})  # trec_eval knows no cut of this one
    same(ours(lists, taken)[k].per_user["mrr"], theirs["recip_rank"])


def test_average_precision_as_trec_eval_where_all_that_was_taken_fits_into_the_list():
    lists, taken = random_rankings(4, most_taken=5)
    theirs = trec(lists, taken, {"map_cut.5,10,20", "map"})
    found = ours(lists, taken)
    for k in (5, 10, 20):
        same(found[k].per_user["map"], theirs[f"map_cut_{k}"])
    same(found[DEPTH].per_user["map"], theirs["map"])


def test_trec_eval_divides_average_precision_by_all_that_was_taken_where_we_divide_by_what_fits():
    lists, taken = random_rankings(5, most_taken=30)
    counts = taken.groupby("user_id").size()
    for k in (5, 10):
        theirs = trec(lists, taken, {f"map_cut.{k}"})[f"map_cut_{k}"]
        found = ours(lists, taken)[k].per_user["map"]
        assert (found > theirs + 1e-12).any()
        same(found * np.minimum(counts, k) / counts, theirs)


def test_trec_eval_breaks_ties_by_name_where_we_go_by_rank():
    lists = pd.DataFrame({"user_id": "u0", "rank": [1, 2], "item_id": ["i01", "i02"]})
    taken = pd.DataFrame({"user_id": ["u0"], "item_id": ["i01"]})
    tied = RelevanceEvaluator({"u0": {"i01": 1}}, {"recip_rank"}).evaluate({"u0": {"i01": 1.0, "i02": 1.0}})
    assert tied["u0"]["recip_rank"] == 0.5  # the higher name first
    assert ours(lists, taken)[5].per_user.loc["u0", "mrr"] == 1


def test_trec_eval_leaves_out_users_without_a_list_where_we_count_zero():
    lists, taken = random_rankings(6, most_taken=5)
    some = lists[lists["user_id"] != "u0"]
    assert "u0" not in trec(some, taken, {"ndcg_cut.10"}).index
    assert ours(some, taken)[10].per_user.loc["u0", "ndcg"] == 0


def test_trec_eval_grades_gains_where_ours_are_all_or_nothing():
    run, wanted = {"u0": {"i01": 2.0, "i02": 1.0}}, {"u0": {"i01": 1, "i02": 3}}
    graded = RelevanceEvaluator(wanted, {"ndcg_cut.5"}).evaluate(run)["u0"]["ndcg_cut_5"]
    discount = 1 / np.log2(3)
    assert graded == pytest.approx((1 + 3 * discount) / (3 + discount), rel=1e-12)
    # gains of 2^grade - 1, as web search has them, give yet another number; grades of 0 and 1 give the same in all
    assert graded != pytest.approx((1 + 7 * discount) / (7 + discount), rel=1e-3)
    lists = pd.DataFrame({"user_id": "u0", "rank": [1, 2], "item_id": ["i01", "i02"]})
    taken = pd.DataFrame({"user_id": "u0", "item_id": ["i01", "i02", "i02", "i02"]})
    assert ours(lists, taken)[5].per_user.loc["u0", "ndcg"] == 1


class Listed:
    """What implicit asks of a model: the lists, as a matrix of item numbers."""

    def __init__(self, items: np.ndarray) -> None:
        self.items = items

    def recommend(self, users: np.ndarray, *_: object, N: int, **__: object) -> tuple[np.ndarray, np.ndarray]:
        return self.items[users, :N], np.zeros((len(users), N))


def test_implicit_agrees_but_for_the_divisor_of_precision():
    _, taken = random_rankings(7, most_taken=30)
    rng = np.random.default_rng(0)
    items = np.array([rng.permutation(ITEMS)[:DEPTH] for _ in range(USERS)])
    full = pd.DataFrame(
        {
            "user_id": np.repeat([f"u{user}" for user in range(USERS)], DEPTH),
            "rank": np.tile(np.arange(1, DEPTH + 1), USERS),
            "item_id": [item(n) for n in items.ravel()],
        }
    )
    rows, columns = taken["user_id"].str[1:].astype(int), taken["item_id"].str[1:].astype(int)
    liked = sparse.csr_matrix((np.ones(len(taken), "float32"), (rows, columns)), shape=(USERS, ITEMS))
    for k, evaluation in ours(full, taken).items():
        theirs = ranking_metrics_at_k(
            Listed(items.astype("int32")), liked, liked, K=k, show_progress=False, num_threads=1
        )
        means = evaluation.summary["value"]
        assert means["ndcg"] == pytest.approx(theirs["ndcg"], rel=1e-6)
        assert means["map"] == pytest.approx(theirs["map"], rel=1e-6)
        # implicit: hits of all users / the most that were possible, min(k, taken); ours: mean over users of hits / k
        fits = np.minimum(taken.groupby("user_id").size(), k)
        hits = evaluation.per_user["precision"] * k
        assert theirs["precision"] == pytest.approx(hits.sum() / fits.sum(), rel=1e-6)
        if k > 1:
            assert means["precision"] < theirs["precision"]
