"""The workbook: settings, store and the cache of what was computed from them."""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from io import StringIO
from pathlib import Path
from typing import Final

import ibis
import pandas as pd
from filelock import FileLock

from reco import raw, shop_files, store
from reco.engines import ENGINES
from reco.errors import InputError, MissingTableError
from reco.raw import RawFile
from reco.settings import Settings, load, place
from reco.sources import SOURCES
from reco.sources.base import Shop

#: Parts of the package that only show results or start runs: a change in them leaves cached results valid.
PRESENTATION: Final = (
    "report/",
    "runs/",
    "answers.py",
    "cli.py",
    "inspector.py",
    "mail.py",
    "parameters.py",
    "widgets/",
    "exports/",
)


@lru_cache  # the code that runs is the code that was loaded
def code_hash(without: tuple[str, ...] = ()) -> str:
    """SHA-256 of the package's own source files, leaving out paths that start with one of `without`."""
    folder = Path(__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and "__pycache__" not in path.parts and not name.startswith(without):
            digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


class Workbook:
    """A store and its settings; everything a notebook needs starts here.

    Tables are built from the sources when first asked for, or when a source, the settings or the code changed.
    Frames computed from them are kept beside the store under a key of all that they
    depend on, so that a second notebook or run finds them.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connection = ENGINES["duckdb"].connect(settings.store.memory)

    @classmethod
    def load(cls, path: str | Path = "workbook.yaml") -> "Workbook":
        """The workbook of a settings file, looked for here and in the folders above."""
        return cls(load(path))

    @property
    def folder(self) -> Path:
        """Folder of the store's tables and cached frames."""
        return self.settings.root / self.settings.store.path / self.settings.store.name

    def check(self) -> None:
        """Raise `InputError` unless every file that the settings name is there and can be read; writes nothing."""
        places = [("sources", number) for number in range(len(self.settings.sources))] + [("experiments", "source")]
        for location, source in zip(places, self._sources(), strict=False):
            for name, table in SOURCES[source.kind].raw_tables(source).items():
                try:
                    raw.inspect({name: table}, self.settings.root)
                except InputError as error:
                    keys = [key for key, value in source if value in (table.files, table.files[0])]
                    raise InputError(f"{place(self.settings, *location, *keys[:1])}: {error}") from None
        shop_files.check(self.settings)

    @cached_property
    def raw_files(self) -> list[list[RawFile]]:
        """What was read from the raw files of each source, the experiment's at the end; reads those that are new."""
        folder, root = self.folder / "raw", self.settings.root
        described = [(source.kind, SOURCES[source.kind].raw_tables(source)) for source in self._sources()]
        for _, tables in described:
            raw.placeholders(tables, root)  # a file that is missing leaves nothing behind
        return [raw.read(kind, tables, root, folder) for kind, tables in described]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the content of all raw files, the experiment log among them, and of who is forgotten."""
        content = [[(one.source, one.table, one.name, one.sha256) for one in files] for files in self.raw_files]
        return hashlib.sha256(json.dumps([content, self.forgotten]).encode()).hexdigest()

    def secret(self, purpose: str) -> str:
        """A key of 16 hexadecimal digits that nobody can have without the raw files: no page or record holds it."""
        read = [one.sha256 for files in self.raw_files for one in files]
        return hashlib.sha256(json.dumps([purpose, read]).encode()).hexdigest()[:16]

    @property
    def forgotten(self) -> list[str]:
        """SHA-256 of each identifier of customers whose rows must be nowhere."""
        path = self.settings.root / self.settings.privacy.forgotten
        return sorted({*path.read_text(encoding="utf-8").split()}) if path.exists() else []

    @cached_property
    def tables(self) -> dict[str, ibis.Table]:
        """The unified tables that the sources fill, by name."""
        folder = self.folder / "tables"
        wanted = self._key({})
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".tables.lock"):
            record = folder / "store.json"
            if not record.exists() or json.loads(record.read_text())["key"] != wanted:
                self._unify(folder, wanted)
        return store.read(self.connection, folder)

    def _unify(self, folder: Path, key: str) -> None:
        from reco.unify import Source, unify  # its contracts take long to import, and tables are built once

        name = self.settings.store.engine
        engine = ENGINES[name]
        connection = self.connection if name == "duckdb" else engine.connect(self.settings.store.memory)
        forgotten = self.forgotten
        for file in (file for files in self.raw_files for file in files if file.refused_parquet and forgotten):
            raw.silence(file.refused_parquet, forgotten)
        sources = [
            Source(source, files, raw.tables(files, SOURCES[source.kind].raw_tables(source), connection, engine))
            for source, files in zip(self.settings.sources, self.raw_files, strict=False)
        ]
        with store.replacing(folder) as private:
            unified = unify(self.settings, connection, engine, sources, private, forgotten)
            for file in (file for files in self.raw_files for file in files if not file.in_place and file.parquet):
                gone = unified.forgotten.query("source == @file.source and file == @file.name")["line"]
                if len(gone):
                    raw.remove(file.parquet, gone)
            kept = {"reading": unified.reading, "set_aside": unified.set_aside, "findings": unified.findings}
            frames = {part: frame.to_json(orient="table", index=False) for part, frame in kept.items()}
            (private / "store.json").write_text(json.dumps({"key": key, **frames}, indent=2, sort_keys=True))

    @property
    def set_aside(self) -> pd.DataFrame:
        """Rows that unifying did not keep: table, reason, refusal (or a rule), rows."""
        return self._record("set_aside")

    @property
    def reading(self) -> pd.DataFrame:
        """One row a raw file: where and when it was read, and what became of its rows."""
        return self._record("reading")

    @property
    def findings(self) -> pd.DataFrame:
        """What was noticed of rows that were kept: what, rows."""
        return self._record("findings")

    def _record(self, part: str) -> pd.DataFrame:
        _ = self.tables
        record = json.loads((self.folder / "tables" / "store.json").read_text())
        return pd.read_json(StringIO(record[part]), orient="table")

    def quarantine(self, source: str) -> ibis.Table:
        """Rows of a source that were set aside: table, file, line, reason, refusal (or a rule), row."""
        _ = self.tables
        path = self.folder / "tables" / "quarantine" / f"{source}.parquet"
        if not path.exists():
            kinds = ", ".join(sorted({one.kind for one in self.settings.sources}))
            raise InputError(f"no source {source!r}; expected one of {kinds}")
        return self.connection.read_parquet(path)

    def trace(self, name: str, key: str | Mapping[str, str]) -> pd.DataFrame:
        """Where rows of a unified table came from: their keys, source, file and line.

        `key` is the value of the table's first key (an order line's order_id), or values by column. Of a customer,
        product or campaign that several rows describe, the first is named.
        """
        table = self.table(name)
        if name not in store.TRACED:
            raise InputError(f"rows of {name} come from no file; expected one of {', '.join(store.TRACED)}")
        wanted = key if isinstance(key, Mapping) else {store.TRACED[name]: key}
        for column in wanted:
            if column not in table.columns:
                raise InputError(f"{name} has no column {column!r}; expected one of {', '.join(table.columns)}")
        shown = dict.fromkeys((*wanted, *store.KEYS[name], "source", store.FILE, store.LINE))
        rows = table.filter(*(table[column] == value for column, value in wanted.items()))
        return self.connection.to_pandas(rows.select(*shown).order_by(store.FILE, store.LINE))

    def table(self, name: str) -> ibis.Table:
        """A unified table; raises `MissingTableError` when no source fills it."""
        if name not in store.SCHEMAS:
            raise InputError(f"no unified table {name!r}; expected one of {', '.join(store.SCHEMAS)}")
        if name not in self.tables:
            kinds = ", ".join(source.kind for source in self.settings.sources)
            raise MissingTableError(
                f"the store {self.settings.store.name} has no {name}: its sources ({kinds}) fill none"
            )
        return self.tables[name]

    def has(self, name: str) -> bool:
        """Whether a source fills this unified table."""
        return name in self.tables

    def experiment_log(self) -> pd.DataFrame:
        """Impressions of the experiment that the settings name; raises `MissingTableError` without one."""
        experiment = self.settings.experiments
        if experiment is None:
            raise MissingTableError(f"{self.settings.file.name} names no experiment; add a section `experiments`")
        module, files = SOURCES[experiment.source.kind], self.raw_files[-1]
        tables = raw.tables(files, module.raw_tables(experiment.source), self.connection, ENGINES["duckdb"])
        shop = Shop(self.settings.store.time_zone, self.settings.store.currency)
        impressions = module.unify(tables, experiment.source, shop)["impressions"]
        return self.connection.to_pandas(impressions.select(*store.SCHEMAS["impressions"].names))

    def cached(self, name: str, build: Callable[[], pd.DataFrame], **depends_on: object) -> pd.DataFrame:
        """The frame that `build` makes, kept as Parquet under a key of `depends_on`, the code and the data.

        `depends_on` must be JSON: whatever the frame depends on beyond the store's tables and the code.
        """
        key = self._key(depends_on)
        path = self.folder / "cache" / f"{name}-{key[:16]}.parquet"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(path.with_suffix(".lock")):
                if not path.exists():
                    private = path.with_suffix(".part")
                    build().to_parquet(private, compression="zstd")
                    private.replace(path)
        return pd.read_parquet(path)

    def about(self) -> list[str]:
        """Where the data come from, a sentence a source."""
        return [getattr(s, "about", SOURCES[s.kind].ABOUT) for s in self._sources()]

    def _sources(self) -> list:
        experiment = self.settings.experiments
        return [*self.settings.sources, *([experiment.source] if experiment else [])]

    def _key(self, depends_on: dict[str, object]) -> str:
        """Key of whatever is computed from the tables, which themselves depend on code, raw files and settings."""
        whole = {
            "code": code_hash(without=PRESENTATION),
            "data": self.fingerprint,
            "store": self.settings.store.model_dump(mode="json"),
            "sources": [source.model_dump(mode="json") for source in self.settings.sources],
            "cleaning": self.settings.cleaning.model_dump(mode="json"),
            "without_consent": self.settings.privacy.without_consent,
            "excluded": self.settings.catalogue.exclude,
            "depends_on": depends_on,
        }
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()
