"""The checks that every model passes: inherit `RecommenderContract` and name the model."""

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from scipy import sparse

from reco.interactions import Interactions
from reco.models import MODELS, Recommender, load_model, make_model

ALL = 1000  # more than there are items


def toy_frame(seed: int = 0) -> pd.DataFrame:
    """About 500 purchases of 40 users and 30 items in 160 baskets, some items much more popular than others."""
    rng = np.random.default_rng(seed)
    n = 500
    basket = np.sort(rng.integers(0, 160, n))
    return pd.DataFrame(
        {
            "user_id": [f"u{number:02}" for number in rng.permutation(160)[basket] % 40],
            "item_id": [f"i{number:02}" for number in np.minimum(rng.geometric(0.08, n), 30) - 1],
            "basket_id": [f"b{number}" for number in basket],
            "timestamp": pd.Timestamp("2026-01-01") + pd.to_timedelta(basket, unit="D"),
            "quantity": rng.integers(1, 6, n),
        }
    )


def toy_products() -> pd.DataFrame:
    """Texts of the toy items and of one more."""
    numbers = range(31)
    return pd.DataFrame(
        {
            "title": [f"{['red', 'green', 'blue'][n % 3]} {['tea', 'soap', 'bread', 'milk'][n % 4]}" for n in numbers],
            "category": [["drinks", "home", "food"][n % 3] for n in numbers],
            "brand": [["Alpine", "Coast"][n % 2] for n in numbers],
            "price": [1.0 + n % 7 for n in numbers],
            "description": None,
        },
        index=[f"i{n:02}" for n in numbers],
    )


def as_interactions(frame: pd.DataFrame) -> Interactions:
    """Interactions with everything that any model may need; what is viewed in one visit is what is then bought."""
    views = frame.rename(columns={"basket_id": "session_id"})
    return Interactions.from_frame(
        frame, timestamp="timestamp", weight="quantity", basket="basket_id", products=toy_products(), views=views
    )


