"""The gallery in a browser: both widths, both schemes, nothing loaded, nobody named."""

import pandas as pd
import pytest

from reco.errors import InputError
from reco.pipeline import periods
from reco.report import gallery
from reco.widgets import widget
from tests.widgets.made import EVERY_LAYOUT, HOSTILE, PRODUCTS, context, slate
from tests.widgets.test_browser import SCHEMES, serious

UNTIL = pd.Timestamp("2026-11-24")


def scene(layout, **other):
    given = EVERY_LAYOUT[layout] | other
    placed = context(layout, **{key: value for key, value in given.items() if key not in {"strategies", "name"}})
    bare = PRODUCTS[["title", "price"]]
    shown = widget(slate(given.get("strategies", ["Similar products"]), context=layout), bare, placed, "USD")
    frames = (gallery.frame("One of the best customers", shown, placed),)
    return gallery.Scene(f"{layout}-{placed.channel}", placed, frames)


PAGE = gallery.page([*map(scene, EVERY_LAYOUT), scene("sections", channel="email")], "Shop <b>", UNTIL, index=True)


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_it_is_accessible_and_fits(show, width, scheme):
    shown = show(PAGE, width, scheme)
    assert serious(shown) == []
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.evaluate("typeof window.pwned") == "undefined"


def test_phone_and_desktop_stand_side_by_side_at_their_widths(show):
    shown = show(PAGE, 1400)
    for kind, width in (("phone", 390), ("desktop", 1200)):
        frames = shown.locator(f".{kind} .screen")
        assert frames.count() == 5
        assert {round(frames.nth(at).bounding_box()["width"] / 0.62) for at in range(5)} == {width}
    phone, desktop = (shown.locator(f".{kind} .screen").first.bounding_box() for kind in ("phone", "desktop"))
    assert phone["y"] == desktop["y"]
    columns = "(items) => getComputedStyle(items).gridTemplateColumns.split(' ').length"
    assert shown.locator("#grid-on_site").locator("..").locator(".phone .reco-items").evaluate(columns) == 2
    assert shown.locator("#grid-on_site").locator("..").locator(".desktop .reco-items").evaluate(columns) == 4


def test_no_module_or_mail_is_a_landmark_or_heads_the_page(show):
    shown = show(PAGE, 1400)
    assert shown.get_by_role("heading", level=1).count() == 1
    assert shown.get_by_role("region", name="Similar products").count() == 0


def test_slates_are_shown_as_text(show):
    shown = show(PAGE, 1400)
    assert shown.get_by_text(HOSTILE, exact=True).count() == 10
    assert shown.locator("script").count() == 0
    assert shown.get_by_role("link", name="← All reports").get_attribute("href") == "index.html"


def test_a_dark_page_has_dark_modules(show):
    dark, light = (
        show(PAGE, 1400, scheme).locator(".reco").first.evaluate("(one) => getComputedStyle(one).backgroundColor")
        for scheme in ("dark", "light")
    )
    assert (dark, light) == ("rgb(20, 24, 27)", "rgb(255, 255, 255)")


def test_all_contexts_of_a_store_for_visitors_without_names(wb, show):
    html = gallery.gallery(wb, periods(wb).end)
    shown = show(html, 1400)
    contexts = wb.settings.contexts
    assert shown.locator("h2[id]").all_text_contents() == [one.title for one in contexts.values()]
    mails = sum(one.channel == "email" for one in contexts.values())
    assert shown.locator(".pair").count() == 3 * len(contexts) - mails
    assert shown.get_by_text("An anonymous visitor", exact=True).count() == len(contexts) - mails
    assert shown.locator(".reco-item").count() > 2 * len(contexts)
    assert set(shown.locator("[data-slate-id]").evaluate_all("(all) => all.map((one) => one.dataset.slateId)")) <= {
        *contexts
    }
    assert "https:" not in html


def test_a_store_without_contexts_has_none(open_shop):
    wb = open_shop("order,customer,product,time,quantity,price\n1,a,x,2026-01-01,1,1\n")
    with pytest.raises(InputError, match="contexts: found none"):
        gallery.gallery(wb, UNTIL.tz_localize("UTC"))
