"""Ids, e-mail addresses and numbers as raw tables keep them: expressions of DuckDB over columns of text.

The decimal sign of a file's numbers is decided once, from all of them: `evidence` counts what speaks for either sign,
`decide` takes the one that more speaks for, `number` reads by it.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, NamedTuple

import duckdb
import pyarrow as pa

from reco.sources.base import HASHED

Sign = Literal[".", ","]

_SPACE: Final = r"[\s\x{A0}\x{202F}\x{2009}]*"
_CURRENCY: Final = r"(?:[A-Z]{0,3}\p{Sc}|[A-Z]{3}|kr\.?|Rs\.?|zł|Kč|Ft|lei)?"
_SIGN: Final = r"([-+\x{2212}]?)"
_EXPONENT: Final = r"(?:[eE][-+]?[0-9]+)?"
_GROUP: Final = r"['’ \x{A0}\x{202F}\x{2009}]"

#: A number with what may stand around it: sign, currency, the apostrophe of spreadsheets.
_DRESSED: Final = (
    rf"^{_SPACE}'?{_SPACE}{_SIGN}{_SPACE}{_CURRENCY}{_SPACE}{_SIGN}{_SPACE}"
    rf"([0-9.,](?:{_GROUP}?[0-9.,])*{_EXPONENT}){_SPACE}{_CURRENCY}{_SPACE}$"
)
_UNDRESSED: Final = r"^[-+]?[0-9.,]+$"
#: Thousands set apart by spaces or apostrophes.
_SPACED: Final = rf"^[-+]?[0-9]{{1,3}}(?:{_GROUP}[0-9]{{3}})+(?:[.,][0-9]*)?$"

#: One group of three after one sign: thousands or decimals, nobody knows.
_OPEN: Final = r"^[-+]?[1-9][0-9]{0,2}[.,][0-9]{3}$"

#: Every digit of a number and its point stand as they should already.
_PLAIN: Final = r"^-?[0-9]+(?:\.[0-9]+)?$"
_WHOLE: Final = r"^-?[0-9]+$"


#: An e-mail address, in texts and in addresses of pages.
_ADDRESS: Final = r"[A-Za-z0-9._+\-]+(?:@|%40)[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)+"
#: What stands where an address stood in a text.
MASK: Final = "(e-mail)"


class Evidence(NamedTuple):
    """How many numbers of a file speak for a decimal sign, how many for neither, and one of those."""

    point: int = 0
    comma: int = 0
    neither: int = 0
    example: str | None = None

    def __add__(self, other: "Evidence") -> "Evidence":  # type: ignore[override]
        counts = (self.point + other.point, self.comma + other.comma, self.neither + other.neither)
        return Evidence(*counts, self.example or other.example)


def quoted(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def named(column: str) -> str:
    """A column as SQL names it."""
    return '"' + column.replace('"', '""') + '"'


def identifier(column: str) -> str:
    """An id without outer spaces and the apostrophe that tells spreadsheets to leave it alone."""
    bare = rf"regexp_replace({column}, '^\s+|\s+$', '', 'g')"
    return f"CASE WHEN starts_with({bare}, '''') THEN trim({bare}[2:]) ELSE {bare} END"


def email(column: str) -> str:
    """The SHA-256 of an address, trimmed and lowered; null where a text is no address."""
    bare = rf"regexp_replace({column}, '^[\s\x{{A0}}]+|[\s\x{{A0}}]+$', '', 'g')"
    return f"CASE WHEN contains({column}, '@') THEN sha256(lower({bare})) END"


def hidden(column: str) -> str:
    """A text without addresses: one that is an address becomes `HASHED` and its SHA-256, one that holds some says so.

    So an address that a shop uses for an id still tells its owner from others, and is kept nowhere.
    """
    whole, inside = quoted(rf"^\s*{_ADDRESS}\s*$"), quoted(_ADDRESS)
    digest = f"{quoted(HASHED)} || sha256(lower(trim({column})))"
    return (
        f"CASE WHEN NOT regexp_matches({column}, '@|%40') THEN {column} "
        f"WHEN regexp_matches({column}, {whole}) THEN {digest} "
        f"ELSE regexp_replace({column}, {inside}, {quoted(MASK)}, 'g') END"
    )


def number(column: str, sign: Sign) -> str:
    """A number with a decimal point and nothing beside its sign and digits, where it is written with `sign`.

    What is no such number stays as it is; where others could still read it as one, words keep them from that.
    """
    point, group = _signs(sign)
    bare = _bare(column)
    plain = rf"^[-+]?(?:[0-9]+{point}?[0-9]*|{point}[0-9]+){_EXPONENT}$"
    grouped = rf"^[-+]?[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}(?:{point}[0-9]*)?$"
    ungrouped = f"replace({bare}, {quoted(',' if sign == '.' else '.')}, '')"
    words = f" (expected with a decimal {'point' if sign == '.' else 'comma'})"
    return (
        f"CASE WHEN regexp_matches({column}, {quoted(_PLAIN if sign == '.' else _WHOLE)}) THEN {column} "
        f"WHEN regexp_matches({bare}, {quoted(plain)}) THEN {_canonical(bare, sign)} "
        f"WHEN regexp_matches({bare}, {quoted(grouped)}) THEN {_canonical(ungrouped, sign)} "
        f"WHEN isfinite(try_cast({column} AS DOUBLE)) THEN {column} || {quoted(words)} ELSE {column} END"
    )


def evidence(relation: duckdb.DuckDBPyRelation, columns: Sequence[str]) -> Evidence:
    """What the numbers in `columns` say about their decimal sign."""
    total = Evidence()
    for column in columns:
        name = named(column)
        bare = f"CASE WHEN regexp_matches({name}, '[.,]') THEN {_bare(name)} END"
        counts = [f"count(*) FILTER (regexp_matches(bare, {quoted(_speaks_for(sign))}))" for sign in ".,"]
        is_open = f"regexp_matches(bare, {quoted(_OPEN)})"
        row = relation.project(f"{bare} AS bare").aggregate(
            f"{', '.join(counts)}, count(*) FILTER ({is_open}), min(bare) FILTER ({is_open})"
        )
        total += Evidence(*row.fetchall()[0])
    return total


def decide(found: Evidence, otherwise: Sign | None = None) -> Sign | None:
    """The decimal sign that more numbers speak for; `otherwise` where none or as many do, a point where it is all one.

    None where it matters and nobody knows.
    """
    if found.point != found.comma:
        return "." if found.point > found.comma else ","
    return otherwise or (None if found.point or found.neither else ".")


def expressions(kinds: Mapping[str, str], types: Mapping[str, pa.DataType]) -> str:
    """All columns of a raw table, ids and addresses brought to form; numbers wait for the whole file."""
    made = {"id": lambda column: hidden(identifier(column)), "email": email, "text": hidden}
    return ", ".join(
        f"{made[kind](named(name)) if kind in made and types[name] == pa.string() else named(name)} AS {named(name)}"
        for name, kind in kinds.items()
    )


def _signs(sign: Sign) -> tuple[str, str]:
    """Patterns of a decimal sign and of the one that sets thousands apart beside it."""
    return (r"\.", ",") if sign == "." else (",", r"\.")


def _bare(column: str) -> str:
    """A number without what may stand around it; anything else as it is."""
    undressed = rf"replace(regexp_replace({column}, {quoted(_DRESSED)}, '\1\2\3'), chr(8722), '-')"
    unspaced = f"regexp_replace({undressed}, {quoted(_GROUP)}, '', 'g')"
    return (
        f"CASE WHEN regexp_matches({column}, {quoted(_UNDRESSED)}) THEN {column} "
        f"WHEN regexp_matches({undressed}, {quoted(_SPACED)}) THEN {unspaced} ELSE {undressed} END"
    )


def _canonical(bare: str, sign: Sign) -> str:
    """`-.5` as `-0.5`, `+5.` as `5`."""
    pointed = bare if sign == "." else f"replace({bare}, ',', '.')"
    led = rf"regexp_replace(ltrim({pointed}, '+'), '^(-?)\.', '\10.')"
    return rf"regexp_replace({led}, '\.(?:$|([eE]))', '\1')"


def _speaks_for(sign: Sign) -> str:
    """Numbers that nobody could write with another decimal sign than this."""
    point, group = _signs(sign)
    return (
        rf"^[-+]?(?:[0-9]*{point}(?:[0-9]{{1,2}}|[0-9]{{4,}})|(?:0[0-9]*|[0-9]{{4,}})?{point}[0-9]{{3}}|"
        rf"[0-9]*{point}[0-9]+[eE][-+]?[0-9]+|[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})*{group}[0-9]{{3}}{point}[0-9]*|"
        rf"[0-9]{{1,3}}(?:{group}[0-9]{{2,3}})+{group}[0-9]{{3}})$"
    )
