"""Pictures of what recommendations earn hold the numbers they are drawn from."""

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from reco.kpis import GLOSSARY, Rule
from reco.kpis import bridge as steps
from reco.kpis import build_or_buy as choose
from reco.report import kpis
from reco.settings import BuildOrBuy


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def moved() -> pd.DataFrame:
    columns = ["context", "impressions", "clicks", "orders", "revenue"]
    before, after = ([("cart", 1000, 100, 20, 400.0)], [("cart", 2000, 150, 30, 900.0)])
    return steps(pd.DataFrame(before, columns=columns), pd.DataFrame(after, columns=columns))


def test_bars_hang_from_one_another():
    ax = kpis.bridge_figure(moved(), "USD", "Bridge").axes[0]
    bars = ax.patches
    assert (bars[0].get_width(), bars[-1].get_width()) == (400, 900)
    ends = [400.0]
    for bar, change in zip(bars[1:-1], moved()["change"].iloc[1:-1], strict=True):
        edges = {round(bar.get_x(), 2), round(bar.get_x() + bar.get_width(), 2)}
        assert edges == {round(ends[-1], 2), round(ends[-1] + change, 2)}
        ends.append(ends[-1] + change)
    assert round(ends[-1], 2) == 900
    texts = [text.get_text() for text in ax.texts]
    assert texts[0] == "$400"
    assert texts[1].startswith("+$")
    assert texts[2].startswith(("-$", "−$"))


def test_break_evens_are_marked():
    ax = kpis.break_even_figure(choose(5_000, BuildOrBuy()), "USD").axes[0]
    assert [text.get_text() for text in ax.texts] == ["cheap to build, dear to buy: 12 months"]
    never = BuildOrBuy(saas_monthly=(100, 200))
    assert not kpis.break_even_figure(choose(5_000, never), "USD").axes[0].texts


def test_shown_in_words(capsys):
    kpis.bridge(moved(), "USD", 7, " (simulated)")
    kpis.break_even(choose(5_000, BuildOrBuy(saas_monthly=(100, 200))), "USD")
    kpis.build_or_buy(choose(5_000, BuildOrBuy()))
    kpis.notes(pd.DataFrame({"note": ["odd <b>", "fine"], "rows": [3, 0], "treatment": ["counted", "x"]}))
    kpis.glossary(GLOSSARY, Rule())
    shown = capsys.readouterr().out
    assert "speak for buying" in shown
    assert "1 further checks found nothing" in shown
    assert "fine" not in shown
    assert "recommendation clicks / recommendation impressions × 100" in shown
