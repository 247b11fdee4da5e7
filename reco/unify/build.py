"""The way from the sources' tables to the store's: understand, resolve, clean, set aside, merge, account for."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import reduce
from pathlib import Path
from typing import Any, Final, NamedTuple

import ibis
import pandas as pd
import pyarrow as pa
from ibis.expr.types import BooleanValue, Table

from reco.engines import Engine
from reco.raw import RawFile
from reco.settings import Settings
from reco.sources import SOURCES
from reco.sources.base import RawTable, Shop
from reco.store import ALIASES, DEVICE, EMAIL, FILE, LINE, PIECE, REASON, SCHEMAS, SOURCED, WORKING
from reco.unify import accounting, cleaning, merging, references
from reco.unify.accounting import FORGOTTEN, Rows
from reco.unify.contracts import breach
from reco.unify.findings import notice
from reco.unify.identities import KINDS, Identities, resolve

#: Tables whose rows describe things, several rows one thing, by the key of the thing.
DESCRIBING: Final = {"products": "product_id", "customers": "customer_id", "campaigns": "campaign_id"}

#: Tables that name a customer.
BEHAVIOUR: Final = ("customers", "order_lines", "events", "engagement", "impressions")

#: What a customer is known by, as `reco.unify.identities.KINDS`, and the most characters that it may have; one called
#: by the device has some more.
IDENTIFIERS: Final = {"customer_id": 256, EMAIL: 256, DEVICE: 240}


class Source(NamedTuple):
    """One source of the settings with what was read for it.

    Attributes:
        settings: its entry.
        files: what its raw tables were read from.
        raw: its raw tables that have files, by name.
    """

    settings: Any
    files: list[RawFile]
    raw: dict[str, Table]

    @property
    def kind(self) -> str:
        """Which system it is."""
        return self.settings.kind

    @property
    def raw_tables(self) -> dict[str, RawTable]:
        """Its raw tables as it declares them."""
        return SOURCES[self.kind].raw_tables(self.settings)


class Unified(NamedTuple):
    """What unifying found out; the tables themselves are files.

    Attributes:
        reading: one row a raw file: what was read and what became of it (`reco.unify.accounting.COLUMNS`).
        set_aside: table, reason, rows, refusal: what was not kept and why.
        findings: what, rows: what was noticed of rows that were kept.
        forgotten: source, file, line of raw rows that belong to forgotten customers.
    """

    reading: pd.DataFrame
    set_aside: pd.DataFrame
    findings: pd.DataFrame
    forgotten: pd.DataFrame


class _Desk(NamedTuple):
    """Where the work is done."""

    settings: Settings
    connection: ibis.BaseBackend
    engine: Engine
    folder: Path

    def put(self, table: Table, name: str) -> Table:
        """Write a table and take it from its file from now on."""
        path = self.folder / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        self.engine.write(self.connection, table, path)
        return self.connection.read_parquet(path).cast(table.schema())  # Spark reads instants without their zone


def unify(
    settings: Settings,
    connection: ibis.BaseBackend,
    engine: Engine,
    sources: Sequence[Source],
    folder: Path,
    forgotten: Sequence[str] = (),
) -> Unified:
    """Write the unified tables and the quarantine of `sources` into `folder`, an empty one.

    `forgotten` holds the SHA-256 of identifiers whose rows must be nowhere. Raises `InputError` where two files of one
    kind of source have one name, where a source's product ids are not the catalogue's, where too many rows are refused,
    or where one is unaccounted for.
    """
    accounting.tell_apart([one for source in sources for one in source.files])
    desk = _Desk(settings, connection, engine, folder)
    parts, beyond_accounts = _parts(sources, desk)
    parts, matches = _understood(parts, settings)
    parts = [{name: _without(table, forgotten) for name, table in part.items()} for part in parts]
    identities = _identities(parts) if beyond_accounts else None
    known = None
    if identities is not None:
        # a customer who is only named in rows that are set aside has an identity all the same
        known = desk.put(ibis.memtable(identities.table), "identities")
    rows: dict[str, Rows] = {}
    tables: dict[str, Table] = {}
    for name in ("order_lines", *(name for name in SOURCED if name != "order_lines")):
        found = [part[name] for part in parts if name in part]
        if found:
            table = _resolved(reduce(ibis.union, found), name, known)
            table = _clean(table, name, settings, _ranks(sources))
            rows[name], tables[name] = _split(table, name, desk, reduce(ibis.union, found))
    for name in DESCRIBING:
        _describe(tables, name, desk, _ranks(sources))
    reading, set_aside = _account(rows, sources, desk)
    findings = notice(tables, identities, matches, settings.store.currency)
    gone = [one.aside.filter(one.aside[REASON] == FORGOTTEN).select("source", FILE, LINE) for one in rows.values()]
    gone = connection.to_pyarrow(reduce(ibis.union, gone).distinct()).to_pandas()
    shutil.rmtree(folder / "work", ignore_errors=True)
    return Unified(reading, set_aside, findings, gone)


def _parts(sources: Sequence[Source], desk: _Desk) -> tuple[list[dict[str, Table]], bool]:
    """What each source gives, every table with all working columns, and whether any has an address or a device.

    Aliases are among the tables.

    Tables made of text are written down, so that what follows plans and runs on plain ones; those of Parquet files
    that are taken as they are stay expressions.
    """
    store, parts, beyond_accounts = desk.settings.store, [], False
    for number, source in enumerate(sources):
        given = SOURCES[source.kind].unify(source.raw, source.settings, Shop(store.time_zone, store.currency))
        beyond_accounts |= any({EMAIL, DEVICE} & {*table.columns} for table in given.values())
        part = {name: _complete(table, name) for name, table in given.items()}
        if any(one.columns for one in source.raw_tables.values()):
            part = {name: desk.put(table, f"work/{number}_{name}") for name, table in part.items()}
        parts.append(part)
    return parts, beyond_accounts


def _complete(table: Table, name: str) -> Table:
    """`table` with all columns that rows of unified table `name` can have, in one order."""
    if name == "aliases":
        return table.select(*ALIASES.names)
    working = ibis.Schema.from_pyarrow(pa.schema(WORKING))
    lacking = {column: ibis.null(kind) for column, kind in working.items() if column not in table.columns}
    table = table.mutate(**lacking).select(*SCHEMAS[name].names, *WORKING)
    return cleaning.unidentifiable(table, IDENTIFIERS) if name in BEHAVIOUR else table


def _understood(
    parts: list[dict[str, Table]], settings: Settings
) -> tuple[list[dict[str, Table]], list[references.Match]]:
    """Parts with the catalogue's product ids, in those sources that have no catalogue of their own."""
    catalogues = [part["products"] for part in parts if "products" in part]
    aliases = [part.pop("aliases") for part in parts if "aliases" in part]
    if not catalogues or all("products" in part for part in parts):
        return parts, []
    empty = ibis.memtable(ALIASES.empty_table())
    names = references.unambiguous(reduce(ibis.union, aliases, empty), reduce(ibis.union, catalogues))
    matches, translated = [], []
    for part in parts:
        naming = [name for name in ("order_lines", "events", "impressions") if name in part and "products" not in part]
        if naming:
            source = str(part[naming[0]].source.min().to_pyarrow().as_py())
            least = settings.cleaning.min_catalogue_match
            match = references.understand([part[name] for name in naming], names, source, least)
            if match:
                matches.append(match)
                part = part | {name: references.translate(part[name], names, match.kind) for name in naming}
        translated.append(part)
    return translated, matches


