"""TF-IDF against scikit-learn's own cosine."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from reco.interactions import Interactions
from reco.models import MODELS, make_model
from reco.models.content import price_bands
from tests.models.contract import RecommenderContract


class TestTFIDF(RecommenderContract):
    model = "tfidf"


class TestTFIDFOfWords(RecommenderContract):
    model = "tfidf"
    options = {"attributes": (), "price_bands": 0, "ngrams": 1}  # noqa: RUF012


PRODUCTS = pd.DataFrame(
    {
        "title": ["green tea", "black tea", "tea pot", "hand soap", None],
        "category": ["drinks", "drinks", "kitchen", "bath", "bath"],
        "brand": None,
        "size": pd.Categorical(["20 bags", "20 bags", None, None, None]),
        "price": [Decimal("2.00"), Decimal("4.50"), None, Decimal("1.10"), np.inf],
    },
    index=list("abcde"),
)
WORDS = {"attributes": (), "price_bands": 0, "ngrams": 1}
TEXTS = ["green tea drinks", "black tea drinks", "tea pot kitchen", "hand soap bath", "bath"]


def interactions(products: pd.DataFrame | None) -> Interactions:
    frame = pd.DataFrame({"user_id": list("uuvww"), "item_id": list("abcde"), "n": [1.0, 3.0, 1.0, 1.0, 1.0]})
    return Interactions.from_frame(frame, weight="n", products=products)


def vectors_of(terms: list[str]) -> np.ndarray:
    """scikit-learn's vectors where terms stand between bars."""
    return TfidfVectorizer(sublinear_tf=True, analyzer=lambda text: text.split("|")).fit_transform(terms).toarray()


def test_similar_items_have_the_cosine_of_sklearn():
    expected = cosine_similarity(TfidfVectorizer(sublinear_tf=True).fit_transform(TEXTS))
    np.fill_diagonal(expected, 0)
    x = interactions(PRODUCTS)
    similar = make_model("tfidf", **WORDS).fit(x).similar(x.items)
    assert len(similar) == (expected > 0).sum()
    cells = expected[x.columns(similar["item_id"]), x.columns(similar["similar_id"])]
    np.testing.assert_allclose(similar["score"], cells, rtol=1e-5)


def test_terms_are_words_runs_of_them_whole_values_and_price_bands():
    x = interactions(PRODUCTS)
    model = make_model("tfidf").fit(x)
    terms = [
        "green|tea|green tea|drinks|tea drinks|category: drinks|size: 20 bags|price band: 2",
        "black|tea|black tea|drinks|tea drinks|category: drinks|size: 20 bags|price band: 4",
        "tea|pot|tea pot|kitchen|pot kitchen|category: kitchen",
        "hand|soap|hand soap|bath|soap bath|category: bath|price band: 3",
        "bath|category: bath",
    ]
    assert set(model.terms) == {term for terms in terms for term in terms.split("|")}
    expected = cosine_similarity(vectors_of(terms))
    similar = model.similar(x.items)
    cells = expected[x.columns(similar["item_id"]), x.columns(similar["similar_id"])]
    np.testing.assert_allclose(similar["score"], cells, rtol=1e-5)


def test_scores_are_the_cosine_with_the_user_s_profile():
    vectors = TfidfVectorizer(sublinear_tf=True).fit_transform(TEXTS).toarray()
    profile = 1 * vectors[[0]] + 2 * vectors[[1]]  # log2(1 + 1) and log2(1 + 3)
    model = make_model("tfidf", **WORDS).fit(interactions(PRODUCTS))
    lists = model.recommend(["u"], exclude_seen=False)
    assert lists["item_id"].tolist() == ["b", "a", "c"]  # no word of d or e
    assert lists["score"].tolist() == pytest.approx(cosine_similarity(profile, vectors)[0, [1, 0, 2]], rel=1e-5)
    # each item's part of the score is its amount times its own cosine
    told = model.explain(lists.query("item_id == 'c'"), most=2)
    parts = cosine_similarity(vectors)[2, [0, 1]] * [1, 2]
    assert told["because_id"].tolist() == ["b", "a"]
    assert told["share"].tolist() == pytest.approx([parts[1] / parts.sum(), parts[0] / parts.sum()], rel=1e-5)


