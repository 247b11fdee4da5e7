"""HTML of a slate, as a shopper would see it."""

from collections.abc import Mapping

import pandas as pd
from jinja2 import Environment, StrictUndefined

_TEMPLATE = Environment(autoescape=True, undefined=StrictUndefined).from_string(
    """\
<section class="slate" aria-label="{{ title }}">
<h4>{{ title }}</h4>
{% if beside %}<p class="slate-beside">Beside: {{ beside }}</p>
{% endif %}<ol class="slate-items">
{% for item in items %}<li class="slate-item"><span class="slate-title">{{ item.title }}</span>
<span class="slate-price">{{ item.price }}</span>
<span class="slate-reason">{{ item.reason }}</span></li>
{% endfor %}</ol>
</section>"""
)


class Preview:
    """One slate as HTML; every text in it is escaped."""

    def __init__(self, html: str, text: str) -> None:
        self.html, self.text = html, text

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def preview(slate: pd.DataFrame, products: pd.DataFrame, title: str, currency: str, beside: str = "") -> Preview:
    """A slate (position, item_id, reason) with product titles and prices from `products` (index product_id).

    `beside` names the product or basket that the slate stands beside.
    """
    shown = slate.sort_values("position").join(products[["title", "price"]], on="item_id")
    items: list[Mapping[str, str]] = [
        {
            "title": row.title,
            "price": "" if pd.isna(row.price) else f"{float(row.price):.2f} {currency}",
            "reason": row.reason,
        }
        for row in shown.itertuples()
    ]
    lines = [f"{number}. {item['title']} ({item['reason']})" for number, item in enumerate(items, 1)]
    return Preview(_TEMPLATE.render(title=title, beside=beside, items=items), "\n".join([title, *lines]))
