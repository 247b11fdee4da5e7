"""A small real store that all tests share: a few hundred households of the default one."""

import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from filelock import FileLock
from hypothesis import settings as hypothesis_settings
from xdist.scheduler import LoadFileScheduling

from reco import Workbook

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).resolve().parents[1]

# a loaded machine is no failure; more examples on demand: --hypothesis-profile=thorough
hypothesis_settings.register_profile("reco", deadline=None, max_examples=50)
hypothesis_settings.register_profile("thorough", deadline=None, max_examples=1000)
hypothesis_settings.load_profile("reco")


def pytest_collection_finish() -> None:
    """Keep the garbage collector from walking over thousands of tests and modules again and again."""
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


class Files(LoadFileScheduling):
    """Whole files to each worker, and all that starts Spark to one of them."""

    def _split_scope(self, nodeid: str) -> str:
        return "engines" if nodeid.startswith("tests/engines/") else super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadFileScheduling | None:
    """How `--dist=loadfile` distributes."""
    return Files(config, log) if config.getoption("dist") == "loadfile" else None


#: Households of the sample; the whole store has 2,469.
HOUSEHOLDS = 300


@pytest.fixture(scope="session")
def sample_settings() -> dict:
    """The default settings, narrowed to the sample; a test may change its copy."""
    values = yaml.safe_load((ROOT / "workbook.yaml").read_text())
    values["sources"] = [{"kind": "complete_journey", "households": HOUSEHOLDS}]
    values["experiments"]["source"]["path"] = str(ROOT / "data" / "open_bandit.parquet")
    values["catalogue"]["min_customers"] = 20
    values["hybrid"]["learned"] = {"looks": 2, "trees": 20}
    return values


@pytest.fixture(scope="session")
def wb(sample_settings: dict, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Workbook:
    """The sample's workbook, in a folder that all workers share; do not change what it holds."""
    folder = tmp_path_factory.getbasetemp()
    file = (folder if worker_id == "master" else folder.parent) / "sample" / "workbook.yaml"
    file.parent.mkdir(exist_ok=True)
    with FileLock(file.with_suffix(".lock")):
        if not file.exists():
            (file.parent / "data").mkdir()
            shutil.copy(ROOT / "data" / "staff_picks.csv", file.parent / "data")
            file.write_text(yaml.safe_dump(sample_settings, sort_keys=False))
        return Workbook.load(file)


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Debian's Chromium without a window, one for all tests of a worker."""
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium")
    assert found, "no Chromium: run scripts/install_chromium.sh"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


#: Columns of a small export as most tests write it.
MAPPING = {
    "order_lines": {
        "order_id": "order",
        "customer_id": "customer",
        "product_id": "product",
        "ordered_at": "time",
        "quantity": "quantity",
        "unit_price": "price",
    }
}


@pytest.fixture
def open_shop(tmp_path: Path) -> Callable[..., Workbook]:
    """A function that makes a workbook of one small file: its content (text, bytes or a frame), and how it is read."""

    def make(
        content: object, tables: dict = MAPPING, file: str = "orders.csv", zone: str = "UTC", **source
    ) -> Workbook:
        if isinstance(content, str | bytes):
            (tmp_path / file).write_bytes(content.encode() if isinstance(content, str) else content)
        elif content is not None:
            content.to_parquet(tmp_path / file)
        target = {"ctr_benchmark": [0.05, 0.15], "ctr": 0.1, "conversion_benchmark": [0.1, 0.3], "conversion": 0.15}
        settings = {
            "store": {"name": "corner", "title": "Corner shop", "path": "store", "time_zone": zone, "currency": "GBP"},
            "sources": [{"kind": "tabular", "path": file, "tables": tables, **source}],
            "cleaning": {"max_refused": 1},  # one bad line of three is a third of such a file
            "kpis": {"implementation_cost": 1, "targets": {"on_site": target}},
        }
        (tmp_path / "workbook.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
        return Workbook.load(tmp_path / "workbook.yaml")

    return make