def test_new_events_change_the_user_s_profile_only():
    x = interactions(PRODUCTS)
    model = make_model("tfidf").fit(x)
    before = model.recommend(["u", "v"])
    model.partial_fit(pd.DataFrame({"user_id": ["w", "n"], "item_id": ["c", "d"]}))
    assert_frame_equal(model.recommend(["u", "v"]), before)
    assert model.recommend(["n"])["item_id"].tolist() == ["e"]
    assert model.recommend(["w"])["item_id"].tolist() == ["a", "b"]  # c is tea, too


def test_item_nobody_bought_is_recommended():
    frame = pd.DataFrame({"user_id": list("uv"), "item_id": list("ab"), "n": [1.0, 0.0]})
    x = Interactions.from_frame(frame, weight="n", products=PRODUCTS)
    assert make_model("tfidf").fit(x).recommend(["u"])["item_id"].tolist() == ["b"]


def test_products_in_another_order_and_more_of_them():
    more = pd.concat([PRODUCTS.iloc[::-1], pd.DataFrame({"title": ["unsold tea"]}, index=["z"])])
    x = interactions(more)
    assert make_model("tfidf").fit(x).similar(["a"])["similar_id"].tolist() == ["b", "c"]


def test_product_without_text_has_no_score():
    x = interactions(PRODUCTS.drop(index="c"))
    model = make_model("tfidf").fit(x)
    assert model.similar(["c"]).empty
    assert model.recommend(["v"], exclude_seen=False).empty


def test_terms_of_few_items_are_left_out():
    model = make_model("tfidf", min_items=2).fit(interactions(PRODUCTS))
    assert set(model.terms) == {
        *("tea", "drinks", "tea drinks", "bath"),
        *("category: drinks", "category: bath", "size: 20 bags"),
    }


def test_chosen_columns():
    model = make_model("tfidf", columns=("category", "colour"), **WORDS).fit(interactions(PRODUCTS))
    assert model.terms.tolist() == ["bath", "drinks", "kitchen"]


def test_attributes_without_any_word():
    model = make_model("tfidf", columns=("brand",)).fit(interactions(PRODUCTS))
    assert model.similar(["d"])["similar_id"].tolist() == ["e"]


def test_capitals_and_spaces_do_not_tell_brands_apart():
    products = pd.DataFrame({"brand": ["Acme Foods", " acme foods", "Acme Tools"]}, index=list("abc"))
    model = make_model("tfidf").fit(interactions(products))
    assert model.terms.tolist() == ["brand: acme foods", "brand: acme tools"]
    assert model.similar(["a"])["similar_id"].tolist() == ["b"]


def test_markup_in_titles_is_words_like_any_other():
    products = PRODUCTS.assign(title=["<script>alert(1)</script> {tea}", "tea %s \x00", "\U0001f375", "''; --", None])
    assert make_model("tfidf").fit(interactions(products)).similar(["a"])["similar_id"].tolist()[0] == "b"


def test_price_bands_are_fifths_of_each_category():
    products = pd.DataFrame({"category": ["a"] * 10 + ["b"] + [None] * 2, "price": [*range(10), 99, 1, 2]})
    assert price_bands(products, 5).tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 3, 2, 4]


def test_price_bands_know_currencies_and_prices_that_are_none():
    products = pd.DataFrame(
        {
            "category": "tea",
            "currency": ["EUR", "EUR", "JPY", "JPY", "EUR", "EUR", "EUR"],
            "price": [Decimal("1"), "2.5", 400, 500, "free", -np.inf, None],
        }
    )
    assert price_bands(products, 2).tolist() == [1, 2, 1, 2, pd.NA, pd.NA, pd.NA]


def test_products_without_prices_have_no_band():
    assert price_bands(PRODUCTS[["title"]], 5).isna().all()


@pytest.mark.parametrize("columns", [("brand",), ("colour",)])
def test_products_without_words(columns):
    with pytest.raises(ValueError, match=f"no words in 1 or more items in the products' columns {columns[0]}"):
        make_model("tfidf", columns=columns, **WORDS).fit(interactions(PRODUCTS))


@pytest.mark.parametrize("products", [None, PRODUCTS[["brand"]]])
def test_products_are_needed(products):
    x = interactions(products)
    assert "needs the products' texts" in MODELS["tfidf"].lacks(x)
    with pytest.raises(ValueError, match="tfidf: needs the products' texts"):
        make_model("tfidf").fit(x)
