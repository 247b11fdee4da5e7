"""Nobody is to be known from a page: the gate that looks, names that hide who is meant, and groups too small to show.

The gate sees addresses anywhere; ids long enough to mean nothing else (letters and digits together, or nine digits)
anywhere; shorter ids, such as 17, only where they can be told: in cells below a heading such as “Customer id”, and
behind such a word, as in “customer 17” or `customer_id = "17"`; names of people as first and last name together, where
the store's raw tables have columns of them. It does not see a short id alone in a sentence, an id with blanks, a first
name alone, anything drawn in a PNG, or who somebody is by what they bought.
"""

import base64
import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import duckdb
import pandas as pd
from pandas.api import types
from pandas.util import hash_array

from reco.report.text import MISSING, PLACES, scrub

if TYPE_CHECKING:
    from reco.workbook import Workbook

#: Groups of fewer customers are not shown.
LEAST: Final = 10

#: What stands for the size of such a group.
FEW: Final = f"under {LEAST}"

ADDRESS: Final = "an e-mail address"
ID: Final = "a customer's id"
NAME: Final = "a person's name"
GROUP: Final = f"a group of fewer than {LEAST} customers"

_ADDRESS: Final = re.compile(r"(?<![\w.%+-])[\w.%+-]+(?:@|%40)(?:[a-z0-9-]+\.)+[a-z]{2,}", re.IGNORECASE)

_WHO: Final = "customer|household|shopper|user|account|visitor|member|client|buyer|person|device|profile"
#: Headings of columns that hold ids.
_OF_IDS: Final = re.compile(rf"(?:{_WHO}|identifier)(?:[ _-]?(?:id|key|no\.?|number))?", re.IGNORECASE)
#: Headings of columns that count people.
_COUNTS: Final = re.compile(r"(?:customers|newcomers|households|shoppers|users|buyers|people)", re.IGNORECASE)
#: An id behind the word that says what it is; “per customer 12” and “customer 3 times” are something else.
_SAID: Final = re.compile(
    rf"(?<!per )(?<!each )(?<!every )(?<!known )\b(?:{_WHO})(?:[ _-]?(?:id|key|no\.?|number))?"
    r"""["'”]?(?:\s*(?:==?|:|\#)\s*|\s+)["'“\[(]*([^\s"'<>()\[\],;”&]+)"""
    r"(?!\s*(?:%|percent|times|seconds|weeks|days|orders|products|purchases))",
    re.IGNORECASE,
)
_TOKENS: Final = (re.compile(r"[^\s\"'<>()\[\],;=]+"), re.compile(r"[\w.:@-]+"), re.compile(r"[\w-]+"))
_TELLING: Final = re.compile(r"\d{9,}|(?=.*[A-Za-z:@-])(?=.*\d).{6,}")

#: Words in a picture; what matplotlib draws as paths stands in comments.
_DRAWN: Final = re.compile(r"<!--(.*?)-->|>([^<>]*\w[^<>]*)<", re.DOTALL)
_SVG: Final = re.compile(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)")

_FIRST: Final = re.compile(r"(?:.*[._ ])?(?:first|given|fore)[_ ]?name", re.IGNORECASE)
_LAST: Final = re.compile(r"(?:.*[._ ])?(?:last|family|sur)[_ ]?name", re.IGNORECASE)
_FULL: Final = re.compile(r"(?:.*[._ ])?(?:full|customer|buyer|person|contact)[_ ]?name", re.IGNORECASE)


class Text(NamedTuple):
    """What a page says: pieces of text, each whole in its element, and tables as rows of cells."""

    pieces: list[str]
    tables: list[list[list[str]]]


