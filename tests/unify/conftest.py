"""Shops of a few rows, from their files to their store."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from reco import Workbook
from tests.unify.shops import KPIS, STORE


@pytest.fixture
def shop(tmp_path: Path) -> Callable[..., Workbook]:
    """A function that writes files into the shop's folder and opens its workbook.

    It takes the text of each file by name, the tabular sources, and sections of the settings; where nothing but files
    are given the settings stay as they are.
    """

    def make(files: dict[str, str | bytes], *sources: dict, store: dict | None = None, **sections: dict) -> Workbook:
        for name, content in files.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        settings = tmp_path / "workbook.yaml"
        if sources:
            entries = [{"kind": "tabular", **source} for source in sources]
            sections = {"cleaning": {}, **sections}
            # one bad line of three is a third of such a file
            sections["cleaning"] = {"max_refused": 1, **sections["cleaning"]}
            values = {"store": STORE | (store or {}), "sources": entries, "kpis": KPIS, **sections}
            settings.write_text(yaml.safe_dump(values, sort_keys=False))
        return Workbook.load(settings)

    return make
