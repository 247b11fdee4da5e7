"""Customers who asked to be forgotten: put on the list, taken out of everything derived, and looked for again."""

import hashlib
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import duckdb
import pandas as pd

from reco.errors import InputError
from reco.exports import forgotten
from reco.exports.forgotten import SHORT_NUMBER
from reco.exports.material import folder as exports_of
from reco.store import DEVICE
from reco.workbook import Workbook

#: Names of columns that hold who somebody is.
PEOPLE: Final = re.compile(
    "customer|account|user|visitor|person|profile|household|buyer|client|device|identif|mail|contact|member", re.I
)

#: How the files of rows end that the reader could not read.
REFUSED: Final = "-refused.parquet"


class Proof(NamedTuple):
    """What a search of everything that Reco keeps came to.

    Attributes:
        identifiers: by how many accounts, addresses and devices the customer was known.
        files: Parquet files searched.
        rows: rows searched.
        found: file, column, rows: where an identifier still stands; empty when the customer is forgotten.
        exports: system, run, file, rows: what of the exports spoke of the customer; these runs were taken away.
    """

    identifiers: int
    files: int
    rows: int
    found: pd.DataFrame
    exports: pd.DataFrame


def forget(wb: Workbook, customer: str) -> tuple[Workbook, Proof]:
    """Forget a customer, named by account, e-mail address, device or the store's own id, and prove it.

    The identifiers go on the list of the settings as SHA-256; raw Parquet, tables, quarantine and cached results lose
    their rows, and runs of `reco export` that speak of the customer are taken away. The files that the shop itself
    exported are not touched. Returns the workbook of the new store.

    Raises `InputError` where nothing is known of such a customer.
    """
    identifiers = known_identifiers(wb, customer)
    _list(wb, identifiers)
    _blank_refused(wb, identifiers)
    for folder in ("cache", "tables"):
        shutil.rmtree(wb.folder / folder, ignore_errors=True)
    exports = exports_of(wb, None)
    spoke = forgotten.search(exports, identifiers)
    forgotten.remove(exports, spoke)
    wb = Workbook(wb.settings)
    _ = wb.tables
    proof, left = search(wb.folder, identifiers, _headers(wb)), forgotten.search(exports, identifiers)
    left = pd.DataFrame({"file": left["system"] + "/" + left["run"] + "/" + left["file"], "rows": left["rows"]})
    return wb, proof._replace(found=pd.concat([proof.found, left.assign(column="any")]), exports=spoke)


def known_identifiers(wb: Workbook, customer: str) -> list[str]:
    """Every account, hashed address and device of a customer, and the store's id."""
    named = {customer, digest(customer.strip().lower())} if "@" in customer else {customer}
    known = set()
    if wb.has("identities"):
        table = wb.connection.to_pandas(wb.table("identities"))
        mine = table[table["identifier"].isin(named) | table["customer_id"].isin(named)]["customer_id"]
        same = table[table["customer_id"].isin(mine)]
        known = {*same["identifier"], *same["customer_id"]}
    if not known:
        columns = [wb.table(name).customer_id for name in wb.tables if "customer_id" in wb.table(name).columns]
        if any(int(column.isin(sorted(named)).sum().execute() or 0) for column in columns):
            known = named
    if not known and {digest(one) for one in named} & set(wb.forgotten):
        known = named
    if not known:
        raise InputError(
            f"no customer of {wb.settings.store.name} is known by this identifier; expected an account, an e-mail "
            "address, a device or a customer_id of the store"
        )
    return sorted(known)


def _headers(wb: Workbook) -> list[str]:
    """Columns of the shop's own files that are mapped to customers."""
    mapped = [columns for source in wb.settings.sources for columns in getattr(source, "tables", {}).values()]
    return [columns[column] for columns in mapped for column in ("customer_id", DEVICE) if column in columns]


def digest(text: str) -> str:
    """SHA-256 of a text, as 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def search(folder: Path, identifiers: Sequence[str], columns: Sequence[str] = ()) -> Proof:
    """Look for identifiers in every column of every Parquet file below `folder`.

    A short number may stand for anything, such as a quantity: it is looked for in `columns` and in those whose name
    speaks of people.
    """
    found, rows, files = [], 0, sorted(folder.rglob("*.parquet"))
    with _wanted(identifiers) as connection:
        for path in files:
            table = connection.read_parquet(str(path))
            rows += table.count("*").fetchall()[0][0]
            for column, kind in zip(table.columns, table.types, strict=True):
                of_people = column in columns or bool(PEOPLE.search(column)) or path.name.endswith(REFUSED)
                held = _held(column, str(kind), of_people)
                if held:
                    query = f"SELECT count(*) FROM read_parquet(?) WHERE {held}"  # noqa: S608 the file's own columns
                    count = connection.execute(query, [str(path)]).fetchall()[0][0]
                    if count:
                        found.append((path.relative_to(folder).as_posix(), column, count))
    told = pd.DataFrame(found, columns=["file", "column", "rows"])
    return Proof(len(identifiers), len(files), rows, told, pd.DataFrame(columns=forgotten.COLUMNS))


def _wanted(identifiers: Sequence[str]) -> duckdb.DuckDBPyConnection:
    """A connection with a table of what is looked for, and whether it is telling wherever it stands."""
    connection = duckdb.connect()
    connection.execute("CREATE TABLE wanted AS SELECT unnest(?) AS one, NULL::BOOLEAN AS telling", [list(identifiers)])
    connection.execute(f"UPDATE wanted SET telling = NOT regexp_full_match(one, '{SHORT_NUMBER}')")  # noqa: S608 ours
    return connection


def _held(column: str, kind: str, of_people: bool) -> str | None:
    """The condition that a column holds an identifier: as its value, or anywhere in lists, objects and long texts."""
    name = '"' + column.replace('"', '""') + '"'
    wanted = "FROM wanted" if of_people else "FROM wanted WHERE telling"
    if kind == "VARCHAR" and column != "row":
        return f"{name} IN (SELECT one {wanted})"
    if kind.endswith("[]") or kind.startswith("STRUCT") or column == "row":
        # whole words only: account 7 is not in 2017
        word = "'(^|[^A-Za-z0-9])' || regexp_escape(one) || '($|[^A-Za-z0-9])'"
        return f"EXISTS (SELECT 1 {wanted} {'WHERE' if of_people else 'AND'} regexp_matches({name}::VARCHAR, {word}))"
    return None


def _list(wb: Workbook, identifiers: Sequence[str]) -> None:
    path = wb.settings.root / wb.settings.privacy.forgotten
    lines = sorted({*wb.forgotten, *map(digest, identifiers)})
    path.parent.mkdir(parents=True, exist_ok=True)
    private = path.with_suffix(".part")
    private.write_text("\n".join(lines) + "\n", encoding="utf-8")
    private.replace(path)


def _blank_refused(wb: Workbook, identifiers: Sequence[str]) -> None:
    """Rows that the reader could not read stay counted, but no longer say what they said."""
    with _wanted(identifiers) as connection:
        for path in (wb.folder / "raw").rglob(f"*{REFUSED}"):
            draft = path.with_name(f"draft-{path.name}")
            # the path is bound, the condition is made of no outside text
            query = (
                f"SELECT * REPLACE (CASE WHEN {_held('row', 'VARCHAR', of_people=True)} THEN '' ELSE row END AS row)"
            )
            connection.execute(f"COPY ({query} FROM read_parquet($1)) TO '{_quoted(draft)}'", [str(path)])
            draft.replace(path)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