def _without(table: Table, forgotten: Sequence[str]) -> Table:
    """Rows of forgotten customers marked as such, whatever else is to be said of them."""
    named = [column for column in ("customer_id", EMAIL, DEVICE) if column in table.columns]
    if not forgotten or not named:
        return table
    gone = ibis.memtable({"identifier": list(forgotten), "gone": [True] * len(forgotten)})
    for column in named:
        table = table.mutate(digest=table[column].hexdigest("sha256"))
        table = table.left_join(gone, table.digest == gone.identifier)
        reason = ibis.ifelse(table.gone.fill_null(False), FORGOTTEN, table[REASON])
        table = table.mutate(**{REASON: reason}).drop("digest", "identifier", "gone")
    return table


def _identities(parts: Sequence[Mapping[str, Table]]) -> Identities | None:
    """Who is who, where anything but accounts is known of anyone."""
    naming = [part[name] for part in parts for name in BEHAVIOUR if name in part]
    if not any(_any(table, table[EMAIL].notnull() | table[DEVICE].notnull()) for table in naming):
        return None
    kept = [table.filter(table[REASON].isnull() | (table[REASON] != FORGOTTEN)) for table in naming]
    every = reduce(ibis.union, [_identifiers(table).distinct() for table in kept]).distinct()
    if not _any(every, every.email.notnull() | every.device.notnull()):
        return None
    return resolve(every.to_pyarrow().to_pandas())


