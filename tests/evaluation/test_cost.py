"""What a model costs."""

import numpy as np
import pytest

from reco.evaluation.cost import measured, size
from reco.models import MODELS, make_model
from tests.models.contract import as_interactions, toy_frame


def test_time_and_memory_of_a_call():
    numbers, cost = measured(lambda: np.ones(20_000_000))
    assert len(numbers) == 20_000_000
    assert cost.seconds > 0
    assert cost.memory == pytest.approx(160e6, rel=0.2)


def test_a_call_that_fails_fails():
    with pytest.raises(ZeroDivisionError):
        measured(lambda: 1 / 0)


def test_size_of_factors():
    x = as_interactions(toy_frame())
    model = make_model("als", factors=8).fit(x)
    assert size(model) >= (len(x.users) + len(x.items)) * 8 * 4
    assert size(model) < 10_000  # without the interactions


@pytest.mark.parametrize("model", ["popularity", "item_knn", "association_rules"])
def test_what_was_learned_has_a_size(model):
    fitted = MODELS[model]().fit(as_interactions(toy_frame()))
    assert size(fitted) > 0
