"""Payloads for an app: the widget as JSON, as reco/widgets/schemas/in_app.schema.json describes it."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from reco.widgets.environment import money
from reco.widgets.widget import Item, Widget

_SCHEMA = Path(__file__).parent / "schemas" / "in_app.schema.json"


def in_app(widget: Widget) -> dict[str, Any]:
    """The widget as a dict that JSON can hold; texts are plain text, so an app must not take them for HTML."""
    return {
        "version": 1,
        "slate_id": widget.slate_id,
        "context": widget.context,
        "title": widget.title,
        "layout": widget.layout,
        "position": widget.position,
        "incentive": {"text": widget.incentive, "discount": widget.discount} if widget.incentive else None,
        "currency": widget.currency,
        "sections": [
            {"title": section.title, "items": [_item(item, widget.currency) for item in section.items]}
            for section in widget.sections
            if section.items
        ],
    }


@cache
def in_app_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) that every payload obeys."""
    return json.loads(_SCHEMA.read_text(encoding="utf-8"))


def _item(item: Item, currency: str) -> dict[str, Any]:
    price = None if item.price is None else {"amount": item.price, "text": money(item.price, currency)}
    return {
        "product_id": item.product_id,
        "title": item.title,
        "price": price,
        "image_url": item.image_url,
        "url": item.url,
        "reason": item.reason,
        "log": {
            "slate_id": item.slate_id,
            "position": item.position,
            "strategy": item.strategy,
            "propensity": item.propensity,
            "product_id": item.product_id,
        },
    }
