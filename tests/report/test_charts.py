"""Pictures show the numbers they are given, in order, and live with missing ones."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from reco.report import charts

pytestmark = pytest.mark.filterwarnings("error")

FRAME = pd.DataFrame(
    {
        "name": ["best", "next", "unknown"],
        "value": [0.3, 0.2, np.nan],
        "low": [0.2, 0.1, np.nan],
        "high": [0.4, 0.3, np.nan],
        "target": [0.25, 0.25, 0.25],
    }
)


@pytest.fixture(autouse=True)
def _closed_afterwards():
    yield
    plt.close("all")


def labels(axis) -> list[str]:
    return [tick.get_text() for tick in axis.get_ticklabels()]


def test_dots_with_the_first_on_top():
    ax = charts.dots(FRAME, "name", "value", "low", "high", "Title", "NDCG").axes[0]
    ax.figure.canvas.draw()
    assert dict(zip(labels(ax.yaxis), ax.get_yticks(), strict=True)) == {"best": 2, "next": 1, "unknown": 0}
    assert ax.lines[0].get_xdata()[:2].tolist() == [0.3, 0.2]
    assert ax.collections[0].get_segments()[0].tolist() == [[0.2, 2], [0.4, 2]]
    assert ax.get_xlim()[0] == 0
    assert (ax.get_title(loc="left"), ax.get_xlabel()) == ("Title", "NDCG")


def test_dots_left_of_zero_are_seen():
    assert charts.dots(FRAME.assign(low=-0.1), "name", "value", "low", "high", "", "").axes[0].get_xlim()[0] <= -0.1


def test_dots_beside_a_reference_in_percent():
    ax = charts.dots(FRAME, "name", "value", "low", "high", "", "", percent=True, reference="target").axes[0]
    assert ax.lines[1].get_xdata().tolist() == [0.25] * 3
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["target"]
    assert ax.xaxis.get_major_formatter()(0.25) == "25%"


def test_dots_of_nothing():
    fig = charts.dots(FRAME.head(0), "name", "value", "low", "high", "", "")
    fig.canvas.draw()
    assert fig.axes[0].get_yticklabels() == []


@pytest.mark.parametrize(("percent", "text"), [(True, "25%"), (False, "0")])
def test_bars_with_their_values(percent, text):
    ax = charts.bars(["a", "b"], [0.25, 0.5], "", "", percent).axes[0]
    assert [bar.get_width() for bar in ax.patches] == [0.25, 0.5]
    assert ax.patches[0].get_y() > ax.patches[1].get_y()
    assert ax.texts[0].get_text() == text


def test_lines_with_limits_and_bands():
    series = {"fresh": [1.0, 2.0, np.nan], "old": [0.5, 1.0, 1.5]}
    bands = {"old": ([0.4, 0.9, 1.4], [0.6, 1.1, 1.6])}
    ax = charts.lines([-2, -1, 0], series, "", "week", limits={"act": 3.0}, bands=bands).axes[0]
    ax.figure.canvas.draw()
    assert ax.lines[1].get_ydata().tolist() == [0.5, 1.0, 1.5]
    assert ax.lines[2].get_ydata() == [3.0, 3.0]
    assert ax.texts[0].get_text() == "act"
    assert ax.get_ylim()[0] == 0
    assert len(ax.collections) == 1
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["fresh", "old"]


def test_single_line_needs_no_legend():
    assert charts.lines([1, 2], {"one": [1, 2]}, "", "").axes[0].get_legend() is None


def test_a_triangle_of_shares():
    shares = pd.DataFrame(
        {"a": [1.0, 0, 0, 0.5], "b": [0.0, 1, 0, 0.5], "c": [0.0, 0, 1, 0], "ndcg": [0.1, 0.2, 0.3, 0.4]}
    )
    ax = charts.ternary(shares, "ndcg", "NDCG", {"best": [0.5, 0.5, 0]}).axes[0]
    trials, outline, best = ax.lines
    assert trials.get_xydata() == pytest.approx(np.array([[0, 0], [1, 0], [0.5, 0.75**0.5], [0.5, 0]]), abs=1e-12)
    assert outline.get_xydata()[0].tolist() == outline.get_xydata()[-1].tolist() == [0, 0]
    assert (best.get_label(), best.get_xydata().tolist()) == ("best", [[0.5, 0]])
    corners = {text.get_text(): text.xy for text in ax.texts}
    assert corners == {"all a": (0, 0), "all b": (1, 0), "all c": (0.5, 0.75**0.5)}
