"""What readers see of breakdowns."""

import numpy as np
import pandas as pd
import pytest

from reco.experiments import Rate, Ratio
from reco.experiments import breakdowns as show
from reco.experiments.funnel import decompose, funnel
from reco.experiments.novelty import novelty
from reco.experiments.positions import positions
from reco.experiments.segments import WARNING, segments


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(1)
    user = np.repeat(np.arange(600), 8)
    clicked = rng.random(4800) < 0.3
    frame = pd.DataFrame({"user_id": user, "variant": np.array(list("ABC"))[user % 3], "clicked": clicked})
    frame["position"], frame["day"] = np.tile([1, 2, 3, 4], 1200), np.tile(np.arange(8), 600)
    frame["segment"] = np.array(["<b>$a$</b>", "b", "c"])[user // 3 % 3]
    ordered = clicked & (rng.random(4800) < 0.5)
    return frame.assign(ordered=ordered, revenue=ordered * rng.lognormal(3, 0.5, 4800))


@pytest.fixture
def shown(monkeypatch):
    seen = []
    monkeypatch.setattr("reco.report.display.display", seen.append)
    return seen


def test_tables_and_pictures_say_what_they_show(log, shown):
    show.show_funnel(funnel(log, ["clicked", "ordered"]))
    show.show_decomposition(decompose(log, (None, "clicked", "ordered", "revenue")))
    show.show_positions(positions(log))
    show.show_novelty(novelty(log, Ratio("clicked"), time="day"))
    show.show_segments(segments(log, "segment", Rate("clicked")), "segment")
    text = [repr(each) for each in shown]
    assert len(text) == 11 and "no verdict rests on these rates" in text[1] and "verdict" not in text[1].split("\n")[1]
    assert text[3].startswith("Lift in %: B, clicked / rows ")
    assert text[6].startswith("Differences in percentage points: B, position 1 ")
    assert "in the first day to" in text[8] and WARNING in text[9]
    html = [each._repr_html_() for each in shown if hasattr(each, "_repr_html_")]
    assert "<b>$a$" not in "".join(html) and "&lt;b&gt;$a$" in html[-1]


def test_what_has_no_logarithms_is_still_shown(log, shown):
    show.show_decomposition(decompose(log.assign(revenue=0.0), (None, "clicked", "ordered", "revenue")))
    assert len(shown) == 1 and "arm A has no revenue: no logarithm" in repr(shown[0])
