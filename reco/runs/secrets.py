"""Secrets stand in the environment only; whatever a run writes or says is cleared of them."""

import html
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from reco.settings import Settings

#: What stands in the place of a secret.
MASK: Final = "•••"

#: Shorter values are not looked for: words that short stand in any text.
SHORTEST: Final = 8


def named(settings: Settings) -> list[str]:
    """Environment variables that the settings name as holding something secret."""
    told = [settings.runs.notify.email, settings.monitoring.alerts.email, settings.monitoring.alerts.webhook]
    names = [getattr(way, key, None) for way in told for key in ("user", "password", "url", "token")]
    return sorted({*settings.runs.notify.services, *filter(None, names)})


def _escaped(text: str) -> set[str]:
    """`text` as HTML and JSON hold it."""
    page = html.escape(text)
    pages = {page, page.replace("&quot;", "&#34;").replace("&#x27;", "&#39;"), html.escape(text, quote=False)}
    return pages | {json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}


class Secrets:
    """The values of some environment variables, to be cleared from texts as they are, and as JSON, HTML and URLs
    write them.

    >>> Secrets(["TOKEN"], {"TOKEN": 'abc"defgh'}).clear('{"a": "abc\\\\"defgh"} abc&#34;defgh abc%22defgh')
    '{"a": "•••"} ••• •••'
    """

    def __init__(self, names: Iterable[str], environment: Mapping[str, str] = os.environ) -> None:
        values = {environment.get(name, "") for name in names}
        forms: set[str] = set()
        for value in values:
            if len(value) >= SHORTEST:
                written = {value, repr(value)[1:-1], quote(value), quote(value, safe=""), json.dumps(value)[1:-1]}
                forms |= written.union(*map(_escaped, written))  # a notebook's output in its file, or on its page
        self._forms = sorted(forms, key=len, reverse=True)

    def clear(self, text: str) -> str:
        """`text` without any of them."""
        for form in self._forms:
            text = text.replace(form, MASK)
        return text

    def clear_file(self, path: Path) -> None:
        """Clear a text file, replaced whole and only if it held one."""
        if not self._forms or not path.exists():
            return
        text = path.read_text(encoding="utf-8")
        if (cleared := self.clear(text)) != text:
            private = path.with_name(f"{path.name}.part")
            private.write_text(cleared, encoding="utf-8")
            private.replace(path)
