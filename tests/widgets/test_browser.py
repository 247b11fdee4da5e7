"""Modules and mails as a shopper's browser has them: looks, keys, clicks, what is logged, what axe finds."""

from pathlib import Path

import axe_playwright_python
import pytest

from reco.widgets import email, module, page, script, style, widget
from tests.widgets.made import EVERY_LAYOUT, HOSTILE, PRODUCTS, context, made, slate

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
LOG = "window.logged = []; window.recoLog = (event) => window.logged.push(event);"
SCHEMES = ("light", "dark")


def laid_out(layout, **other):
    return page([made(layout, **EVERY_LAYOUT[layout] | other)])


def serious(shown):
    """What axe calls serious or critical: rule and element."""
    shown.evaluate(AXE)
    found = shown.evaluate("axe.run(document)")
    assert len(found["passes"]) > 5  # it did look
    return [
        (rule["id"], node["html"][:200])
        for rule in found["violations"]
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    ]


def focus(shown):
    return shown.evaluate("document.activeElement.textContent.trim() || document.activeElement.className")


def test_style_and_script_together_stay_below_ten_thousand_bytes():
    assert len(style().encode()) + len(script().encode()) < 10_000


def test_nothing_is_shown_of_an_empty_slate():
    assert module(widget(slate(count=1).head(0), PRODUCTS, context(), "USD")) == ""


@pytest.mark.parametrize("layout", EVERY_LAYOUT)
@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_modules_are_accessible_and_fit(show, layout, width, scheme):
    shown = show(laid_out(layout), width, scheme)
    assert serious(shown) == []
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.locator(".reco-item").count() == 8
    assert shown.get_by_text("Earl Grey tea").is_visible()
    assert shown.get_by_text("Because you bought milk").first.is_visible()
    assert shown.get_by_text("$6.90").is_visible()


@pytest.mark.parametrize("width", [390, 800])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_mails_are_accessible_and_fit(show, width, scheme):
    shown = show(email(made(**EVERY_LAYOUT["sections"] | {"layout": "sections"}), sender="Shop").html, width, scheme)
    assert serious(shown) == []
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    assert shown.locator(".sheet").bounding_box()["width"] == min(width, 600)


@pytest.mark.parametrize("html", [laid_out("scroll"), email(made()).html], ids=["module", "mail"])
def test_hostile_titles_stay_text(show, html):
    shown = show(html)
    assert shown.get_by_text(HOSTILE, exact=True).is_visible()
    assert shown.evaluate("typeof window.pwned") == "undefined"
    assert shown.locator("img, script").count() == (1 if "<script>(" in html else 0)


@pytest.mark.parametrize("layout", EVERY_LAYOUT)
@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_clicks_are_logged(show, layout, by):
    shown = show(laid_out(layout), before=LOG)
    shown.evaluate("document.addEventListener('click', (event) => event.preventDefault())")
    shown.evaluate("document.addEventListener('reco:click', (event) => { window.heard = event.detail; })")
    link = shown.get_by_role("link", name="Oatcakes")
    if by == "mouse":
        link.click()
    else:
        link.focus()
        shown.keyboard.press("Enter")
    clicks = [event for event in shown.evaluate("window.logged") if event["type"] == "click"]
    at = clicks[0].pop("at")
    strategy = "Welcome back" if layout == "sections" else "Similar products"
    assert clicks == [
        {
            "type": "click",
            "slate_id": "s-1",
            "context": layout,
            "product_id": "p1",
            "position": 2,
            "strategy": strategy,
            "propensity": 0.875,
        }
    ]
    assert shown.evaluate("window.heard") == clicks[0] | {"at": at}


def test_a_click_leads_to_the_product(show):
    shown = show(laid_out("grid"))
    assert shown.get_by_role("link", name="Oatcakes").get_attribute("href") == "https://shop.example/p/1"


def test_a_click_beside_links_is_none(show):
    shown = show(laid_out("grid"), before=LOG)
    shown.get_by_text("Because you bought milk").first.click()
    assert [event for event in shown.evaluate("window.logged") if event["type"] == "click"] == []


def test_an_item_is_an_impression_once_it_is_half_visible(show):
    shown = show(f"<div style='height:2000px'></div>{laid_out('carousel')}", before=LOG)
    shown.wait_for_timeout(100)
    assert shown.evaluate("window.logged") == []
    shown.locator(".reco-item").first.scroll_into_view_if_needed()
    shown.wait_for_function("window.logged.length >= 4")
    shown.evaluate("scrollTo(0, 0)")
    shown.wait_for_timeout(100)
    shown.locator(".reco-item").first.scroll_into_view_if_needed()
    shown.wait_for_timeout(100)
    events = shown.evaluate("window.logged")
    seen = [event["product_id"] for event in events]
    assert {event["type"] for event in events} == {"impression"}
    assert sorted(seen) == ["p0", "p1", "p2", "p3"]  # the others wait outside the row