def _any(table: Table, condition: BooleanValue) -> bool:
    """Whether any row fulfils a condition; the search ends with the first."""
    return table.filter(condition).limit(1).select(one=ibis.literal(1)).to_pyarrow().num_rows > 0


def _identifiers(table: Table) -> Table:
    """Account, email and device of each row, missing where they are none."""
    fit = {
        column: ibis.ifelse(table[column].length().between(1, most), table[column], ibis.null("string"))
        for column, most in IDENTIFIERS.items()
    }
    return table.select(**dict(zip(KINDS, fit.values(), strict=True)))


def _resolved(table: Table, name: str, identities: Table | None) -> Table:
    """`table` with the customer that its account, else its address, else its device belongs to."""
    if identities is None or name not in BEHAVIOUR:
        return table
    found = []
    for kind, column in (("account", "customer_id"), ("email", EMAIL), ("device", DEVICE)):
        one = identities.filter(identities.kind == kind)
        one = one.select(**{f"{kind}_is": "identifier", f"{kind}_customer": "customer_id"})
        table = table.left_join(one, table[column] == one[f"{kind}_is"]).drop(f"{kind}_is")
        found.append(f"{kind}_customer")
    return table.mutate(customer_id=ibis.coalesce(*(table[column] for column in found))).drop(*found)


def _ranks(sources: Sequence[Source]) -> Table | None:
    """source, file, rank of files that are whole exports, where a raw table has several; later names rank higher."""
    ranks = []
    for source in sources:
        for name, declared in source.raw_tables.items():
            files = sorted(
                {one.name for one in source.files if one.table == name and one.same_as is None}, key=_natural
            )
            if declared.whole and len(files) > 1:
                ranks += [(source.kind, file, rank) for rank, file in enumerate(files)]
    return ibis.memtable(pd.DataFrame(ranks, columns=["source", FILE, "rank"])) if ranks else None


def _natural(name: str) -> list[tuple[bool, int, str]]:
    """Key that puts export_9 before export_10."""
    import re

    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", name)]


def _clean(table: Table, name: str, settings: Settings, ranks: Table | None) -> Table:
    """`table` with the reason of every row that is not fit to keep."""
    store, rules = settings.store, settings.cleaning
    table = table.mutate(**{REASON: ibis.coalesce(table[REASON], breach(table, name))})
    if name in cleaning.MOMENTS:
        table = cleaning.ahead_of_time(table, name, ibis.timestamp(datetime.now(UTC)))
    if name == "products":
        table = cleaning.in_own_currency(table, ("price", "cost"), store)
    if name == "order_lines":
        if ranks is not None:
            table = cleaning.superseded(table, ranks)
        if rules.repeated_lines == "drop":
            table = cleaning.repeated(table, name)
        table = cleaning.in_own_currency(table, ("revenue", "discount"), store, "ordered_at")
        table = cleaning.priced_at_nothing(table)
        table = cleaning.with_returned_orders(table)
    elif name in cleaning.SAME:
        table = cleaning.repeated(table, name)
    if name == "events":
        table = cleaning.by_bots(table, rules)
    return table


def _split(table: Table, name: str, desk: _Desk, given: Table) -> tuple[Rows, Table]:
    """Write the rows that are kept and those that are set aside, apart; `given` holds them all, not yet looked at."""
    good = table.filter(table[REASON].isnull()).select(*SCHEMAS[name].names)
    kept = desk.put(good, f"work/{name}" if name in DESCRIBING else name)
    if _count(given, desk) == _count(kept, desk):
        return Rows(kept, ibis.memtable(accounting.ASIDE.empty_table())), kept  # to find none anew would cost as much
    shown = ("source", FILE, LINE, REASON)
    aside = table.filter(table[REASON].notnull())
    aside = aside.select(
        *shown, table=ibis.literal(name), row=accounting.row_text(aside, leave_out=(*shown, *WORKING, PIECE))
    )
    return Rows(kept, desk.put(aside, f"work/{name}_aside")), kept


def _count(table: Table, desk: _Desk) -> int:
    return int(desk.connection.to_pyarrow(table.count()).as_py())


