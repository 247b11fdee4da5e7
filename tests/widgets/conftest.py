"""Modules and mails in the pages of a browser."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page


@pytest.fixture
def show(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A function that opens HTML in a page of some width and colour scheme.

    Nothing is fetched from anywhere; what the page says on its console, and what it asks the network for, fails the
    test at its end.
    """
    contexts, complaints = [], []

    def open_page(html: str, width: int = 1200, scheme: str = "light", before: str = "") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.route("https://page.test/", lambda route: route.fulfill(body=html, content_type="text/html"))
        page.route("https://shop.example/**", lambda route: route.fulfill(body="<title>Shop</title>"))
        if before:
            page.add_init_script(before)
        page.on("request", lambda request: "//shop.example" not in request.url or complaints.append(request.url))
        page.goto("https://page.test/")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
