"""The gallery: every context as shoppers see it, on a phone and on a desktop, in a page that loads nothing."""

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import pandas as pd
from markupsafe import Markup

from reco.columns import Columns
from reco.contexts.filling import example_customer, one_slate
from reco.contexts.requests import latest_baskets
from reco.errors import InputError
from reco.pipeline import sold
from reco.report.pages import render
from reco.settings import Context
from reco.widgets import Widget, email, module, style, widget
from reco.workbook import Workbook

#: Name of the page in the folder of a run.
PAGE: Final = "gallery.html"


class Visitor(NamedTuple):
    """Whom a slate is for, in words, and what the settings' anchors are for this visitor."""

    words: str
    customer_id: str | None
    product: str
    basket: tuple[str, ...]


class Frame(NamedTuple):
    """One slate as one visitor sees it: HTML, its styles, and whether it is a mail."""

    words: str
    html: Markup
    style: Markup
    mail: bool


class Scene(NamedTuple):
    """One context with its frames."""

    name: str
    context: Context
    frames: tuple[Frame, ...]


def gallery(wb: Workbook, until: pd.Timestamp, index: bool = False) -> str:
    """The page of all contexts in the settings, filled at `until` for a few visitors without names.

    Pictures and links of products are left out, since the page loads nothing and leads nowhere; `index` says that an
    index.html lies beside it. Raises `InputError` for a store without contexts or orders.
    """
    contexts = wb.settings.contexts
    if not contexts:
        raise InputError(f"{wb.settings.file.name}, contexts: found none, expected at least one to show")
    visitors = _visitors(wb, until)
    slates = {
        (name, who): one_slate(wb, name, until, who.customer_id, _beside(who, context))
        for name, context in contexts.items()
        for who in visitors
        if who.customer_id or context.channel != "email"
    }
    wanted = pd.unique(pd.concat([slate[Columns.ITEM] for slate in slates.values()]))
    known = shown_of(wb, wanted)
    scenes = []
    for name, context in contexts.items():
        shown = (
            (who.words, widget(slate, known, context, wb.settings.store.currency))
            for (of, who), slate in slates.items()
            if of == name
        )
        scenes.append(Scene(name, context, tuple(frame(words, one, context) for words, one in shown)))
    return page(scenes, wb.settings.store.title, until, index)


def page(scenes: Sequence[Scene], title: str, until: pd.Timestamp, index: bool = False) -> str:
    """The page of `scenes`."""
    return render("gallery.html.j2", scenes=scenes, title=title, until=until, index=index)


def frame(words: str, shown: Widget, context: Context) -> Frame:
    """A widget as `words` see it, by the context's channel; empty HTML where there is nothing to show."""
    if not shown.items:
        return Frame(words, Markup(), Markup(), False)
    if context.channel == "email":
        mail = email(shown, unsubscribe="#main")
        looks = re.search(r"<style>(.*?)</style>", mail.html, re.DOTALL)
        return Frame(words, _inside(mail.block), Markup(looks[1] if looks else ""), True)  # noqa: S704 escaped there
    return Frame(words, _inside(module(shown, level=4)), Markup(style()), False)  # noqa: S704 our own file


def _inside(html: str) -> Markup:
    """HTML as a part of this page: below its headings, and no landmark of it."""
    html = re.sub(r"(</?)h([12])\b", lambda found: f"{found[1]}h{int(found[2]) + 3}", html)
    html = re.sub(r"(</?)section\b", r"\1div", html).replace(' role="region"', ' role="group"')
    return Markup(html)  # noqa: S704 escaped where it was made


def shown_of(wb: Workbook, item_ids: Iterable[str]) -> pd.DataFrame:
    """What widgets of a page that loads nothing show of products: title and price, by product_id."""
    products = wb.table("products")
    products = products.filter(products.product_id.isin(list(item_ids))).select("product_id", "title", "price")
    return wb.connection.to_pandas(products).set_index(Columns.PRODUCT)


def _visitors(wb: Workbook, until: pd.Timestamp) -> list[Visitor]:
    best = example_customer(wb, until)
    baskets = latest_baskets(wb, until)
    return [
        Visitor("One of the best customers", best.customer_id, best.item_id, _of(baskets, best.customer_id)),
        *(
            Visitor("One of the newest customers", newest, best.item_id, _of(baskets, newest))
            for newest in [_newest(wb, until)]
            if newest != best.customer_id
        ),
        Visitor("An anonymous visitor", None, best.item_id, (best.item_id,)),
    ]


def _newest(wb: Workbook, until: pd.Timestamp) -> str:
    lines = sold(wb).filter(lambda lines: lines.ordered_at < until)
    first = lines.group_by("customer_id").aggregate(first=lines.ordered_at.min())
    return wb.connection.to_pandas(first.order_by(first["first"].desc(), "customer_id").limit(1))["customer_id"][0]


def _of(baskets: pd.DataFrame, customer: str) -> tuple[str, ...]:
    return tuple(baskets.loc[baskets[Columns.CUSTOMER] == customer, Columns.ITEM])


def _beside(who: Visitor, context: Context) -> tuple[str, ...]:
    """What the visitor looks at; where a context knows its customer, only one nobody knows is served from that."""
    at_hand = {"product": (who.product,), "basket": who.basket, "customer": () if who.customer_id else (who.product,)}
    return at_hand[context.anchor]
