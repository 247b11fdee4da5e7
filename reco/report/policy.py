"""The content security policy of a page: nothing from outside, and of styles those that stand in it, by hash."""

import base64
import hashlib
from html.parser import HTMLParser
from typing import Final

#: What stands in a template where the policy belongs, inside the quotes of an attribute.
PLACE: Final = "@@policy@@"

_BASE: Final = "default-src 'none'; img-src data:; {styles}; base-uri 'none'; form-action 'none'"


class _Reader(HTMLParser):
    """Collects what a policy must know of a page: style elements, style attributes, and what may not be there."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sheets: list[str] = []
        self.attributes: dict[str, None] = {}
        self.refused: list[str] = []
        self._open = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag == "style"
        if self._open:
            self.sheets.append("")
        if tag == "script":
            self.refused.append("a script")
        for name, value in attrs:
            if name == "style" and value:
                self.attributes[value] = None
            elif name.startswith("on"):
                self.refused.append(f"the handler {name}")

    def handle_data(self, data: str) -> None:
        if self._open:
            self.sheets[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._open = False


def secured(page: str) -> str:
    """A whole page with its policy in the place of `PLACE`: the styles in it are allowed by their SHA-256, no other.

    Attributes are allowed by hash, too, which 'unsafe-hashes' stands for; see
    https://www.w3.org/TR/CSP3/#unsafe-hashes-usage. Raises `ValueError` for a page with a script or an inline handler:
    they would not run.

    >>> secured(f'<meta content="{PLACE}"><style>p{{}}</style>')[50:113]
    "style-src 'sha256-gG2yISYereRMiG2lMXrbiUgi0Ubw9p7QCeWcroOvy9Y='"
    """
    reader = _Reader()
    reader.feed(page)
    reader.close()
    if reader.refused:
        raise ValueError(f"a page may hold no script and no inline handler; found {reader.refused[0]}")
    sources = list(dict.fromkeys(map(_source, reader.sheets)))
    if reader.attributes:
        sources += ["'unsafe-hashes'", *dict.fromkeys(map(_source, reader.attributes))]
    styles = "style-src " + (" ".join(sources) or "'none'")
    return page.replace(PLACE, _BASE.format(styles=styles), 1)


def _source(text: str) -> str:
    """The hash of a style as a policy names it; browsers read line ends as one character."""
    read = text.replace("\r\n", "\n").replace("\r", "\n")
    return f"'sha256-{base64.b64encode(hashlib.sha256(read.encode()).digest()).decode()}'"
