"""The templates of all widgets: everything is escaped but in the text of e-mails, nothing undefined passes."""

from functools import cache
from pathlib import Path
from typing import Final
from zlib import crc32

from babel.numbers import format_currency
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

FOLDER: Final = Path(__file__).parent / "templates"

#: How many tints there are for products without a picture.
TINTS: Final = 5


@cache
def environment() -> Environment:
    """The environment of the templates in reco/widgets/templates."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=select_autoescape(disabled_extensions=("txt.j2",), default_for_string=True, default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"money": money, "initial": initial, "tint": tint}
    return made


def money(amount: float, currency: str) -> str:
    """A price in words of its currency.

    >>> money(4.5, "USD"), money(1200, "JPY")
    ('$4.50', '¥1,200')
    """
    return format_currency(amount, currency, locale="en_US")


def initial(title: str) -> str:
    """The first letter or digit of a title, for where there is no picture.

    >>> initial("(2%) milk"), initial("…")
    ('2', '·')
    """
    return next((sign.upper() for sign in title if sign.isalnum()), "·")


def tint(title: str) -> int:
    """A number below `TINTS` that stays the same for the same title."""
    return crc32(title.encode()) % TINTS