class Gate(NamedTuple):
    """What must not be on a page.

    Attributes:
        ids: all ids of the store's customers, with accounts and devices.
        telling: those of them that mean nothing else wherever they stand.
        names: names of people, folded, of two words or more.
    """

    ids: frozenset[str] = frozenset()
    telling: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    @classmethod
    def of(cls, ids: Iterable[str], names: Iterable[str] = (), others: Iterable[str] = ()) -> "Gate":
        """A gate for some ids and names; `others` are ids that mean something else, too, such as products'."""
        ids = frozenset(ids)
        telling = frozenset(filter(_TELLING.fullmatch, ids)).difference(others)
        folded = (" ".join(name.casefold().split()) for name in names)
        return cls(ids, telling, frozenset(name for name in folded if " " in name))

    def kinds(self, html: str) -> list[str]:
        """What a page shows that it may not, in words that do not repeat it; empty for a page that may be seen."""
        return self._kinds(read(html))

    def kinds_of_copy(self, notebook: str) -> list[str]:
        """The same of the file of a notebook, which holds its outputs as text and as HTML."""
        return self._kinds(Text([], []), *map(read, _parts(json.loads(notebook))))

    def _kinds(self, *texts: Text) -> list[str]:
        pieces = [unicodedata.normalize("NFKC", piece) for text in texts for piece in text.pieces]
        tables = [table for text in texts for table in text.tables]
        found = {
            ADDRESS: any(map(_ADDRESS.search, pieces)),
            ID: self._names_ids(pieces, tables),
            NAME: bool(self.names) and not self.names.isdisjoint(_neighbours(pieces)),
            GROUP: any(map(_small, tables)),
        }
        return [kind for kind, there in found.items() if there]

    def _names_ids(self, pieces: Sequence[str], tables: Sequence[list[list[str]]]) -> bool:
        if not self.ids:
            return False
        tokens = {token.rstrip(".:") for piece in pieces for form in _TOKENS for token in form.findall(piece)}
        if not self.telling.isdisjoint(tokens):
            return True
        said = {found.rstrip(".:?!") for piece in pieces for found in _SAID.findall(piece)}
        return not self.ids.isdisjoint(said.union(*map(_in_columns, tables)))


def watch(folder: Path) -> Gate:
    """The gate of the store in a folder: its customers' ids as its tables have them, names where its raw tables do.

    It reads what is there and builds nothing; without tables it knows no ids.
    """
    ids: set[str] = set()
    products: list[str] = []
    called: list[str] = []
    with duckdb.connect() as connection:
        for path in sorted((folder / "tables").glob("*.parquet")):
            columns = connection.read_parquet(str(path)).columns
            for column in {"customer_id", "identifier"}.intersection(columns):
                ids.update(_distinct(connection, path, column))
            if path.stem == "products":
                products = _distinct(connection, path, "product_id")
                for column in {"title", "brand"}.intersection(columns):
                    called += _distinct(connection, path, column)
    names = {" ".join(name.casefold().split()) for name in _people(folder / "raw")}
    if names:
        names.difference_update(_neighbours(called))  # somebody may be called like a whisky
    return Gate.of(ids, names, products)


def _distinct(connection: duckdb.DuckDBPyConnection, path: Path, expression: str) -> list[str]:
    query = f"SELECT DISTINCT {expression} FROM read_parquet(?)"  # noqa: S608 the file's own columns
    return [row[0] for row in connection.execute(query, [str(path)]).fetchall() if row[0]]


def _people(raw: Path) -> set[str]:
    """Names of people in the raw tables below a folder: first and last name of a row, or a column of whole names."""
    found: set[str] = set()
    with duckdb.connect() as connection:
        for path in sorted(raw.rglob("*.parquet")):
            columns = connection.read_parquet(str(path)).columns
            first, last = (list(filter(form.fullmatch, columns)) for form in (_FIRST, _LAST))
            pairs = zip(first, last, strict=False)  # billing and shipping, each in their order
            wanted = [f"{_quoted(a)} || ' ' || {_quoted(b)}" for a, b in pairs]
            wanted += map(_quoted, filter(_FULL.fullmatch, columns))
            for name in wanted:
                found.update(_distinct(connection, path, name))
    return found


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