def _describe(tables: dict[str, Table], name: str, desk: _Desk, ranks: Table | None) -> None:
    """One row for each product, customer and campaign, those among them that only orders know."""
    table, lines, key = tables.get(name), tables.get("order_lines"), DESCRIBING[name]
    if table is not None:
        if ranks is not None and name != "campaigns":
            # what is only named beside order lines is not gone when a later export has no order of it
            catalogues = ranks.anti_join(lines, ["source", FILE]) if name == "products" and lines is not None else ranks
            table = merging.newest_only(table, key, catalogues)
        table = merging.one_row_per_key(table, key, list(SCHEMAS[name].names))
    if name == "products" and (table is not None or lines is not None):
        lines = ibis.memtable(SCHEMAS["order_lines"].empty_table()) if lines is None else lines
        table = merging.with_sold_products(table, lines, desk.settings)
    if name == "customers" and lines is not None:
        table = merging.with_buyers(table, lines)
    if table is not None:
        tables[name] = desk.put(table, name)


def _account(rows: Mapping[str, Rows], sources: Sequence[Source], desk: _Desk) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Check that no row is missing, write the quarantine, and refuse when too much was refused."""
    ask = lambda table: desk.connection.to_pyarrow(table).to_pandas()  # noqa: E731
    apart = {source.kind for source in sources} - {
        source.kind for source in sources for one in source.raw_tables.values() if one.fills is None
    }
    whole = {name: sorted(apart) for name in rows} if apart else {}
    aside = reduce(ibis.union, (one.aside for one in rows.values()))
    aside = aside.mutate(refusal=~aside[REASON].isin(sorted(cleaning.RULES)))
    seen = aside.filter(aside[REASON] != FORGOTTEN)
    refused = seen.filter(seen.refusal).group_by("source", FILE).aggregate(refused=ibis._[LINE].nunique())
    partial = {(s.kind, name) for s in sources for name, one in s.raw_tables.items() if one.partial}
    files = [one for source in sources for one in source.files]
    reading = accounting.balance(files, partial, ask(accounting.count(rows, whole)), ask(refused))
    unread = accounting.unread_rows(files)
    _quarantine(seen, unread, sources, desk)
    groups = ["source", FILE, "table", REASON, "refusal"]
    counts = ask(seen.group_by(groups).aggregate(rows=ibis._.count(), line=ibis._[LINE].min()))
    by_reader = unread.groupby(["source", FILE, "table", REASON], as_index=False).agg(
        rows=(LINE, "size"), line=(LINE, "min")
    )
    counts = pd.concat([counts, by_reader.assign(refusal=True)], ignore_index=True)
    accounting.refuse_too_much(reading, counts, desk.settings.cleaning.max_refused, desk.settings.file.name)
    set_aside = counts.groupby(["table", REASON, "refusal"], as_index=False)["rows"].sum()
    return reading, set_aside.sort_values(["table", REASON], ignore_index=True)


def _quarantine(aside: Table, unread: pd.DataFrame, sources: Sequence[Source], desk: _Desk) -> None:
    """A file for each source: table, file, line, reason, refusal, and what the row says.

    Rows of text files are told as they stand there, e-mail addresses hashed; those of Parquet files as unified.
    """
    columns = ("table", FILE, LINE, REASON, "refusal", "row")
    kind = {FILE: "string", LINE: "int64"}
    for source in sorted({source.kind for source in sources}):
        mine = aside.filter(aside.source == source)
        texts = [
            raw.select(FILE, LINE, text=accounting.row_text(raw, leave_out=(FILE, LINE)))
            for one in sources
            if one.kind == source
            for name, raw in one.raw.items()
            if one.raw_tables[name].columns
        ]
        if texts:
            text = reduce(ibis.union, texts).semi_join(mine, [FILE, LINE])
            text = text.group_by(FILE, LINE).aggregate(text=ibis._.text.max())
            mine = mine.left_join(text, [FILE, LINE])
            mine = mine.mutate(row=ibis.coalesce(mine.text, mine.row))
        found = mine.select(*columns)
        by_reader = unread[unread["source"] == source].assign(refusal=True)
        if len(by_reader):
            found = ibis.union(found, ibis.memtable(by_reader[list(columns)].astype(kind)).cast(found.schema()))
        desk.put(found, f"quarantine/{source}")
