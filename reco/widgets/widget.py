"""What a widget shows, as plain data: made of a slate, the catalogue and the settings of the context."""

import re
import unicodedata
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

import pandas as pd

from reco.settings import Context

#: What stands above products of several strategies, by the anchor of the context.
HEADINGS: Final = {
    "product": "You may also like",
    "basket": "Goes well with your basket",
    "customer": "Recommended for you",
}

_NAME: Final = "{name}"


class Item(NamedTuple):
    """One product in its place.

    Attributes:
        price: in the widget's currency; None where it is not known.
        image_url: http or https, else None; `url` too.
        strategy: its title without the shopper's name.
        propensity: the chance with which the product was put there; None where it is not known.
    """

    product_id: str
    title: str
    price: float | None
    image_url: str | None
    url: str | None
    reason: str
    position: int
    slate_id: str
    strategy: str
    propensity: float | None


class Section(NamedTuple):
    """Products under a heading of their own; no heading where `title` is empty."""

    title: str
    items: tuple[Item, ...]


class Widget(NamedTuple):
    """All that a template needs to show one slate.

    Attributes:
        title: what the module is called: its heading, or its label where every section has a heading.
        layout: grid, scroll, carousel or sections.
        position: where on the page it belongs.
        incentive: the words of an offer, empty where there is none; `discount` is its share of the price.
        context: the context's key in the settings.
    """

    slate_id: str
    context: str
    title: str
    layout: str
    position: str
    incentive: str
    discount: float
    currency: str
    sections: tuple[Section, ...]

    @property
    def items(self) -> tuple[Item, ...]:
        """The items of all sections, in their order."""
        return tuple(item for section in self.sections for item in section.items)


def widget(
    slate: pd.DataFrame,
    products: pd.DataFrame,
    context: Context,
    currency: str,
    *,
    name: str | None = None,
    title: str | None = None,
    link: str | None = None,
) -> Widget:
    """The widget of one slate.

    Args:
        slate: rows of one slate_id as `reco.contexts` makes them; may be empty.
        products: index product_id; title and price, and image_url and url where the shop has them.
        context: its settings.
        currency: code of the prices, such as USD.
        name: the shopper's given name for titles with `{name}`; without one they do without, and a slate that is for
            nobody known has the anchor's title in their place.
        title: what the module is called; by its strategy, or by the context's anchor, when left out.
        link: address of a product that the catalogue knows none of, with `{product_id}` in it.

    Raises `ValueError` when `slate` holds rows of several slates.
    """
    ids = slate["slate_id"].unique()
    if len(ids) > 1:
        raise ValueError(f"expected the rows of one slate, found those of {len(ids)}")
    placed = slate.sort_values("position")
    rows = placed.to_dict("records")
    known = products.reindex(index=placed["item_id"], columns=["title", "price", "image_url", "url"])
    facts = known.to_dict("records")
    items = [_item(row, fact, link) for row, fact in zip(rows, facts, strict=True)]
    # the log knows the strategy without the shopper's name, so that no name gets into it
    heading = HEADINGS[context.anchor]
    strategies = {item.strategy: _titled(row, name, heading) for item, row in zip(items, rows, strict=True)}
    in_sections = context.layout == "sections"
    if len(strategies) == 1 and not in_sections:
        heading = next(iter(strategies.values()))
    sections = (
        tuple(Section(words, tuple(one for one in items if one.strategy == key)) for key, words in strategies.items())
        if in_sections
        else (Section("", tuple(items)),)
    )
    return Widget(
        slate_id=str(ids[0]) if len(ids) else "",
        context=str(rows[0]["context"]) if rows else "",
        title=plain(title or heading),
        layout=context.layout,
        position=context.position,
        incentive=plain(context.incentive.text) if context.incentive else "",
        discount=context.incentive.discount if context.incentive else 0.0,
        currency=currency,
        sections=sections,
    )


def _titled(row: dict, name: str | None, otherwise: str) -> str:
    """The title of a row's strategy; a visitor whom nobody knows is not greeted as one who is."""
    stranger = pd.isna(row["customer_id"]) and not name
    return otherwise if stranger and _NAME in row["strategy"] else addressed(str(row["strategy"]), name)


def _item(row: dict, fact: dict, link: str | None) -> Item:
    product = str(row["item_id"])
    url = web_address(fact["url"])
    if url is None and link:
        url = web_address(link.replace("{product_id}", quote(product, safe="")))
    return Item(
        product_id=product,
        title=product if pd.isna(fact["title"]) else plain(fact["title"]) or product,
        price=None if pd.isna(fact["price"]) else float(fact["price"]),
        image_url=web_address(fact["image_url"]),
        url=url,
        reason="" if pd.isna(row["reason"]) else plain(row["reason"]),
        position=int(row["position"]),
        slate_id=str(row["slate_id"]),
        strategy=addressed(str(row["strategy"]), None),
        propensity=None if pd.isna(row["propensity"]) else float(row["propensity"]),
    )


def plain(text: str) -> str:
    """`text` on one line, without control characters and without marks that turn the direction of writing.

    >>> plain("Tea\\r\\nBcc: all\\x00 of us")
    'Tea Bcc: all of us'
    """
    kept = "".join(
        " " if unicodedata.category(sign) in {"Cc", "Zl", "Zp"} else sign
        for sign in text
        if sign not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
    )
    return " ".join(kept.split())


def addressed(title: str, name: str | None) -> str:
    """`title` with the shopper's given name in place of `{name}`, or without the token and what joins it.

    >>> addressed("Welcome back, {name}", "Ann"), addressed("Welcome back, {name}", None)
    ('Welcome back, Ann', 'Welcome back')
    >>> addressed("{name}, these are for you", "")
    'These are for you'
    """
    name = plain(name or "")[:40].strip()
    if _NAME not in title:
        return plain(title)
    if name:
        return plain(title.replace(_NAME, name))
    rest = re.sub(r"[\s,;:–—-]*\{name\}", "", title)
    rest = plain(re.sub(r"^[\s,;:.!–—-]+", "", rest))
    return rest[:1].upper() + rest[1:]


def web_address(value: object) -> str | None:
    """`value` when it is an http or https address that can stand in a page, else None.

    >>> web_address("https://shop.example/tea?x=1"), web_address(" javascript:alert(1)")
    ('https://shop.example/tea?x=1', None)
    """
    if not isinstance(value, str):
        return None
    value = value.strip()
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 raises for a port that is no number
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        return None
    if any(sign <= " " or sign in "\\<>\"'`" or sign == "\x7f" for sign in value):
        return None
    return value
