"""Mailchimp's merge tags, as far as the block of an export uses them.

Mailchimp publishes no engine, and PyPI holds none. So this follows its public description (mailchimp.com/developer, on
merge fields and conditional merge tags): `*|FIELD|*` is the value of a field, and `*|IF:FIELD|* ... *|ELSE:|* ...
*|END:IF|*` shows its first part where the field has a value, else its second.
"""

import re
from collections.abc import Callable, Mapping
from html import escape

_CONDITION = re.compile(
    r"\*\|IF:(\w+)\|\*((?:(?!\*\|IF:).)*?)(?:\*\|ELSE:\|\*((?:(?!\*\|IF:).)*?))?\*\|END:IF\|\*", re.S
)
_FIELD = re.compile(r"\*\|([A-Z0-9_]{1,10})\|\*")


def rendered(block: str, fields: Mapping[str, str], shown: Callable[[str], str] = escape) -> str:
    """What a subscriber with such `fields` sees of a block; raises `KeyError` for a field that the audience lacks.

    Values go through `shown`: whether Mailchimp escapes them is not documented.
    """
    chosen = _CONDITION.sub(lambda found: (found[2] if fields[found[1]] else found[3]) or "", block)
    assert "*|" not in _FIELD.sub("", chosen), "a tag that is none, or a condition within another or without an end"
    return _FIELD.sub(lambda found: shown(fields[found[1]]), chosen)