class _Reader(HTMLParser):
    """Text of a page by element, attributes that are read aloud or shown, words inside pictures, and tables."""

    _BLOCKS: Final = re.compile(
        "p|h[1-6]|li|td|th|dd|dt|pre|caption|figcaption|summary|div|section|table|tr|br|title|style"
    )

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = [""]
        self.tables: list[list[list[str]]] = []
        self._open: list[list[list[str]]] = []
        self._cell = False
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag in {"style", "script"}
        if self._BLOCKS.fullmatch(tag):
            self.pieces.append("")
        if tag == "table":
            self._open.append([])
            self.tables.append(self._open[-1])
            self._cell = False
        elif tag == "tr" and self._open:
            self._open[-1].append([])
        elif tag in {"td", "th"} and self._open and self._open[-1]:
            self._open[-1][-1].append("")
            self._cell = True
        said = [
            f'{name}="{value}"' if name.startswith("data-") else value
            for name, value in attrs
            if value and name not in {"style", "class", "headers", "content"}
        ]
        for value in said:
            if not value.startswith("data:"):
                self.pieces[-1:-1] = [value]
            elif svg := _SVG.match(value):
                drawn = base64.b64decode(svg[1]).decode("utf-8", "replace")
                self.pieces[-1:-1] = [comment or text for comment, text in _DRAWN.findall(drawn)]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        if self._style:
            return
        self.pieces[-1] += data
        if self._cell:
            self._open[-1][-1][-1] += data

    def handle_comment(self, data: str) -> None:
        self.pieces[-1:-1] = [data]

    def handle_endtag(self, tag: str) -> None:
        self._style = False
        if self._BLOCKS.fullmatch(tag):
            self.pieces.append("")
        if tag in {"td", "th"}:
            self._cell = False
        elif tag == "table" and self._open:
            self._open.pop()
            self._cell = bool(self._open and self._open[-1] and self._open[-1][-1])


