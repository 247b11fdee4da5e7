"""What notebook 04 shows of a slate."""

import re

import pandas as pd
import pytest

from reco import contexts, pipeline
from reco.report import contexts as rule_views
from reco.report import display, views


@pytest.fixture(scope="module")
def filled(wb):
    return contexts.fill(wb, pipeline.periods(wb).end)


@pytest.fixture
def shown(monkeypatch):
    """Everything that is shown, in order."""
    found = []
    monkeypatch.setattr(display, "display", found.append)
    return found


@pytest.mark.parametrize("context", ["product_page", "cart", "email"])
def test_a_slate_shows_all_its_products(wb, filled, shown, context):
    who = contexts.example_customer(wb, pipeline.periods(wb).end)
    views.slate(wb, filled, context, who)
    mine, beside = contexts.slate_of(filled[context], wb.settings.contexts[context].anchor, who)
    titles = wb.table("products").select("product_id", "title").execute().set_index("product_id")["title"]
    html = shown[0].html
    places = [html.index(titles[item].replace("&", "&amp;")) for item in mine.sort_values("position")["item_id"]]
    assert len(mine) == wb.settings.contexts[context].size
    assert len(places) == len(mine)
    assert (not beside.empty) == (context != "email")
    assert len(re.findall('class="reco-item"', html)) == (len(mine) if context != "email" else 0)
    assert who.customer_id not in re.findall(r"\w+", re.sub(r'style="[^"]*"', "", html))
    if len(beside):
        first = titles.reindex(beside["item_id"]).dropna().iloc[0]
        assert shown[0].title.startswith(f"{wb.settings.contexts[context].title}: {len(mine)} products, beside {first}")


def test_a_strategy_that_names_the_shopper_is_shown_as_to_a_stranger(wb, filled, shown):
    slate = filled["homepage"].slates
    slate = slate[slate["slate_id"] == slate["slate_id"].iloc[0]]
    assert slate["strategy"].str.contains("{name}", regex=False).any()
    views.seen(wb, "homepage", slate)
    views.strategies(pd.DataFrame({"context": ["Homepage"], "strategy": ["Welcome back, {name}"], "share": [1.0]}))
    rule_views.remarks(["“Welcome back, {name}” needs views"])
    for one in shown:
        words = getattr(one, "html", None) or repr(one)
        assert "Welcome back" in words
        assert "{name}" not in words


def test_identifiers_are_a_table_only_where_some_were_joined(shown):
    apart = pd.DataFrame({"kind": ["accounts"], "before": [2469], "after": [2469], "shared": [0]})
    views.identities(apart)
    assert repr(shown[0]) == "Nothing was joined: 2,469 accounts were read, and each is a customer of its own."
    views.identities(apart.assign(after=2400))
    views.identities(apart.assign(shared=3))
    assert [one.title for one in shown[1:]] == ["Who is who"] * 2


def test_a_context_that_the_settings_lack_is_said_so(wb, shown):
    views.slate(wb, {}, "kiosk", contexts.Example("1", "2"))
    assert repr(shown[0]) == "The settings declare no context kiosk."


def test_a_mail_is_shown_as_it_is_but_for_its_headings(wb, filled, shown):
    slate = filled["email"].slates
    views.seen(wb, "email", slate[slate["slate_id"] == slate["slate_id"].iloc[0]])
    assert re.search(r"<h4[^>]*>Recommended for you</h4>", shown[0].html)
    assert not re.search("&lt;h|<h[123]", shown[0].html)