class RecommenderContract:
    """Inherit and set `model`; `options` where the defaults do not suit 500 purchases.

    `update_is_exact`: after `partial_fit` the answers for changed users are those of a full fit on everything.
    """

    model: ClassVar[str]
    options: ClassVar[dict[str, Any]] = {}
    update_is_exact: ClassVar[bool] = True

    @pytest.fixture(scope="class")
    @classmethod
    def x(cls) -> Interactions:
        return as_interactions(toy_frame())

    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls, x: Interactions) -> Recommender:
        return cls.make().fit(x)

    @classmethod
    def make(cls) -> Recommender:
        return make_model(cls.model, **cls.options)

    def test_is_registered_with_title_and_defaults(self):
        assert MODELS[self.model].title
        assert make_model(self.model).name == self.model

    def test_recommend_before_fit(self):
        with pytest.raises(RuntimeError, match="call fit"):
            self.make().recommend(["u00"])

    def test_similar_before_fit(self):
        with pytest.raises(RuntimeError, match="call fit"):
            self.make().similar(["i00"])

    def test_fit_without_interactions(self):
        nothing = as_interactions(toy_frame().head(0))
        with pytest.raises(ValueError, match=f"{self.model}: no interactions"):
            self.make().fit(nothing)

    @pytest.mark.parametrize("weight", [np.nan, np.inf])
    def test_fit_on_weights_that_are_not_finite(self, weight):
        x = as_interactions(toy_frame())
        x.matrix.data[3] = weight
        with pytest.raises(ValueError, match=f"{self.model}: the matrix holds NaN or infinite"):
            self.make().fit(x)

    def test_fit_returns_the_model_and_leaves_the_interactions_alone(self, x):
        before, log = x.matrix.copy(), x.log.copy()
        model = self.make()
        assert model.fit(x) is model
        assert (x.matrix != before).nnz == 0
        assert_frame_equal(x.log, log)

    def test_second_fit_forgets_the_first(self, x, fitted):
        other = as_interactions(toy_frame(seed=1).query("user_id < 'u30' and item_id < 'i20'"))
        model = self.make().fit(other)
        model.similar(other.items)  # whatever is made when first asked for is forgotten, too
        model.fit(x)
        assert_frame_equal(model.recommend(x.users), fitted.recommend(x.users))
        assert_frame_equal(model.similar(x.items), fitted.similar(x.items))

    def test_same_seed_same_answer(self, x, fitted):
        assert_frame_equal(self.make().fit(x).recommend(x.users, k=ALL), fitted.recommend(x.users, k=ALL))

    def test_columns_and_types(self, x, fitted):
        lists, similar = fitted.recommend(x.users), fitted.similar(x.items)
        assert list(lists) == ["user_id", "rank", "item_id", "score"]
        assert list(similar) == ["item_id", "rank", "similar_id", "score"]
        for frame in (lists, similar):
            assert frame.dtypes.iloc[[0, 2]].eq(x.users.dtype).all()
            assert frame["rank"].dtype == "int64"
            assert frame["score"].dtype == "float32"
            assert frame.index.equals(pd.RangeIndex(len(frame)))

    def test_nobody_asked_nothing_answered(self, x, fitted):
        assert_frame_equal(fitted.recommend([]), fitted.recommend(x.users).head(0), check_index_type=False)
        assert_frame_equal(fitted.similar([]), fitted.similar(x.items).head(0), check_index_type=False)

    @pytest.mark.parametrize("exclude_seen", [True, False])
    def test_lists_of_users(self, x, fitted, exclude_seen):
        check_lists(fitted.recommend(x.users, ALL, exclude_seen), "user_id", "item_id", x)

    def test_lists_of_items(self, x, fitted):
        similar = fitted.similar(x.items, ALL)
        check_lists(similar, "item_id", "similar_id", x)
        assert (similar["item_id"] != similar["similar_id"]).all()

    def test_shorter_list_is_the_head_of_the_longer(self, x, fitted):
        longer = fitted.recommend(x.users, k=10).query("rank <= 3").reset_index(drop=True)
        assert_frame_equal(fitted.recommend(x.users, k=3), longer)

    def test_no_list_of_no_items(self, x, fitted):
        assert fitted.recommend(x.users, k=0).empty

    def test_excluding_seen_items_removes_just_these(self, x, fitted):
        everything = fitted.recommend(x.users, ALL, exclude_seen=False)
        unseen = fitted.recommend(x.users, ALL)
        seen = x.matrix[x.rows(everything["user_id"]), x.columns(everything["item_id"])] != 0
        expected = everything[~np.asarray(seen).ravel()].drop(columns="rank").reset_index(drop=True)
        assert_frame_equal(unseen.drop(columns="rank"), expected)

    def test_only_seen_items(self, x, fitted):
        everything = fitted.recommend(x.users, ALL, exclude_seen=False)
        has = x.matrix[x.rows(everything["user_id"]), x.columns(everything["item_id"])] != 0
        expected = everything[np.asarray(has).ravel()].drop(columns="rank").reset_index(drop=True)
        repeated = fitted.recommend(x.users, ALL, only_seen=True)
        assert_frame_equal(repeated.drop(columns="rank"), expected)
        check_lists(repeated, "user_id", "item_id", x)

    def test_several_lists_from_one_pass(self, x, fitted):
        asked = x.users if not fitted.knows_new_users else ["nobody", *x.users]
        lists = fitted.lists(asked, 5)
        assert_frame_equal(lists["all"], fitted.recommend(asked, 5, exclude_seen=False))
        assert_frame_equal(lists["new"], fitted.recommend(asked, 5))
        assert_frame_equal(lists["seen"], fitted.recommend(asked, 5, only_seen=True))

    def test_only_repeats_where_it_says_so(self, x, fitted):
        assert fitted.recommend(x.users, ALL).empty == fitted.repeats_only

    def test_ids_of_another_type(self, x, fitted):
        with pytest.raises(ValueError, match="user ids are int64, those known are str; expected one type"):
            fitted.recommend([7])
        with pytest.raises(ValueError, match="item ids are int64"):
            fitted.similar([7])

    def test_saved_and_loaded(self, x, fitted, tmp_path):
        fitted.similar(x.items)
        fitted.save(tmp_path / "model")
        loaded = load_model(tmp_path / "model")
        assert type(loaded) is type(fitted)
        assert vars(loaded).keys() == vars(fitted).keys()
        assert loaded.interactions.fingerprint == x.fingerprint
        for among, lists in fitted.lists(x.users, ALL).items():
            assert_frame_equal(loaded.lists(x.users, ALL)[among], lists)
        assert_frame_equal(loaded.similar(x.items, ALL), fitted.similar(x.items, ALL))

    def test_new_events(self, x, fitted):
        if not fitted.updates:
            with pytest.raises(NotImplementedError, match=f"{self.model}: learns by a full fit only"):
                self.make().fit(x).partial_fit(toy_frame().head(1))
            return
        frame = toy_frame()
        late = frame["timestamp"] >= frame["timestamp"].quantile(0.9)
        unknown = ~frame["item_id"].isin(frame.loc[~late, "item_id"])
        whole = as_interactions(frame[~(late & unknown)])
        visits = as_interactions(frame[~late])
        events = frame[late].rename(columns={"quantity": "weight"})
        events = pd.concat([events, events.head(1).assign(item_id="never seen")])
        model = self.make().fit(replace(visits, sessions=whole.sessions)).partial_fit(events)
        assert model.left_out == 1 + (late & unknown).sum()
        assert set(model.interactions.users) == set(whole.users)
        changed = pd.Index(sorted(set(events["user_id"])))
        check_lists(model.recommend(changed, ALL, exclude_seen=False), "user_id", "item_id", whole)
        if self.update_is_exact:
            full = self.make().fit(whole)
            for among, lists in full.lists(changed, ALL).items():
                found = model.lists(changed, ALL)[among].drop(columns="rank").sort_values(["user_id", "item_id"])
                expected = lists.drop(columns="rank").sort_values(["user_id", "item_id"])
                assert_frame_equal(found.reset_index(drop=True), expected.reset_index(drop=True), rtol=1e-4)

    def test_reasons(self, x, fitted):
        lists = fitted.recommend(x.users, 5, exclude_seen=False)
        if not fitted.explains:
            with pytest.raises(NotImplementedError, match=f"{self.model}: does not tell why"):
                fitted.explain(lists)
            return
        told = fitted.explain(lists, most=3)
        assert not told.empty
        assert list(told) == ["user_id", "item_id", "because_id", "share"]
        assert (x.matrix[x.rows(told["user_id"]), x.columns(told["because_id"])] != 0).all()
        shares = told.groupby(["user_id", "item_id"])["share"]
        assert told["share"].between(0, 1, inclusive="right").all()
        assert (shares.sum() <= 1 + 1e-6).all()
        assert (shares.diff().fillna(0) <= 1e-6).all()

    @pytest.mark.parametrize("case", ["one user", "one item", "equal weights", "repeated rows"])
    def test_small_worlds(self, case):
        frame = toy_frame()
        frame = {
            "one user": frame[frame["user_id"] == "u00"],
            "one item": frame[frame["item_id"] == "i00"],
            "equal weights": frame.assign(quantity=1),
            "repeated rows": pd.concat([frame, frame]),
        }[case]
        x = as_interactions(frame)
        try:
            model = self.make().fit(x)
        except ValueError as refused:
            assert str(refused).startswith(f"{self.model}: ")
            return
        check_lists(model.recommend(x.users, ALL, exclude_seen=False), "user_id", "item_id", x)
        check_lists(model.similar(x.items, ALL), "item_id", "similar_id", x)

    def test_a_large_catalogue_and_ten_interactions(self):
        wide = spread(as_interactions(toy_frame().head(10)), 100_000)  # squared, 40 GB
        try:
            model = self.make().fit(wide)
        except ValueError as refused:
            assert str(refused).startswith(f"{self.model}: ")
            return
        lists = model.recommend(wide.users, 5, exclude_seen=False)
        check_lists(lists, "user_id", "item_id", wide)
        bought = wide.items[wide.customers_per_item > 0]
        assert model.knows_new_items or lists["item_id"].isin(bought).all()

    def test_one_string_is_not_a_list_of_ids(self, fitted):
        with pytest.raises(TypeError, match="'u00'; put it into a list"):
            fitted.recommend("u00")

    def test_users_in_the_order_asked(self, x, fitted):
        lists = fitted.recommend(x.users[::-1], exclude_seen=False)
        answered = lists["user_id"].drop_duplicates().tolist()
        assert answered == sorted(answered, reverse=True)

    def test_unknown_user(self, x, fitted):
        asked = ["nobody", *x.users[:2]]
        lists = fitted.recommend(asked, exclude_seen=False)
        assert ("nobody" in set(lists["user_id"])) == fitted.knows_new_users
        known = lists[lists["user_id"] != "nobody"].reset_index(drop=True)
        assert_frame_equal(known, fitted.recommend(x.users[:2], exclude_seen=False))

    def test_unknown_item(self, x, fitted):
        assert_frame_equal(fitted.similar(["nothing", *x.items[:2]]), fitted.similar(x.items[:2]))

    def test_blocks_do_not_matter(self, x, fitted, monkeypatch):
        whole = fitted.recommend(x.users, ALL), fitted.similar(x.items, ALL)
        monkeypatch.setattr("reco.models.base.BLOCK", 7)
        blocks = fitted.recommend(x.users, ALL), fitted.similar(x.items, ALL)
        for expected, found in zip(whole, blocks, strict=True):
            key = list(expected.columns[[0, 2]])
            assert_frame_equal(
                found.sort_values(key)[[*key, "score"]].reset_index(drop=True),
                expected.sort_values(key)[[*key, "score"]].reset_index(drop=True),
                rtol=1e-4,
            )

    def test_returned_purchases(self):
        frame = toy_frame()
        returned = pd.DataFrame(
            {
                "user_id": ["u98", "u98", "u00", "u01"],
                "item_id": ["i00", "i00", "i30", "i30"],
                "basket_id": ["b900", "b901", "b902", "b903"],
                "timestamp": pd.Timestamp("2026-02-01"),
                "quantity": [2, -2, 0, 0],
            }
        )
        x = as_interactions(pd.concat([frame, returned], ignore_index=True))
        model = self.make().fit(x)
        lists = model.recommend(x.users, ALL, exclude_seen=False)
        check_lists(lists, "user_id", "item_id", x)
        assert ("u98" in set(lists["user_id"])) == model.knows_new_users
        assert ("i30" in set(lists["item_id"])) == model.knows_new_items
        check_lists(model.similar(x.items, ALL), "item_id", "similar_id", x)


def spread(x: Interactions, n: int) -> Interactions:
    """The same interactions in a catalogue of `n` items more, which nobody has."""
    items = pd.Index(np.char.zfill(np.arange(n).astype("str"), 7)).append(x.items)  # digits sort before letters
    matrix, sessions = (
        sparse.csr_matrix((old.data, old.indices + n, old.indptr), (old.shape[0], len(items)))
        for old in (x.matrix, x.sessions)
    )
    log = x.log.assign(item=x.log["item"] + np.int32(n))
    return Interactions(matrix, x.users, items, log, x.products.reindex(items), sessions)


def check_lists(lists: pd.DataFrame, of: str, what: str, x: Interactions) -> None:
    """Ranks from 1 without gaps, scores descending, ties by item id, nothing twice, known items only."""
    assert lists["score"].notna().all()
    assert np.isfinite(lists["score"]).all()
    assert not lists.duplicated([of, what]).any()
    assert lists[what].isin(x.items).all()
    assert (lists["rank"] == lists.groupby(of, sort=False).cumcount() + 1).all()
    expected = lists.sort_values([of, "score", what], ascending=[True, False, True])
    same_order = lists.sort_values([of, "rank"])
    assert expected[what].tolist() == same_order[what].tolist()