def test_a_missing_propensity_is_logged_as_null(show):
    made_up = widget(slate(count=1, propensity=float("nan")), PRODUCTS, context(), "USD")
    shown = show(page([made_up]), before=LOG)
    shown.wait_for_function("window.logged.length == 1")
    assert shown.evaluate("window.logged[0].propensity") is None


def test_an_event_is_heard_without_a_logger(show):
    shown = show(laid_out("grid"), before="document.addEventListener('reco:impression', () => { window.heard = 1; })")
    shown.wait_for_function("window.heard === 1")


def test_tab_goes_through_buttons_row_and_products(show):
    shown = show(laid_out("carousel", count=2), 390)
    order = []
    for _ in range(5):
        shown.keyboard.press("Tab")
        order.append(
            shown.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.className")
        )
    assert order == [
        "Previous products: Similar products",
        "Next products: Similar products",
        "reco-track",
        "reco-link",
        "reco-link",
    ]


def test_focus_is_visible(show):
    shown = show(laid_out("grid"))
    shown.keyboard.press("Tab")
    style = "getComputedStyle(document.activeElement)"
    assert shown.evaluate(f"{style}.outlineStyle") == "solid"
    assert shown.evaluate(f"{style}.outlineWidth") == "3px"


def test_buttons_move_the_carousel_and_end_where_it_ends(show):
    shown = show(laid_out("carousel"))
    track, back, on = (
        shown.locator(".reco-track"),
        shown.get_by_role("button", name="Previous products"),
        shown.get_by_role("button", name="Next products"),
    )
    left = "(track) => track.scrollLeft"
    assert back.get_attribute("aria-disabled") == "true"
    assert shown.locator(".reco-item").nth(4).bounding_box()["x"] >= 1200 - 16
    on.click()
    shown.wait_for_function("document.querySelector('[data-step=\"1\"]').getAttribute('aria-disabled') == 'true'")
    assert track.evaluate(left) == track.evaluate("(track) => track.scrollWidth - track.clientWidth")
    assert back.get_attribute("aria-disabled") == "false"
    back.focus()
    shown.keyboard.press("Enter")
    shown.wait_for_function("document.querySelector('.reco-track').scrollLeft == 0")


def test_arrows_move_the_row_and_then_the_focus(show):
    shown = show(laid_out("carousel"))
    shown.locator(".reco-track").focus()
    shown.keyboard.press("ArrowRight")
    shown.wait_for_function("document.querySelector('.reco-track').scrollLeft > 200")
    shown.keyboard.press("Home")
    shown.wait_for_function("document.querySelector('.reco-track').scrollLeft == 0")
    shown.get_by_role("link", name="Earl Grey tea").focus()
    shown.keyboard.press("ArrowRight")
    assert "Oatcakes" in focus(shown)
    shown.keyboard.press("End")
    assert "Basil" in focus(shown)
    shown.keyboard.press("ArrowRight")
    assert "Basil" in focus(shown)


def test_buttons_are_hidden_where_all_is_seen(show):
    assert not show(laid_out("carousel", count=3)).get_by_role("button").first.is_visible()


def test_a_carousel_stays_where_it_is_left_alone(show):
    shown = show(laid_out("carousel"))
    shown.wait_for_timeout(600)
    assert shown.evaluate("document.querySelector('.reco-track').scrollLeft") == 0
    assert "setInterval" not in script()


def test_nothing_moves_where_shoppers_want_no_motion(show):
    shown = show(laid_out("carousel"))
    assert shown.evaluate("getComputedStyle(document.querySelector('.reco-track')).scrollBehavior") == "auto"


def test_modules_work_without_scripts(browser):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 390, "height": 800})
    shown = context.new_page()
    shown.set_content(laid_out("carousel"))
    assert not shown.get_by_role("button").first.is_visible()
    assert shown.get_by_role("link", name="Earl Grey tea").is_visible()
    context.close()


def test_modules_stay_light_on_a_page_that_is_always_light(show):
    html = f"<style>{style()}</style>{module(made())}"
    shown = show(html, scheme="dark")
    colour = shown.evaluate("getComputedStyle(document.querySelector('.reco')).backgroundColor")
    assert colour == "rgb(255, 255, 255)"
