"""E-mails as text; how they look is tested in test_browser."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from bs4 import BeautifulSoup
from hypothesis import given
from hypothesis import strategies as st

from reco.widgets import email, widget
from reco.widgets.email import inert
from tests.widgets.made import HOMEPAGE, HOSTILE, PRODUCTS, context, made, slate


def links(html):
    return [a["href"] for a in BeautifulSoup(html, "html.parser").find_all("a")]


def test_styles_are_inlined_and_dark_mode_is_kept():
    html = email(made()).html
    assert re.search(r'<table class="sheet"[^>]*style="[^"]*max-width: 600px', html)
    assert 'width="600"' in html
    assert "prefers-color-scheme: dark" in html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert not re.search(r"<(script|link|iframe|form)\b", html)


def test_only_tables_and_what_mail_programs_know():
    names = {tag.name for tag in BeautifulSoup(email(made()).block, "html.parser").find_all(True)}
    assert names <= {"table", "tbody", "tr", "td", "div", "h1", "h2", "p", "a", "span", "img"}
    for table in BeautifulSoup(email(made()).html, "html.parser").find_all("table"):
        assert table["role"] == "presentation"


def test_links_carry_what_a_click_logs():
    products = PRODUCTS.assign(url="https://shop.example/p?id=1&reco_slate=old#top")
    made_up = slate(["Tea & cake = 100 %"], 1, slate_id="s/1&x")
    href = links(email(widget(made_up, products, context(), "USD")).html)[0]
    assert urlsplit(href).fragment == "top"
    assert parse_qs(urlsplit(href).query) == {
        "id": ["1"],
        "reco_slate": ["s/1&x"],
        "reco_position": ["1"],
        "reco_strategy": ["Tea & cake = 100 %"],
        "reco_propensity": ["0.875"],
        "reco_product": ["p0"],
    }


@pytest.mark.parametrize("tag", ["{{ unsubscribe_url }}", "*|UNSUB|*", "{% unsubscribe_link %}"])
def test_the_placeholder_for_unsubscribing_is_kept(tag):
    mail = email(made(), unsubscribe=tag)
    assert links(mail.html)[-1] == tag
    assert f'href="{tag}"' in mail.html
    assert mail.text.rstrip().endswith(f"Unsubscribe: {tag}")


def test_the_text_says_all_that_the_html_says():
    mail = email(made("sections", HOMEPAGE, name="Ann", incentive={"discount": 0.05, "text": "Save 5 %"}))
    for words in ("Welcome back, Ann", "Trending in your interests", "Save 5 %", "Earl Grey tea, $6.90", HOSTILE):
        assert words in mail.text
    assert "Save 5 %" in mail.html
    for link in links(mail.html)[:-1]:
        assert link in mail.text


def test_hostile_titles_stay_text():
    html = email(made()).html
    assert "<script" not in html
    assert "onerror" not in re.sub(r"&lt;.*?&gt;", "", html)


@given(st.text(min_size=1))
def test_a_subject_is_one_short_line(subject):
    line = email(made(count=1), subject=subject).subject
    assert len(line) <= 120
    assert not re.search(r"[\x00-\x1f\x7f\u2028\u2029]", line)


def test_subject_by_default_and_preheader():
    mail = email(made("sections", HOMEPAGE, name="Ann"))
    assert mail.subject == "Welcome back, Ann"
    assert mail.preheader == f"Earl Grey tea, Oatcakes, {HOSTILE} and more"
    assert email(made(count=2)).preheader == "Earl Grey tea, Oatcakes"


@given(st.text(alphabet="{}%*|#$[]<x "))
def test_titles_cannot_say_what_mail_tools_replace(text):
    assert not re.search(r"\{\{|\{%|\{#|\}\}|%\}|\*\||\|\*|%%|\$\{|\[\[|\*\[", inert(text))
    assert inert(text).replace("\u2060", "") == text


def test_tags_in_titles_are_inert_in_all_parts():
    products = PRODUCTS.assign(title="{{ person.email }} *|FNAME|*", url="https://shop.example/{{x}}")
    mail = email(widget(slate(count=1), products, context(), "USD"))
    for part in (mail.html, mail.text, mail.preheader):
        assert "{{ person" not in part
        assert "*|FNAME" not in part
        assert "{{x}}" not in part


def test_a_mail_without_products_is_refused():
    with pytest.raises(ValueError, match="not sent"):
        email(widget(slate(count=1).head(0), PRODUCTS, context(), "USD"))
