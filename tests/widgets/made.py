"""A few products and slates, made by hand."""

import pandas as pd

from reco.settings import Context
from reco.widgets import Widget, widget

HOSTILE = '<script>window.pwned = 1</script><img src=x onerror="window.pwned = 1">"\'&'

PRODUCTS = pd.DataFrame(
    {
        "title": ["Earl Grey tea", "Oatcakes", HOSTILE, "Whole milk", "Eggs", "Dark chocolate", "Olive oil", "Basil"],
        "price": [6.9, 2.45, None, 1.39, 3.99, 2.79, 11.5, 1.2],
        "url": [f"https://shop.example/p/{number}" for number in range(8)],
        "image_url": None,
    },
    index=pd.Index([f"p{number}" for number in range(8)], name="product_id"),
)
STRATEGIES = ["Similar products"]


def context(layout: str = "grid", **other: object) -> Context:
    given = {"title": "Product page", "channel": "on_site", "anchor": "product", "size": 8, "layout": layout}
    return Context(**given | {"strategies": [{"title": "Similar", "model": "ease"}]} | other)


def slate(strategies: list[str] = STRATEGIES, count: int = 8, **other: object) -> pd.DataFrame:
    """The first `count` products, shared out among `strategies` in order."""
    places = range(count)
    frame = {
        "slate_id": "s-1",
        "context": "product_page",
        "customer_id": "ann",
        "position": [place + 1 for place in places],
        "item_id": PRODUCTS.index[:count],
        "score": 1.0,
        "strategy": [strategies[place * len(strategies) // count] for place in places],
        "reason": "Because you bought milk",
        "fallback": False,
        "propensity": 0.875,
        "gave_way": "",
    }
    return pd.DataFrame(frame | other)


def made(layout: str = "grid", strategies: list[str] = STRATEGIES, count: int = 8, **other: object) -> Widget:
    """A widget of these products; `name`, `title` and `link` go to `widget`, all else to the context."""
    words = {key: other.pop(key) for key in ("name", "title", "link") if key in other}
    return widget(slate(strategies, count, context=layout), PRODUCTS, context(layout, **other), "USD", **words)


HOMEPAGE = ["Welcome back, {name}", "Trending in your interests"]
EVERY_LAYOUT = {
    "grid": {"incentive": {"discount": 0.05, "text": "Save 5 % on the bundle"}},
    "scroll": {},
    "carousel": {},
    "sections": {"strategies": HOMEPAGE, "anchor": "customer", "name": "Ann"},
}
