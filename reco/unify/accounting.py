"""Nothing is lost silently: for every file, accepted + quarantined (+ forgotten) = read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import ibis
import pandas as pd
import pyarrow as pa
from ibis.expr.types import StringValue, Table

from reco.errors import InputError
from reco.raw import RawFile
from reco.store import FILE, LINE, REASON

#: Why a row of a customer who asked to be forgotten is nowhere.
FORGOTTEN: Final = "forgotten"

#: What one file came to: rows read, and what became of them.
COLUMNS: Final = (
    "source", "table", FILE, "read_at", "modified", "encoding", "separator", "decimal", "same_as",
    "read", "accepted", "quarantined", "refused", "forgotten",
)  # fmt: skip

#: Rows that were set aside.
ASIDE: Final = pa.schema(
    {
        "source": pa.string(),
        FILE: pa.string(),
        LINE: pa.int64(),
        REASON: pa.string(),
        "table": pa.string(),
        "row": pa.string(),
    }
)

#: Columns of `count`.
COUNTED: Final = ("source", FILE, "accepted", "quarantined", "forgotten")


class Rows(NamedTuple):
    """The rows of one unified table as they came from the sources.

    Attributes:
        kept: rows that entered the table: source, file, line.
        aside: rows that did not: source, file, line, reason.
    """

    kept: Table
    aside: Table


def tell_apart(files: Sequence[RawFile]) -> None:
    """Raise `InputError` where two files of one kind of source have one name, so that rows could be of either."""
    paths: dict[tuple[str, str], Path] = {}
    for one in files:
        other = paths.setdefault((one.source, one.name), one.path)
        if other != one.path:
            raise InputError(
                f"{one.name}: two sources of kind {one.source} have a file of this name ({other} and {one.path}); "
                "expected different names, or one source with both paths"
            )


def count(rows: Mapping[str, Rows], whole: Mapping[str, Sequence[str]]) -> Table:
    """What became of the raw rows of each file: source, file, accepted, quarantined, forgotten.

    A raw row is quarantined when something of it was set aside in any table, else accepted. `whole` names, by table,
    sources each of whose raw rows gave just one row of that table and of no other: they are counted without grouping.
    """
    counts = [_by_row(rows, whole)]
    for name, sources in whole.items():
        if name in rows:
            kept = rows[name].kept.filter(lambda t, s=sources: t.source.isin(s)).group_by("source", FILE)
            aside = rows[name].aside.filter(lambda t, s=sources: t.source.isin(s)).group_by("source", FILE)
            gone = ibis._[REASON] == FORGOTTEN
            taken = kept.aggregate(accepted=ibis._.count())
            left = aside.aggregate(quarantined=(~gone).cast("int64").sum(), forgotten=gone.cast("int64").sum())
            nothing = ibis.literal(0, type="int64")
            counts.append(taken.mutate(quarantined=nothing, forgotten=nothing).select(*COUNTED))
            counts.append(left.mutate(accepted=nothing).select(*COUNTED))
    every = ibis.union(*counts) if len(counts) > 1 else counts[0]
    return every.group_by("source", FILE).aggregate(
        accepted=every.accepted.sum(), quarantined=every.quarantined.sum(), forgotten=every.forgotten.sum()
    )


def _by_row(rows: Mapping[str, Rows], whole: Mapping[str, Sequence[str]]) -> Table:
    parts = []
    for name, (kept, aside) in rows.items():
        apart = list(whole.get(name, ()))
        for table, state in (
            (kept, ibis.literal(0, type="int8")),
            (aside, lambda t: ibis.ifelse(t[REASON] == FORGOTTEN, 2, 1).cast("int8")),
        ):
            table = table.filter(~table.source.isin(apart)) if apart else table
            parts.append(table.mutate(state=state).select("source", FILE, LINE, "state"))
    by_row = ibis.union(*parts).group_by("source", FILE, LINE).aggregate(state=ibis._.state.max())
    return by_row.group_by("source", FILE).aggregate(
        accepted=by_row.count(where=by_row.state == 0),
        quarantined=by_row.count(where=by_row.state == 1),
        forgotten=by_row.count(where=by_row.state == 2),
    )


def balance(
    files: Sequence[RawFile], partial: set[tuple[str, str]], counts: pd.DataFrame, refusals: pd.DataFrame
) -> pd.DataFrame:
    """A row a file (`COLUMNS`), after a check that nothing is missing.

    `partial` names sources and raw tables of which only some rows were asked for; `counts` is what `count` gave;
    `refusals` counts refused raw rows by source and file. Raises `InputError` where rows are unaccounted for.
    """
    frame = pd.DataFrame([(f.source, f.table, f.name, f.read_at, f.modified, f.encoding, f.separator, f.decimal,
                           f.same_as, f.rows, f.refused) for f in files],
                         columns=[*COLUMNS[:9], "given", "unread"])  # fmt: skip
    some = pd.Series([(f.source, f.table) in partial for f in files], dtype=bool)
    # a file that is read as several raw tables is judged as a whole, without what need not be accounted for
    frame["given"] = frame["given"].where(~some, 0).groupby([frame["source"], frame[FILE]]).transform("sum")
    frame = frame.merge(counts, on=["source", FILE], how="left").merge(refusals, on=["source", FILE], how="left")
    numbers = ["accepted", "quarantined", "forgotten", "refused"]
    frame[numbers] = frame[numbers].fillna(0).astype("int64")
    found = frame[["accepted", "quarantined", "forgotten"]].sum(axis=1)
    frame["read"] = found.where(some, frame["given"]) + frame["unread"]
    lost = frame[~some & (found != frame["given"])]
    for row, seen in zip(lost.itertuples(), found[lost.index], strict=True):
        raise InputError(
            f"{row.file}: {row.given:,} rows were read and {seen:,} accounted for; this is a defect of the source "
            f"{row.source}, and nothing was written"
        )
    frame["quarantined"] += frame["unread"]
    frame["refused"] += frame["unread"]
    return frame[list(COLUMNS)]


def refuse_too_much(reading: pd.DataFrame, quarantine: pd.DataFrame, most: float, settings: str) -> None:
    """Raise `InputError` where a larger share of a file's rows was refused than `most` allows.

    `quarantine` counts by source, file and reason, with an example line.
    """
    for row in reading[reading["refused"] > most * reading["read"]].itertuples():
        mine = quarantine[(quarantine["source"] == row.source) & (quarantine[FILE] == row.file)]
        mine = mine[mine["refusal"]].sort_values(["rows", REASON], ascending=[False, True]).head(3)
        told = "; ".join(f"{one.reason}: {one.rows:,}, such as line {one.line}" for one in mine.itertuples())
        raise InputError(
            f"{row.file}: {row.refused:,} of {row.read:,} rows were refused, more than the {most:.0%} that "
            f"cleaning.max_refused in {settings} allows ({told})"
        )


def row_text(table: Table, leave_out: Sequence[str] = ()) -> StringValue:
    """A row's texts, whole and decimal numbers as `name: value`, those that say something; at most 500 characters."""
    parts = [
        ibis.coalesce(ibis.literal(f"{column}: ") + table[column].cast("string") + "; ", "")
        for column, kind in table.schema().items()
        if column not in leave_out and (kind.is_string() or kind.is_integer() or kind.is_decimal())
    ]
    text = parts[0]
    for part in parts[1:]:
        text = text + part
    return text.left(500)


def unread_rows(files: Sequence[RawFile]) -> pd.DataFrame:
    """What the raw reader refused: source, table, file, line, reason, row."""
    frames = [
        pd.read_parquet(one.refused_parquet).assign(source=one.source, table=one.table)
        for one in files
        if one.refused and isinstance(one.refused_parquet, Path)
    ]
    empty = pd.DataFrame(columns=["source", "table", FILE, LINE, REASON, "row"]).astype({LINE: "int64"})
    return pd.concat(frames, ignore_index=True)[list(empty.columns)] if frames else empty
