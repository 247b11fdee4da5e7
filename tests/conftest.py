"""A small real store that all tests share: a few hundred households of the default one."""

from pathlib import Path

import pytest
import yaml

from reco import Workbook

ROOT = Path(__file__).resolve().parents[1]

#: Households of the sample; the whole store has 2,469.
HOUSEHOLDS = 300


@pytest.fixture(scope="session")
def sample_settings() -> dict:
    """The default settings, narrowed to the sample; a test may change its copy."""
    values = yaml.safe_load((ROOT / "workbook.yaml").read_text())
    values["sources"] = [{"kind": "complete_journey", "households": HOUSEHOLDS}]
    values["experiments"]["source"]["path"] = str(ROOT / "data" / "open_bandit.parquet")
    values["catalogue"]["min_customers"] = 20
    return values


@pytest.fixture(scope="session")
def wb(sample_settings: dict, tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    """The sample's workbook, in a folder of its own; do not change what it holds."""
    file = tmp_path_factory.mktemp("store") / "workbook.yaml"
    file.write_text(yaml.safe_dump(sample_settings, sort_keys=False))
    return Workbook.load(file)
