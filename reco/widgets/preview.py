"""HTML of a slate, as a shopper would see it."""

from collections.abc import Mapping

import pandas as pd
from jinja2 import Environment, StrictUndefined

_TEMPLATE = Environment(autoescape=True, undefined=StrictUndefined).from_string(
    """\
<style>
.slate { font: 15px/1.4 system-ui, sans-serif; color: #1c2733; background: #ffffff; padding: 12px; }
.beside { color: #5b6673; margin: 0 0 8px; }
.items { display: flex; flex-wrap: wrap; gap: 10px; list-style: none; margin: 0; padding: 0; }
.item { width: 150px; border: 1px solid #d8dce1; border-radius: 8px; padding: 10px; }
.name { display: block; font-weight: 600; }
.price { display: block; margin: 4px 0; }
.reason { display: block; color: #5b6673; font-size: 13px; }
</style>
<section class="slate">
{% if beside %}<p class="beside">Beside: {{ beside }}</p>
{% endif %}<ol class="items">
{% for item in items %}<li class="item"><span class="name">{{ item.title }}</span>
<span class="price">{{ item.price }}</span>
<span class="reason">{{ item.reason }}</span></li>
{% endfor %}</ol>
</section>"""
)


def slate_html(slate: pd.DataFrame, products: pd.DataFrame, currency: str, beside: str = "") -> str:
    """A slate (position, item_id, reason) as HTML, titles and prices from `products` (index product_id).

    `beside` names the product or basket that the slate stands beside. A product without a title shows
    its id. Every text is escaped.
    """
    shown = slate.sort_values("position").join(products[["title", "price"]], on="item_id")
    items: list[Mapping[str, str]] = [
        {
            "title": row.item_id if pd.isna(row.title) else row.title,
            "price": "" if pd.isna(row.price) else f"{float(row.price):.2f} {currency}",
            "reason": row.reason,
        }
        for row in shown.itertuples()
    ]
    return _TEMPLATE.render(beside=beside, items=items)
