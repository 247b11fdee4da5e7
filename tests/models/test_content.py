"""TF-IDF against scikit-learn's own cosine."""

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from reco.interactions import Interactions
from reco.models import make_model
from tests.models.contract import RecommenderContract


class TestTFIDF(RecommenderContract):
    model = "tfidf"


PRODUCTS = pd.DataFrame(
    {
        "title": ["green tea", "black tea", "tea pot", "hand soap", None],
        "category": ["drinks", "drinks", "kitchen", "bath", "bath"],
        "brand": None,
        "size": pd.Categorical(["20 bags", "20 bags", None, None, None]),
    },
    index=list("abcde"),
)
TEXTS = ["green tea drinks 20 bags", "black tea drinks 20 bags", "tea pot kitchen", "hand soap bath", "bath"]


def interactions(products: pd.DataFrame | None) -> Interactions:
    frame = pd.DataFrame({"user_id": list("uuvww"), "item_id": list("abcde"), "n": [1.0, 3.0, 1.0, 1.0, 1.0]})
    return Interactions.from_frame(frame, weight="n", products=products)


def test_similar_items_have_the_cosine_of_sklearn():
    vectors = TfidfVectorizer(sublinear_tf=True).fit_transform(TEXTS)
    expected = cosine_similarity(vectors)
    np.fill_diagonal(expected, 0)
    x = interactions(PRODUCTS)
    similar = make_model("tfidf").fit(x).similar(x.items)
    assert len(similar) == (expected > 0).sum()
    cells = expected[x.columns(similar["item_id"]), x.columns(similar["similar_id"])]
    np.testing.assert_allclose(similar["score"], cells, rtol=1e-5)


def test_scores_are_the_cosine_with_the_user_s_profile():
    vectors = TfidfVectorizer(sublinear_tf=True).fit_transform(TEXTS).toarray()
    profile = 1 * vectors[[0]] + 2 * vectors[[1]]  # log2(1 + 1) and log2(1 + 3)
    lists = make_model("tfidf").fit(interactions(PRODUCTS)).recommend(["u"], exclude_seen=False)
    assert lists["item_id"].tolist() == ["b", "a", "c"]  # no word of d or e
    assert lists["score"].tolist() == pytest.approx(cosine_similarity(profile, vectors)[0, [1, 0, 2]], rel=1e-5)


def test_products_in_another_order_and_more_of_them():
    more = pd.concat([PRODUCTS.iloc[::-1], pd.DataFrame({"title": ["unsold tea"]}, index=["z"])])
    x = interactions(more)
    assert make_model("tfidf").fit(x).similar(["a"])["similar_id"].tolist() == ["b", "c"]


def test_product_without_text_has_no_score():
    x = interactions(PRODUCTS.drop(index="c"))
    model = make_model("tfidf").fit(x)
    assert model.similar(["c"]).empty
    assert model.recommend(["v"], exclude_seen=False).empty


def test_runs_of_words():
    model = make_model("tfidf", ngrams=2).fit(interactions(PRODUCTS))
    assert "green tea" in model.vectorizer.get_feature_names_out()


def test_chosen_columns():
    model = make_model("tfidf", columns=("category", "colour")).fit(interactions(PRODUCTS))
    assert model.vectorizer.get_feature_names_out().tolist() == ["bath", "drinks", "kitchen"]


@pytest.mark.parametrize("columns", [("brand",), ("colour",)])
def test_products_without_words(columns):
    with pytest.raises(ValueError, match=f"no words in the products' columns {columns[0]}"):
        make_model("tfidf", columns=columns).fit(interactions(PRODUCTS))


def test_products_are_needed():
    with pytest.raises(ValueError, match="needs the products' texts"):
        make_model("tfidf").fit(interactions(None))
