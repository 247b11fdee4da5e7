"""Raw files to raw Parquet: each file once, and again only when it or what is asked of it changes."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import ibis
from filelock import FileLock

from reco.engines import Engine
from reco.errors import InputError
from reco.raw import delimited, facts, records, sheets, typed
from reco.raw.chunks import Parsed
from reco.raw.facts import RawFile
from reco.raw.files import DELIMITED, JSON, PARQUET, SHEET, TEXTS, Found, find
from reco.raw.writing import Writer
from reco.sources.base import RawTable

#: How many bytes of a text `inspect` looks at.
HEAD: Final = 1 << 20

#: How each kind of file is read.
PARSERS: Final[dict[str, Callable[[Found, RawTable], Parsed]]] = {
    **dict.fromkeys(DELIMITED, delimited.parse),
    **dict.fromkeys(JSON, records.parse),
    SHEET: sheets.parse,
    PARQUET: typed.parse,
}


def read(source: str, tables: Mapping[str, RawTable], root: Path, folder: Path) -> list[RawFile]:
    """What the files of a source's raw tables hold, as raw Parquet in `folder`; what lies there already is found.

    Nothing else in `folder` is touched, and one process reads at a time. Raises `InputError` where a file is missing
    or is not what its raw table needs.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / ".lock"):
        index = facts.Index(folder)
        try:
            return list(_read(source, tables, root, folder, index))
        finally:
            index.save()


def inspect(tables: Mapping[str, RawTable], root: Path) -> dict[str, list[Path]]:
    """The files of each raw table, by its name, once the head of each has been looked at; nothing is written.

    Raises `InputError` where a file is missing, or its head shows that it is not what its raw table needs.
    """
    found: dict[str, list[Path]] = {}
    for name, table in tables.items():
        ones = find(table.files, root)
        for one in ones:
            if _in_place(one, table):
                typed.rows(one)
            elif one.kind in TEXTS:
                for _ in PARSERS[one.kind](one._replace(limit=HEAD), table).chunks:
                    pass
            else:
                next(PARSERS[one.kind](one, table).chunks)
        found[name] = list(dict.fromkeys(one.path for one in ones))
    return found


def tables(
    files: list[RawFile], raw_tables: Mapping[str, RawTable], connection: ibis.BaseBackend, engine: Engine
) -> dict[str, ibis.Table]:
    """Raw tables that have files, by name."""
    made = {}
    for name in raw_tables:
        parts = [file for file in files if file.table == name and file.parquet]
        found = [connection.read_parquet(str(file.parquet)) for file in parts if not file.in_place]
        starts: dict[Path, list[Path]] = {}
        for file in parts:
            if file.in_place:
                start = Path(str(file.path).removesuffix(f"/{file.name}"))
                starts.setdefault(start, []).append(file.path)
        found += [engine.scan(connection, paths, start) for start, paths in starts.items()]
        if found:
            made[name] = ibis.union(*found) if len(found) > 1 else found[0]
    return made


def _read(
    source: str, tables: Mapping[str, RawTable], root: Path, folder: Path, index: facts.Index
) -> Iterator[RawFile]:
    for name, table in tables.items():
        first: dict[str, str] = {}
        for one in find(table.files, root):
            sha256, size = index.digest(one)
            fact = RawFile(source, name, one.name, one.path, sha256, size, facts.written(one.path), facts.now())
            if sha256 in first:
                yield fact._replace(same_as=first[sha256])
                continue
            first[sha256] = one.name
            yield _from_file(one, table, fact, folder)


def _from_file(one: Found, table: RawTable, fact: RawFile, folder: Path) -> RawFile:
    """What was read from a file before, else what is read from it now."""
    place = folder / fact.source / fact.table / facts.key(one, fact.sha256, table)
    known = facts.load(place.with_suffix(".json"))
    accepted, refused = place.with_suffix(".parquet"), place.with_name(f"{place.name}-refused.parquet")
    if known is None or not _there(known, accepted, refused):
        place.parent.mkdir(parents=True, exist_ok=True)
        known = _facts(one, table, accepted, refused) | {"read_at": fact.read_at}
        facts.store(place.with_suffix(".json"), known)
    return fact._replace(
        **known,
        parquet=one.path if known["in_place"] else accepted,
        refused_parquet=refused if known["refused"] else None,
    )


def _there(known: Mapping[str, object], accepted: Path, refused: Path) -> bool:
    """Whether what is known of a file still lies there."""
    return bool(known["in_place"]) or (accepted.exists() and (refused.exists() or not known["refused"]))


def _facts(one: Found, table: RawTable, accepted: Path, refused: Path) -> dict[str, object]:
    """Read a file, and what there is to tell about it."""
    if _in_place(one, table):
        return {"rows": typed.rows(one), "refused": 0, "in_place": True}
    parsed = PARSERS[one.kind](one, table)
    drafts = [path.with_name(f"draft-{path.name}") for path in (accepted, refused)]
    try:
        with Writer(table, one.name, one.label, *drafts) as writer:
            for chunk in parsed.chunks:
                writer.add(chunk)
            decimal = writer.finish()
        for draft, path in zip(drafts, (accepted, refused), strict=True):
            if draft.exists():
                draft.replace(path)
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)
    return {
        "encoding": parsed.encoding,
        "separator": parsed.separator,
        "decimal": decimal,
        "rows": writer.rows,
        "refused": writer.refused,
        "in_place": False,
    }


def _in_place(one: Found, table: RawTable) -> bool:
    if not table.columns and one.kind != PARQUET:
        raise InputError(f"{one.label}: is taken as it is; expected a .parquet file")
    return not table.columns
