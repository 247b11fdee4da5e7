"""Every figure that is computed is explained, and captions carry the window and the counts."""

import pandas as pd
import pytest

from reco.errors import InputError
from reco.kpis import GLOSSARY, Pay, Rule, caption, explain, formats, rates, rule_of
from reco.report.text import Format
from reco.settings import Kpis

FIGURES = {
    *rates(pd.DataFrame({"impressions": [1], "clicks": [1], "orders": [1], "revenue": [1.0]})).columns,
    *Pay._fields,
    "relevance", "novelty", "serendipity", "coverage", "diversity", "add_to_cart_rate",
    "average_order_value", "units_per_order", "orders_per_impression", "lift", "incremental",
}  # fmt: skip


def test_every_figure_is_explained():
    plain = {name for name in FIGURES if not name.endswith(("_low", "_high"))}
    assert plain - set(GLOSSARY) == {"attributed_revenue", "all_revenue", "cost"}  # named by what they are


def test_units_are_formats():
    for spec in formats(GLOSSARY, "USD").values():
        assert Format.parse(spec)(1.0)


def test_captions_tell_the_rule_where_orders_count():
    text = caption(["ctr", "conversion", "lift"], Rule(30, "first"), 56, impressions=1000, order_lines=20)
    assert "for the first click of its customer on the same product within 30 days" in text
    assert "Revenue lift counts from each customer's assignment on." in text
    assert text.endswith("56 days; 1,000 impressions, 20 order lines.")
    assert "credit" not in caption(["ctr"], Rule(), 56)


def test_unknown_figure():
    with pytest.raises(InputError, match="no 'luck' in the glossary"):
        explain(["luck"], Rule())


def test_table_names_windows():
    table = explain(["ctr", "revenue"], Rule(3))
    assert table["window"].tolist() == ["days of the log", "days of the log; orders within 3 days after the click"]


def test_rule_of_the_settings():
    kpis = Kpis(implementation_cost=1, targets={}, attribution_days=3, attribution="first", view_days=1)
    assert rule_of(kpis, "EUR") == Rule(3, "first", "product", 1, True, "EUR")
