"""The workbook: settings, store and the cache of what was computed from them."""

import hashlib
import json
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Final

import ibis
import pandas as pd
from filelock import FileLock

from reco import store
from reco.errors import InputError, MissingTableError
from reco.settings import Settings, load, place
from reco.sources import SOURCES
from reco.sources.base import Shop
from reco.unify import unify

#: Parts of the package that only show results or start runs: a change in them leaves cached results valid.
PRESENTATION: Final = ("report/", "runs/", "answers.py", "cli.py", "widgets.py")


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
        self.connection = ibis.duckdb.connect()
        self.connection.raw_sql("SET TimeZone = 'UTC'")

    @classmethod
    def load(cls, path: str | Path = "workbook.yaml") -> "Workbook":
        """The workbook of a settings file, looked for here and in the folders above."""
        return cls(load(path))

    @property
    def folder(self) -> Path:
        """Folder of the store's tables and cached frames."""
        return self.settings.root / self.settings.store.path / self.settings.store.name

    def check(self) -> None:
        """Raise `InputError` unless every raw file is there and has the columns that the settings name."""
        places = [("sources", number) for number in range(len(self.settings.sources))] + [("experiments", "source")]
        for location, source in zip(places, self._sources(), strict=False):
            module = SOURCES[source.kind]
            for path in module.files(source, self.settings.root):
                if not path.is_file():
                    where = place(self.settings, *location, "path")
                    raise InputError(f"{where}: no such file {_short(path, self.settings.root)}")
            module.read(source, self._shop)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the content of all raw files, the experiment log among them."""
        files = [path for source in self._sources() for path in SOURCES[source.kind].files(source, self.settings.root)]
        return store.fingerprint(files)

    @cached_property
    def tables(self) -> dict[str, ibis.Table]:
        """The unified tables that the sources fill, by name."""
        folder = self.folder / "tables"
        wanted = self._key({})
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".tables.lock"):
            record = folder / "store.json"
            if not record.exists() or json.loads(record.read_text())["key"] != wanted:
                unified = unify(self.settings, self.connection)
                set_aside = unified.set_aside.to_dict("records")
                store.write(unified.tables, folder, {"key": wanted, "set_aside": set_aside})
        return store.read(self.connection, folder)

    @property
    def set_aside(self) -> pd.DataFrame:
        """Rows that unifying did not keep: table, reason, rows."""
        _ = self.tables
        record = json.loads((self.folder / "tables" / "store.json").read_text())
        return pd.DataFrame(record["set_aside"], columns=["table", "reason", "rows"])

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
        source = experiment.source
        table = SOURCES[source.kind].read(source, self._shop)["impressions"]
        return self.connection.to_pandas(table)

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

    @cached_property
    def _shop(self) -> Shop:
        place = self.settings.store
        return Shop(self.connection, self.settings.root, place.time_zone, place.currency)

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
            "excluded": self.settings.catalogue.exclude,
            "depends_on": depends_on,
        }
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _short(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path
