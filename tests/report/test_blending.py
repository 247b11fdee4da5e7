"""What notebook 03 shows of blends: the numbers given, and words where there are none."""

import pandas as pd
import pytest

from reco.report import blending, display, learned
from reco.settings import Hybrid


@pytest.fixture
def shown(monkeypatch) -> list:
    """What is displayed, in order."""
    things: list = []
    monkeypatch.setattr(display, "display", things.append)
    return things


def test_gains_say_what_is_left_out(shown):
    table = pd.DataFrame({"feature": ["Price", "Times bought", "Due"], "gain": [0.5, 0.3, 0.2]})
    learned.gains(table, "Gains", most=2)
    assert "Price has 50% of the gain, all features not shown 20%." in repr(shown[0])


def test_two_parts_make_no_triangle(shown):
    blending.ternaries({"new": pd.DataFrame({"a": [1.0], "b": [0.0], "ndcg": [0.1]})}, {"a": 0.5, "b": 0.5}, 10)
    assert "2 parts make no triangle" in repr(shown[0])


def test_weights_of_contexts_or_none(shown):
    blending.contexts(Hybrid(), {})
    assert "No context has weights of its own" in repr(shown[0])
    own = {"email": {"collaborative": 0.7, "content": 0.2, "rules": 0.1}}
    blending.contexts(Hybrid(contexts=own), {"email": "E-mail"})
    assert "E-mail" in repr(shown[1])
    assert "70%" in repr(shown[1])
