"""What a run rests on: data, settings, code and versions, for the foot of its pages."""

import platform
import subprocess
from collections.abc import Mapping
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from reco.runs.record import Facts
from reco.workbook import Workbook

_LIBRARIES: Final = (
    "reco",
    "pandas",
    "numpy",
    "scipy",
    "scikit-learn",
    "scikit-surprise",
    "implicit",
    "mlxtend",
    "ibis-framework",
    "duckdb",
    "papermill",
)


def gather(workbook: Workbook, overrides: Mapping[str, str]) -> Facts:
    """The facts of a run that is about to start."""
    commit = _git("rev-parse", "HEAD")
    changes = _git("status", "--porcelain") if commit else None
    return Facts(
        store=workbook.settings.store.name,
        title=workbook.settings.store.title,
        settings_file=workbook.settings.file.name,
        about=workbook.about(),
        fingerprint=workbook.fingerprint,
        overrides=dict(overrides),
        commit=commit,
        clean=None if changes is None else not changes,
        versions={"Python": platform.python_version()} | _versions(),
    )


def count_rows(workbook: Workbook) -> dict[str, int]:
    """Rows of each unified table that has been built, read from the files' own headers."""
    from pyarrow.parquet import read_metadata

    files = sorted((workbook.folder / "tables").glob("*.parquet"))
    return {path.stem: read_metadata(path).num_rows for path in files}


def last_day(workbook: Workbook) -> date | None:
    """Day of the last order by the shop's clock, read from the file's own statistics; None without orders."""
    from pyarrow.parquet import read_metadata

    file = workbook.folder / "tables" / "order_lines.parquet"
    if not file.exists():
        return None
    found = read_metadata(file)
    place = found.schema.names.index("ordered_at")
    told = [found.row_group(group).column(place).statistics for group in range(found.num_row_groups)]
    moments = [one.max for one in told if one is not None and one.has_min_max]
    return max(moments).astimezone(ZoneInfo(workbook.settings.store.time_zone)).date() if moments else None


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _git(*arguments: str) -> str | None:
    """What git says about the workbook's own folder; None outside a repository or without git."""
    try:
        answer = subprocess.run(  # noqa: S603 the arguments are those above
            ["git", *arguments],  # noqa: S607 git is where the user's path has it
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
