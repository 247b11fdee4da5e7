"""From a slate to plain data."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco.widgets import widget
from reco.widgets.widget import addressed, plain, web_address
from tests.widgets.made import HOMEPAGE, PRODUCTS, context, made, slate


def test_items_stand_in_the_order_of_their_positions():
    shown = widget(slate(count=3)[::-1], PRODUCTS, context(), "USD")
    assert [item.position for item in shown.items] == [1, 2, 3]
    assert [item.title for item in shown.items][:2] == ["Earl Grey tea", "Oatcakes"]
    assert shown.items[0].price == 6.9
    assert shown.items[2].price is None


def test_one_strategy_names_the_module_and_several_leave_it_to_the_anchor():
    assert made().title == "Similar products"
    assert made(strategies=["A", "B"]).title == "You may also like"
    assert made(strategies=["A", "B"], anchor="customer").title == "Recommended for you"
    assert made(title="From our kitchen").title == "From our kitchen"


def test_sections_keep_their_order_and_the_log_holds_no_name():
    shown = made("sections", HOMEPAGE, name="Ann")
    assert [section.title for section in shown.sections] == ["Welcome back, Ann", "Trending in your interests"]
    assert [len(section.items) for section in shown.sections] == [4, 4]
    assert {item.strategy for item in shown.items} == {"Welcome back", "Trending in your interests"}
    assert made("sections", HOMEPAGE).sections[0].title == "Welcome back"


def test_products_that_the_catalogue_does_not_know_show_their_id():
    bare = PRODUCTS[["title", "price"]].drop(index="p0")
    item = widget(slate(count=1), bare, context(), "USD").items[0]
    assert (item.title, item.price, item.url, item.image_url) == ("p0", None, None, None)


def test_missing_propensity_is_none():
    assert widget(slate(count=1, propensity=float("nan")), PRODUCTS, context(), "USD").items[0].propensity is None


def test_an_empty_slate_makes_an_empty_widget():
    assert widget(slate(count=1).head(0), PRODUCTS, context(), "USD").items == ()


def test_rows_of_two_slates_are_refused():
    with pytest.raises(ValueError, match="those of 2"):
        widget(slate(count=2, slate_id=["a", "b"]), PRODUCTS, context(), "USD")


def test_a_link_stands_in_for_missing_addresses_with_its_id_encoded():
    bare = pd.DataFrame({"title": ["Tea"], "price": [1.0]}, index=["a/b?c"])
    shown = widget(slate(count=1, item_id="a/b?c"), bare, context(), "USD", link="https://s.example/{product_id}")
    assert shown.items[0].url == "https://s.example/a%2Fb%3Fc"


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "//shop.example/x",
        "/p/1",
        "http://",
        "https://user:word@shop.example",
        "https://shop.example/a b",
        'https://shop.example/"onclick=',
        "java\nscript:alert(1)",
        "https://shop.example:port/",
        "http://[::1",
        None,
        float("nan"),
    ],
)
def test_other_addresses_are_left_out(address):
    assert web_address(address) is None


@given(st.text())
def test_texts_come_out_on_one_line(text):
    out = plain(text)
    assert out == plain(out)
    assert not any(ord(sign) < 32 or sign in "\x7f\u2028\u2029\u202e" for sign in out)


@given(st.text(max_size=60))
def test_a_name_never_brings_control_characters_nor_length(name):
    out = addressed("Welcome back, {name}", name)
    assert out.startswith("Welcome back")
    assert len(out) <= len("Welcome back, ") + 40
    assert out == plain(out)


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Welcome back, {name}", "Welcome back"),
        ("{name}, welcome back", "Welcome back"),
        ("Hello {name}, welcome back", "Hello, welcome back"),
        ("Welcome back, {name}!", "Welcome back!"),
        ("For you", "For you"),
    ],
)
def test_titles_do_without_a_name(title, expected):
    assert addressed(title, None) == addressed(title, " \n") == expected


def test_a_stranger_is_not_welcomed_back():
    shown = widget(slate(HOMEPAGE, customer_id=None), PRODUCTS, context("sections", anchor="customer"), "USD")
    assert [section.title for section in shown.sections] == ["Recommended for you", "Trending in your interests"]
    assert shown.items[0].strategy == "Welcome back"
