"""Slates as HTML."""

import re

import pandas as pd

from reco.widgets import slate_html

PRODUCTS = pd.DataFrame(
    {"title": ["Tea", "<script>alert(1)</script>", None], "price": [2.5, None, 1]}, index=["a", "b", "c"]
)


def slate(*items: str, reason: str = "Goes with milk") -> pd.DataFrame:
    return pd.DataFrame({"position": range(1, len(items) + 1), "item_id": items, "reason": reason})


def texts(html: str, name: str) -> list[str]:
    return re.findall(rf'<span class="{name}">(.*?)</span>', html)


def test_products_in_the_order_of_their_positions():
    html = slate_html(slate("a", "c")[::-1], PRODUCTS, "GBP")
    assert texts(html, "name") == ["Tea", "c"]
    assert texts(html, "price") == ["2.50 GBP", "1.00 GBP"]
    assert texts(html, "reason") == ["Goes with milk"] * 2


def test_hostile_texts_are_escaped():
    html = slate_html(slate("b", reason="<img src=x onerror=alert(2)>"), PRODUCTS, "GBP", beside="</section><script>")
    assert texts(html, "name") == ["&lt;script&gt;alert(1)&lt;/script&gt;"]
    assert "<script" not in html
    assert "<img" not in html
    assert "Beside: &lt;/section&gt;&lt;script&gt;" in html


def test_missing_price_shows_none():
    assert texts(slate_html(slate("b"), PRODUCTS, "GBP"), "price") == [""]


def test_missing_title_and_unknown_product_show_the_id():
    assert texts(slate_html(slate("c", "gone"), PRODUCTS, "GBP"), "name") == ["c", "gone"]


def test_beside_is_left_out_where_there_is_nothing():
    assert "Beside" not in slate_html(slate("a"), PRODUCTS, "GBP")
    assert "Beside: Milk" in slate_html(slate("a"), PRODUCTS, "GBP", beside="Milk")


def test_empty_slate():
    assert texts(slate_html(slate(), PRODUCTS, "GBP"), "name") == []