def read(html: str) -> Text:
    """What a page says, with what its pictures and attributes say."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    tables = [[[" ".join(cell.split()) for cell in row] for row in table] for table in reader.tables]
    return Text([piece for piece in reader.pieces if piece.strip()], tables)


def _parts(notebook: dict[str, Any]) -> Iterator[str]:
    """Sources and outputs of a notebook as HTML."""
    for cell in notebook["cells"]:
        yield f"<pre>{_escaped(_joined(cell['source']))}</pre>"
        for output in cell.get("outputs", ()):
            told = [output.get("text", ""), "\n".join(output.get("traceback", ()))]
            yield from (f"<pre>{_escaped(scrub(_joined(text)))}</pre>" for text in told if text)
            for kind, value in output.get("data", {}).items():
                if kind == "text/html" or "preview" in kind or kind == "image/svg+xml":
                    yield _joined(value)
                elif not kind.startswith("image/"):
                    text = value if isinstance(value, str | list) else json.dumps(value, ensure_ascii=False)
                    yield f"<pre>{_escaped(_joined(text))}</pre>"


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(map(str, text))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


def _in_columns(table: list[list[str]]) -> Iterator[str]:
    """Cells below or beside a heading that says they are ids."""
    heads = next((row for row in table if row), [])
    at = [place for place, head in enumerate(heads) if _OF_IDS.fullmatch(head)]
    for row in table:
        if row and _OF_IDS.fullmatch(row[0]):
            yield from row[1:]
        if row is not heads:
            yield from (row[place] for place in at if place < len(row))


def _small(table: list[list[str]]) -> bool:
    """Whether a table has a row of 1 to 9 people in a column that counts them."""
    heads = next((row for row in table if row), [])
    at = [place for place, head in enumerate(heads) if _COUNTS.fullmatch(head)]
    cells = (row[place] for row in table if row is not heads for place in at if place < len(row))
    return any(cell.isdigit() and 0 < int(cell) < LEAST for cell in cells)


def _neighbours(pieces: Iterable[str]) -> Iterator[str]:
    """Two to four words that stand side by side, folded."""
    for piece in pieces:
        words = re.findall(r"[^\s,;:()\[\]\"<>|]+", piece.casefold())
        words = [word.strip(".!?'’") if word.endswith(("!", "?", "'", "’s", "'s")) else word for word in words]
        words = [word.removesuffix("'s").removesuffix("’s").rstrip(".") for word in words]
        for size in (2, 3, 4):
            yield from (" ".join(words[at : at + size]) for at in range(len(words) - size + 1))


def suppressed(frame: pd.DataFrame, count: str, keep: Sequence[str] = (), least: int = LEAST) -> pd.DataFrame:
    """A table by group without what it says of groups of 1 to `least` - 1 customers: a new frame of the same shape.

    Their size reads `FEW`; numbers in other columns become missing, text and the columns `keep` stay.

    >>> groups = pd.DataFrame({"segment": ["new", "loyal"], "customers": [3, 40], "revenue": [9.5, 80.0]})
    >>> suppressed(groups, "customers").values.tolist()
    [['new', 'under 10', nan], ['loyal', 40, 80.0]]
    """
    small = _small_counts(frame[count], least)
    out = frame.copy()
    for column in frame.columns:
        if column == count:
            out[column] = frame[column].astype(object).mask(small, FEW)
        elif column not in keep and types.is_numeric_dtype(frame[column]):
            out[column] = frame[column].mask(small)
    return out


def _small_counts(counts: pd.Series, least: int = LEAST) -> pd.Series:
    return pd.to_numeric(counts, errors="coerce").between(1, least - 1)


def hidden(cells: Mapping[str, list[str]], numeric: Collection[str], frame: pd.DataFrame) -> dict[str, list[str]]:
    """The formatted cells of a table by heading, without what they say of groups of 1 to 9 customers.

    `frame` has the values, a column by heading; a heading such as “Customers” says that a column counts them.
    """
    counts = [heading for heading in numeric if _COUNTS.fullmatch(heading)]
    if not counts:
        return dict(cells)
    small = pd.concat([_small_counts(frame[heading]) for heading in counts], axis=1).any(axis=1).tolist()
    covers = {heading: FEW if heading in counts else MISSING for heading in numeric}
    return {
        heading: [covers[heading] if few else cell for few, cell in zip(small, column, strict=True)]
        if heading in covers
        else column
        for heading, column in cells.items()
    }


def pseudonyms(wb: "Workbook", customers: Sequence[str]) -> list[str]:
    """What customers are called where nobody is to be known: the same as long as the store's data are.

    Letters alone, so that none is a number that could be an id. SipHash (Aumasson, Bernstein, INDOCRYPT 2012) under a
    key of the raw files' contents, which no page and no record of a run has.
    """
    names = pd.Series(list(customers), dtype="object").to_numpy()
    hashed = hash_array(names, hash_key=wb.secret("pseudonyms"), categorize=False)
    return ["Customer " + f"{number:016x}"[-6:].translate(_LETTERS) for number in hashed.tolist()]


_LETTERS: Final = str.maketrans("0123456789abcdef", "BCDFGHJKLMNPQRST")


@cache
def _places(root: str) -> tuple[re.Pattern[str], dict[str, str]]:
    known = {path.rstrip("/"): name.rstrip("/") for path, name in (*PLACES, (root, "")) if len(path) > 1}
    known = dict(sorted(known.items(), key=lambda place: -len(place[0])))
    found = re.compile(rf"(?<![\w/.-])(?:file://)?({'|'.join(map(re.escape, known))})(?:(/)|(?![\w.-]))")
    return found, known


def scrubbed(text: str, root: Path) -> str:
    """`text`, such as a page or a notebook's file, without paths of this machine; `root` is the workbook's folder."""
    form, known = _places(str(root))

    def replaced(found: re.Match[str]) -> str:
        name = known[found[1]].strip("<>")
        return f"{name}/" if name and found[2] else name or ("" if found[2] else ".")

    return form.sub(replaced, text)


def without_addresses(text: str) -> str:
    """`text` with a mark in the place of each e-mail address."""
    return _ADDRESS.sub("•••", text)
