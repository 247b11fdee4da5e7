"""The partial sort, the default similarity and the registry."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from reco.interactions import Interactions
from reco.models import make_model
from reco.models.base import top_k

# few distinct values, so that ties are the rule
SCORES = hnp.arrays(
    st.sampled_from(["float32", "float64"]),
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=12),
    elements=st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 1.0, 2.5, np.inf, np.nan]),
)


@given(SCORES, st.integers(0, 15))
def test_top_k_is_the_head_of_a_full_sort(scores, k):
    expected = []
    for row, values in enumerate(scores):
        best = sorted((-value, column) for column, value in enumerate(values) if value > -np.inf)
        expected += [(row, column) for _, column in best[:k]]
    rows, columns = top_k(scores, k)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == expected


def test_top_k_leaves_the_scores_alone():
    scores = np.array([[1.0, np.nan, 2.0]], "float32")
    top_k(scores, 2)
    np.testing.assert_array_equal(scores, [[1, np.nan, 2]])


def test_similar_is_the_cosine_of_who_bought():
    frame = pd.DataFrame({"user_id": list("aabbc"), "item_id": list("xyxyx")})
    similar = make_model("popularity").fit(Interactions.from_frame(frame)).similar(["x"])
    assert similar["similar_id"].tolist() == ["y"]
    assert similar["score"].tolist() == pytest.approx([2 / np.sqrt(3 * 2)])


def test_failed_fit_leaves_nothing_half_learned():
    frame = pd.DataFrame({"user_id": ["a"], "item_id": ["x"], "ts": pd.Timestamp("2026-01-01")})
    model = make_model("trending").fit(Interactions.from_frame(frame, timestamp="ts"))
    with pytest.raises(ValueError, match="timestamp"):
        model.fit(Interactions.from_frame(frame))
    with pytest.raises(RuntimeError, match="call fit"):
        model.recommend(["a"])


def test_unknown_model():
    with pytest.raises(ValueError, match=r"no model 'magic'; expected one of .*popularity"):
        make_model("magic")


def test_unknown_option():
    with pytest.raises(ValueError, match="'als' has no option 'factor'; expected one of factors"):
        make_model("als", factor=3)
