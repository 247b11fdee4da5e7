"""What a run has to do: the order of the notebooks, what their results depend on, what the store cannot fill."""

import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

from reco import notebooks as books
from reco import raw
from reco.errors import InputError
from reco.notebooks import Notebook
from reco.sources import SOURCES
from reco.sources.base import Shop
from reco.workbook import Workbook, code_hash


class Task(NamedTuple):
    """One notebook as this run would execute it.

    Attributes:
        parameters: checked, as JSON.
        key: hash of all that its results depend on, those of the notebooks before it included.
        lacks: what the store would need to fill it, as a sentence; empty when it can be filled.
    """

    notebook: Notebook
    parameters: dict[str, Any]
    key: str
    lacks: str


def select(notebooks: Mapping[str, Notebook], only: Sequence[str], start: Sequence[str] = ()) -> list[str]:
    """The names of the notebooks to run: those of `only`, those of `start` with all that come after them, else all.

    Raises `InputError` for a name that is not there.
    """
    for name in (*only, *start):
        if name.removesuffix(".ipynb") not in notebooks:
            raise InputError(f"no notebook {name!r}; expected one of {', '.join(notebooks)}")
    after = {name.removesuffix(".ipynb") for name in start}
    for name in TopologicalSorter({name: notebooks[name].after for name in notebooks}).static_order():
        if after & set(notebooks[name].after):
            after.add(name)
    wanted = after | {name.removesuffix(".ipynb") for name in only}
    return [name for name in notebooks if not wanted or name in wanted]


def plan(
    workbook: Workbook, notebooks: Mapping[str, Notebook], values: Mapping[str, Mapping[str, Any]]
) -> dict[str, Task]:
    """A task for every notebook; `values` are parameters by notebook, those left out keep their default.

    Raises `InputError` for a parameter that does not fit, a notebook file or a raw file that is not there.
    """
    # Before any raw file is read, so that a parameter that does not fit leaves nothing behind. The settings are part of
    # the key by their content, so the path of their file is not.
    chosen = {
        name: notebook.check(**values.get(name, {})).model_dump(mode="json", exclude={"config"})
        for name, notebook in notebooks.items()
    }
    sources = {name: _source(notebook.path) for name, notebook in notebooks.items()}
    common = {
        "settings": workbook.settings.model_dump(mode="json", exclude={"runs"}),
        "code": code_hash(),
        "data": workbook.fingerprint,
        "lock": _lock(),
        "python": platform.python_version(),
    }
    filled = filled_tables(workbook)
    tasks: dict[str, Task] = {}
    for name in TopologicalSorter({name: notebooks[name].after for name in notebooks}).static_order():
        notebook = notebooks[name]
        before = {other: tasks[other].key for other in notebook.after}
        content = {**common, "source": sources[name], "parameters": chosen[name], "after": before}
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        # As seen from where the notebook runs, so that its executed copy does not tell where this machine keeps things.
        config = {"config": os.path.relpath(workbook.settings.file, notebook.folder)}
        tasks[name] = Task(notebook, config | chosen[name], key, lacks(notebook, workbook, filled))
    return {name: tasks[name] for name in notebooks}


def filled_tables(workbook: Workbook, sources: Sequence[Any] | None = None) -> set[str]:
    """The unified tables that sources (those of the settings when left out) fill, known without building them."""
    settings = workbook.settings
    shop = Shop(settings.store.time_zone, settings.store.currency)
    filled: set[str] = set()
    for source in sources or settings.sources:
        module = SOURCES[source.kind]
        filled |= set(module.unify(raw.placeholders(module.raw_tables(source), settings.root), source, shop))
    return filled - {"aliases"}


def lacks(notebook: Notebook, workbook: Workbook, filled: set[str]) -> str:
    """What the store would need to fill this notebook, as a sentence; empty when it has all."""
    settings = workbook.settings
    for need in notebook.needs:
        if need == "experiment":
            if settings.experiments is None:
                return (
                    f"{settings.file.name} names no experiment. A section “experiments” with the log of one, as "
                    "impressions with their variant, would fill this report."
                )
        elif need == "impressions" and need not in filled and not settings.simulation.enabled:
            return (
                "This store logs no impressions, and their simulation is off. A source that fills “impressions”, or "
                "simulation.enabled, would fill this report."
            )
        elif need != "impressions" and need not in filled:
            return f"This store has no {need.replace('_', ' ')}. A source that fills “{need}” would fill this report."
    return ""


def _source(path: Path) -> str:
    """Hash of what a notebook says and does: its cells without outputs and counts."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        content = [
            [cell["cell_type"], "".join(cell["source"]), sorted(cell["metadata"].get("tags", []))] for cell in cells
        ]
    except FileNotFoundError:
        raise InputError(f"no such notebook file: {path}") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path}: not a notebook that can be read") from None
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _lock() -> str:
    lock = books.FOLDER.parent / "requirements.txt"
    return hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else ""
