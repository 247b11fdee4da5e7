"""Lists and structs of texts, as DuckDB takes them out of JSON."""

import json
from collections.abc import Sequence

import pyarrow as pa

from reco.raw.kinds import hidden, quoted

#: A number in JSON whose digits would not survive: an end of zeros, an exponent, a small one, one with more digits than
#: a float has, or -0.
_FRAIL = r"[:,\[]\s*-?(?:0[,}\]\s]|[0-9]+\.[0-9]*0\s*[,}\]\s]|[0-9]+(?:\.[0-9]+)?[eE]|0\.000|[0-9.]{17,})"
#: What stands before a number, texts as wholes, and the number.
_BEFORE_NUMBER = r'((?:"(?:[^"\\]|\\.)*"|[^"0-9\-])*)(-?[0-9][0-9.eE+\-]*)'


def structure(kind: pa.DataType) -> object:
    """The form of an Arrow type for DuckDB's json_transform; every leaf is text.

    >>> structure(pa.list_(pa.struct({"key": pa.string()})))
    [{'key': 'VARCHAR'}]
    """
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [structure(kind.value_type)]
    if pa.types.is_struct(kind):
        return {field.name: structure(field.type) for field in kind}
    return "VARCHAR"


def as_declared(value: str, kind: pa.DataType) -> str:
    """The DuckDB expression that takes a list or struct of texts out of JSON; null where it is something else."""
    return f"json_transform({hidden(f'{value}::VARCHAR')}, {quoted(json.dumps(structure(kind)))})"


def pointers(name: str) -> list[str]:
    """Where JSON may hold what goes by a name: under the name as it stands, and where its dots lead.

    >>> pointers("billing.email")
    ['/billing.email', '/billing/email']
    """
    whole = name.replace("~", "~0").replace("/", "~1")
    return [f"/{whole}"] if "." not in name else [f"/{whole}", f"/{whole.replace('.', '/')}"]


def as_list(texts: Sequence[str]) -> str:
    """Texts as a list in SQL."""
    return f"[{', '.join(map(quoted, texts))}]"


def digits_kept(row: str) -> str:
    """The DuckDB expression of a JSON text whose frail numbers are in quotes, so that no digit is lost."""
    # the 0 after the end gives the last piece a number too; without it, the search would go on inside a text
    quoting = quoted(r'\1"\2"')
    safe = f"regexp_replace({row} || ' 0', {quoted(_BEFORE_NUMBER)}, {quoting}, 'g')"
    return f"CASE WHEN regexp_matches({row}, {quoted(_FRAIL)}) THEN {safe}[:-5] ELSE {row} END"
