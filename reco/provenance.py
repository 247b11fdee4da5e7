"""Where the store's rows came from and what became of them, as small tables for people who must trust them."""

from typing import Any

import pandas as pd

from reco.store import FILE, LINE, REASON, SOURCED
from reco.workbook import Workbook

#: What identifiers of each kind are called.
KINDS = {"account": "accounts", "email": "e-mail addresses (hashed)", "device": "browsers and devices"}


def files(wb: Workbook) -> pd.DataFrame:
    """Every raw file: source, file, read_at, read, accepted, quarantined, refused_share, remark."""
    frame = wb.reading.copy()
    frame[["encoding", "separator", "decimal"]] = frame[["encoding", "separator", "decimal"]].astype(object).fillna("")
    told = [_remark(row) for row in frame.itertuples()]
    share = (frame["refused"] / frame["read"].where(frame["read"] > 0)).fillna(0.0)
    read_at = pd.to_datetime(frame["read_at"], utc=True).dt.strftime("%Y-%m-%d %H:%M")
    frame = frame.assign(read_at=read_at, refused_share=share, remark=told)
    columns = ["source", FILE, "read_at", "read", "accepted", "quarantined", "refused_share", "remark"]
    # a file that is read as several raw tables is one file
    return frame.drop_duplicates(["source", FILE])[columns].reset_index(drop=True)


def _remark(row: Any) -> str:
    """How a file was understood."""
    if not pd.isna(row.same_as):
        return f"same content as {row.same_as}, not read"
    signs = {"encoding": "", "separator": "cells by ", "decimal": "decimals by "}
    named = {"\t": "tab", ",": "comma", ";": "semicolon", ".": "point", "|": "bar"}
    found = {sign: getattr(row, sign) for sign in signs}
    return ", ".join(words + named.get(found[sign], found[sign]) for sign, words in signs.items() if found[sign])


def refusals(wb: Workbook) -> pd.DataFrame:
    """Why rows were set aside, most frequent first: source, table, reason, kind (refused or by rule), rows, example.

    An example is a file and a line to look at, never what stands there.
    """
    rows = []
    for source in sorted({one.kind for one in wb.settings.sources}):
        aside = wb.quarantine(source)
        first = aside.group_by("table", REASON, "refusal").aggregate(rows=aside.count(), **{FILE: aside[FILE].min()})
        lines = aside.group_by("table", REASON, FILE).aggregate(**{LINE: aside[LINE].min()})
        joined = first.join(lines, ["table", REASON, FILE])
        frame = wb.connection.to_pandas(joined.select("table", REASON, "refusal", "rows", FILE, LINE))
        rows.append(frame.assign(source=source))
    frame = pd.concat(rows, ignore_index=True)
    frame["kind"] = frame["refusal"].map({True: "refused", False: "by rule"})
    frame["example"] = frame[FILE] + ", line " + frame[LINE].astype("str")
    frame = frame.sort_values(["rows", "table", REASON], ascending=[False, True, True], ignore_index=True)
    return frame[["source", "table", REASON, "kind", "rows", "example"]]


def identities(wb: Workbook) -> pd.DataFrame:
    """Identifiers before and customers after identity resolution: kind, before, after, shared.

    `after` counts the customers that identifiers of a kind belong to; `shared` those of them known by other kinds too.
    """
    columns = ["kind", "before", "after", "shared"]
    if not wb.has("identities"):
        count = int(wb.table("customers").count().execute()) if wb.has("customers") else 0
        return pd.DataFrame([("accounts", count, count, 0)], columns=columns)
    table = wb.table("identities")
    kinds = table.group_by("customer_id").aggregate(kinds=table.kind.nunique())
    joined = table.join(kinds, "customer_id")
    found = joined.group_by("kind").aggregate(
        before=joined.count(),
        after=joined.customer_id.nunique(),
        shared=joined.customer_id.nunique(where=joined.kinds > 1),
    )
    frame = wb.connection.to_pandas(found).set_index("kind").reindex(list(KINDS)).dropna()
    total = table.aggregate(before=table.count(), after=table.customer_id.nunique()).execute().iloc[0]
    both = int(kinds.filter(kinds.kinds > 1).count().execute())
    frame = frame.rename(index=KINDS).rename_axis("kind").reset_index()
    frame.loc[len(frame)] = ["all", total["before"], total["after"], both]
    return frame.astype({"before": "int64", "after": "int64", "shared": "int64"})[columns]


def sources_by_table(wb: Workbook) -> pd.DataFrame:
    """Which source fills which unified table with how many rows: table, source, rows."""
    parts = [
        wb.table(name).group_by("source").aggregate(rows=lambda t: t.count()).execute().assign(table=name)
        for name in SOURCED
        if wb.has(name)
    ]
    frame = pd.concat(parts, ignore_index=True)[["table", "source", "rows"]]
    return frame.sort_values(["table", "rows"], ascending=[True, False], ignore_index=True)
