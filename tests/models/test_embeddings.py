"""Sentence embeddings with a stand-in for the encoder; the real one where it is installed."""

import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.metrics.pairwise import cosine_similarity

from reco.interactions import Interactions
from reco.models import MODELS, embeddings, make_model
from tests.models.contract import RecommenderContract, as_interactions, toy_frame

INSTALLED = all(map(find_spec, embeddings.PACKAGES))


def stand_in(texts: list[str]) -> np.ndarray:
    """Counts of words in 64 places, of length 1."""
    return HashingVectorizer(n_features=64, alternate_sign=False, dtype=np.float32).transform(texts).toarray()


@pytest.fixture(scope="class")
def encoder():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(embeddings, "PACKAGES", ())
        patch.setattr(embeddings, "load_encoder", lambda: stand_in)
        yield


@pytest.mark.usefixtures("encoder")
class TestSentenceEmbeddings(RecommenderContract):
    model = "sentence_embeddings"


PRODUCTS = pd.DataFrame({"title": ["green tea", "black tea", "green tea", "hand soap", None]}, index=list("abcde"))


def interactions(products: pd.DataFrame | None) -> Interactions:
    frame = pd.DataFrame({"user_id": list("uuvw"), "item_id": list("abde"), "n": [1.0, 3.0, 1.0, 1.0]})
    frame.loc[len(frame)] = ["v", "c", 1.0]
    return Interactions.from_frame(frame, weight="n", products=products)


@pytest.mark.usefixtures("encoder")
class TestVectors:
    def test_cosines(self):
        similar = make_model("sentence_embeddings", centred=False).fit(interactions(PRODUCTS)).similar(["a", "e"])
        assert similar["similar_id"].tolist() == ["c", "b"]  # e has no text
        assert similar["score"].tolist() == pytest.approx([1, 1 / 2], rel=1e-6)

    def test_what_all_items_have_in_common_does_not_count(self):
        x = interactions(PRODUCTS)
        model = make_model("sentence_embeddings").fit(x)
        vectors = stand_in(PRODUCTS["title"].tolist()[:4]).astype("float64")  # one of four twice, one without text
        vectors -= vectors.mean(axis=0)
        expected = cosine_similarity(vectors)
        similar = model.similar(x.items)
        cells = expected[x.columns(similar["item_id"]), x.columns(similar["similar_id"])]
        assert len(similar) == 4 * 3
        assert similar["score"].to_numpy() == pytest.approx(cells, rel=1e-5)

    def test_items_that_are_all_the_same(self):
        model = make_model("sentence_embeddings").fit(interactions(PRODUCTS.assign(title="tea")))
        assert model.similar(["a"]).empty
        assert model.recommend(["u"]).empty

    def test_profiles_and_reasons(self):
        model = make_model("sentence_embeddings", centred=False).fit(interactions(PRODUCTS))
        a, b, _, _ = (row.astype("float64") for row in stand_in(PRODUCTS["title"].tolist()[:4]))
        profile = a + 2 * b  # log2(1 + 1) and log2(1 + 3)
        lists = model.recommend(["u"])
        assert lists["item_id"].tolist() == ["c"]
        assert lists["score"].item() == pytest.approx(profile @ a / np.linalg.norm(profile), rel=1e-6)
        told = model.explain(lists, most=2)
        assert told["because_id"].tolist() == ["a", "b"]  # 1 * 1 and 2 * 1/2: a tie
        assert told["share"].tolist() == pytest.approx([1 / 2, 1 / 2], rel=1e-6)

    def test_a_text_is_encoded_once(self, monkeypatch):
        asked = []
        monkeypatch.setattr(embeddings, "load_encoder", lambda: lambda texts: asked.extend(texts) or stand_in(texts))
        model = make_model("sentence_embeddings").fit(interactions(PRODUCTS))
        assert asked == ["green tea", "black tea", "hand soap"]
        assert model.vectors.shape == (4, 64)

    def test_products_without_words(self):
        with pytest.raises(ValueError, match="no words in the products' columns brand"):
            make_model("sentence_embeddings", columns=("brand",)).fit(interactions(PRODUCTS))

    def test_products_are_needed(self):
        with pytest.raises(ValueError, match="sentence_embeddings: needs the products' texts"):
            make_model("sentence_embeddings").fit(interactions(None))


def test_packages_that_are_missing(monkeypatch):
    monkeypatch.setattr(embeddings, "PACKAGES", ("no_such_package",))
    x = as_interactions(toy_frame())
    lacks = "needs sentence embeddings; install them with: make embeddings"
    assert MODELS["sentence_embeddings"].lacks(x) == lacks
    with pytest.raises(ValueError, match=f"sentence_embeddings: {lacks}"):
        make_model("sentence_embeddings").fit(x)


def test_models_import_without_torch():
    code = "import reco.models, sys; print('torch' in sys.modules or 'sentence_transformers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


if INSTALLED:  # the optional packages

    def test_meaning_counts_more_than_words():
        products = pd.DataFrame({"title": ["cola", "soft drink", "shampoo", "lemonade"]}, index=list("abde"))
        model = make_model("sentence_embeddings").fit(interactions(products))
        assert model.vectors.shape == (5, 384)
        assert np.linalg.norm(model.vectors[1:], axis=1) == pytest.approx(np.ones(4), rel=1e-5)
        assert model.similar(["b"])["similar_id"].tolist()[-1] == "d"
