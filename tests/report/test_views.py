"""What notebook 04 shows of a slate."""

import pytest

from reco import contexts, pipeline
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
    assert who.customer_id not in html


def test_a_context_that_the_settings_lack_is_said_so(wb, shown):
    views.slate(wb, {}, "kiosk", contexts.Example("1", "2"))
    assert repr(shown[0]) == "The settings declare no context kiosk."
