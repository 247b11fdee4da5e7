"""Shops of a few rows, from their files to their store."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import yaml

from reco import Workbook
from tests.unify.shops import KPIS, STORE


def opened(
    folder: Path, files: dict[str, str | bytes], *sources: dict, store: dict | None = None, **sections: dict
) -> Workbook:
    """The workbook of a shop in `folder`, once its files are written there.

    `files` holds texts by name; `sources` are tabular ones, and sections go into the settings with them. Without
    sources the settings stay as they are.
    """
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    settings = folder / "workbook.yaml"
    if sources:
        entries = [{"kind": "tabular", **source} for source in sources]
        # one bad line of three is a third of such a file
        sections["cleaning"] = {"max_refused": 1, **sections.get("cleaning", {})}
        values = {"store": STORE | (store or {}), "sources": entries, "kpis": KPIS, **sections}
        settings.write_text(yaml.safe_dump(values, sort_keys=False))
    return Workbook.load(settings)


@pytest.fixture
def shop(tmp_path: Path) -> Callable[..., Workbook]:
    """`opened` in a folder of the test's own."""
    return partial(opened, tmp_path)
