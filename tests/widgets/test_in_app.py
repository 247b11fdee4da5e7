"""Payloads and their schema."""

import json

import pytest
from jsonschema import Draft202012Validator, ValidationError

from reco.widgets import in_app, in_app_schema, widget
from tests.widgets.made import EVERY_LAYOUT, PRODUCTS, context, made, slate

SCHEMA = Draft202012Validator(in_app_schema())


def test_the_schema_is_one():
    Draft202012Validator.check_schema(in_app_schema())


@pytest.mark.parametrize("layout", EVERY_LAYOUT)
def test_payloads_obey_the_schema_and_survive_json(layout):
    payload = in_app(made(layout, **EVERY_LAYOUT[layout]))
    SCHEMA.validate(payload)
    assert json.loads(json.dumps(payload, allow_nan=False)) == payload


def test_what_is_not_known_is_null():
    bare = PRODUCTS[["title"]].assign(price=None)
    payload = in_app(widget(slate(count=2, propensity=float("nan")), bare, context(), "USD"))
    SCHEMA.validate(payload)
    item = payload["sections"][0]["items"][0]
    assert (item["price"], item["url"], item["log"]["propensity"]) == (None, None, None)


def test_an_empty_slate_is_a_payload_without_sections():
    payload = in_app(widget(slate(count=1).head(0), PRODUCTS, context(), "USD"))
    SCHEMA.validate(payload)
    assert payload["sections"] == []


def test_the_log_says_what_was_shown():
    payload = in_app(made(count=2))
    assert payload["sections"][0]["items"][1]["log"] == {
        "slate_id": "s-1",
        "position": 2,
        "strategy": "Similar products",
        "propensity": 0.875,
        "product_id": "p1",
    }


@pytest.mark.parametrize(
    "change", [{"url": "javascript:alert(1)"}, {"title": "two\nlines"}, {"title": ""}, {"extra": 1}]
)
def test_the_schema_refuses(change):
    payload = in_app(made(count=1))
    payload["sections"][0]["items"][0] |= change
    with pytest.raises(ValidationError):
        SCHEMA.validate(payload)
