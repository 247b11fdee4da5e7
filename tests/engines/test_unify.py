"""One unification, two engines: what every source gives, every table and the quarantine, row for row.

The shop is the usual case, and on top of it every sample of every system and a file of one's own.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import ibis
import pyarrow.parquet as pq
import pyspark
import pytest
import yaml

from reco import Workbook
from reco.engines import ENGINES, Engine
from tests.reading import SAMPLES
from tests.sources import test_shopify, test_woocommerce
from tests.test_three_systems import usual_shop

TABLES = ("customers", "products", "order_lines", "events", "engagement", "impressions", "campaigns", "identities")

#: Every source with what it gives.
SOURCES = {
    "shopify": ("order_lines", "products", "customers", "aliases"),
    "ga4": ("order_lines", "events", "impressions", "customers"),
    "klaviyo": ("customers", "engagement", "events", "campaigns"),
    "mailchimp": ("customers", "engagement", "campaigns"),
    "woocommerce": ("order_lines", "products", "customers", "aliases"),
    "tabular": ("order_lines", "customers", "products"),
}

OWN_FILE = (
    "Order;Customer e-mail;SKU;Ordered at (shop's time);Line;Price;Currency;Channel;Joined;News;a.b;Title\n"
    "1;buyer1@example.com;jam;29.02.2024 10:30;0,333;3,00;EUR;w;1700000000;ja;x;Jam\n"
    "2;;jam;31.02.2024;1;1.234,56789;eur ;t;01.01.2020;nein;;\n"
    "3;buyer2@example.com;tea;27.10.2024 02:30;-2;0,1;;;;perhaps;y;<b>\n"
    "4;buyer2@example.com;;01.07.2024;99999;99999999999,99;EUR;w;soon;ja;z;Gin\n"
    "5;buyer3@example.com;tea;1720000000;nan;1;EUR;w;99999999999999999;;;Tea\n"
    "6;buyer3@example.com;tea;1720000000;1;kostenlos;EUR;w;1;;;Tea\n"
)
OWN_TABLES = {
    "path": "own.csv",
    "tables": {
        "order_lines": {
            "order_id": "Order",
            "email": "Customer e-mail",
            "product_id": "SKU",
            "ordered_at": "Ordered at (shop's time)",
            "quantity": "Line",
            "unit_price": "Price",
            "currency": "Currency",
            "channel": "Channel",
        },
        "customers": {"email": "Customer e-mail", "joined_at": "Joined", "email_consent": "News", "age": "a.b"},
        "products": {"product_id": "SKU", "title": "Title", "stock": "Line", "brand": "line"},
    },
    "values": {
        "order_lines": {"channel": {"w": "web", "t": ""}},
        "customers": {"email_consent": {"ja": True, "nein": False}},
    },
    "constants": {"order_lines": {"channel": "till", "discount": 0.5}, "customers": {"country": "DE"}},
    "time_format": ["%d.%m.%Y %H:%M", "%d.%m.%Y", "unix"],
    "decimal": ",",
}


def samples(*patterns: str) -> list[str]:
    return [str(SAMPLES / pattern) for pattern in patterns]


def every_source(folder: Path) -> list[dict]:
    """The entries of `SOURCES` in the settings; the usual shop's exports lie in `folder`."""
    exports = {name: (folder / f"{name}_export.csv").rename(folder / f"{name}.csv").name for name in test_shopify.FILES}
    (folder / "own.csv").write_text(OWN_FILE)
    options = {
        "shopify": {name: [exports[name], *samples(files)] for name, files in test_shopify.FILES.items()},
        "ga4": {
            "events": samples("ga4/events_*.jsonl"),
            "purchases": "orders",
            "recommendation_lists": {"rec_home": "homepage"},
        },
        "klaviyo": {
            "events": samples("klaviyo/events_*.json", "klaviyo/archive_v1.jsonl"),
            "metrics": samples("klaviyo/metrics.json"),
            "profiles": samples("klaviyo/profiles.json"),
            "profiles_csv": samples("klaviyo/profiles.csv"),
            "personalization_property": "Likes recommendations",
        },
        "mailchimp": {"audience": samples("mailchimp/*.csv"), "activity": samples("mailchimp/email_activity*")},
        "woocommerce": {
            name: samples(*([files] if isinstance(files, str) else files))
            for name, files in test_woocommerce.FILES.items()
        },
        "tabular": OWN_TABLES,
    }
    return [{"kind": kind} | options[kind] for kind in SOURCES]


class Made(NamedTuple):
    """A workbook with the rows of every file that was written for it, by name, in one order."""

    wb: Workbook
    files: dict[str, list[dict]]


def keeping(engine: Engine, files: dict[str, list[dict]]) -> Callable[[ibis.BaseBackend, ibis.Table, Path], None]:
    """The engine's way to write, which also puts what is written into `files`, steps on the way among them."""

    def write(connection: ibis.BaseBackend, table: ibis.Table, path: Path) -> None:
        engine.write(connection, table, path)
        name = f"{path.parent.name}/{path.stem}" if path.parent.name in ("work", "quarantine") else path.stem
        assert name not in files
        files[name] = sorted(pq.read_table(path).to_pylist(), key=repr)

    return write


@pytest.fixture(scope="module")
def stores(tmp_path_factory) -> dict[str, Made]:
    """All sources in one shop, by either engine."""
    assert pyspark.__version__.startswith("4.")
    made = {}
    for name, engine in ENGINES.items():
        folder, files = tmp_path_factory.mktemp(name), {}
        settings = usual_shop(folder, name).settings.file
        values = yaml.safe_load(settings.read_text())
        values |= {"sources": every_source(folder), "cleaning": {"max_refused": 1}}
        settings.write_text(yaml.safe_dump(values, sort_keys=False))
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(ENGINES, name, engine._replace(write=keeping(engine, files)))
            made[name] = Made(Workbook.load(settings), files)
            _ = made[name].wb.tables
    return made


def test_both_engines_write_the_same_files(stores):
    expected = {*TABLES, *(f"quarantine/{kind}" for kind in SOURCES)}
    expected |= {f"work/{number}_{name}" for number, given in enumerate(SOURCES.values()) for name in given}
    assert stores["duckdb"].files.keys() == stores["spark"].files.keys()
    assert expected <= stores["spark"].files.keys()


@pytest.mark.parametrize("number", range(len(SOURCES)), ids=SOURCES)
def test_both_engines_make_the_same_rows_of_every_source(stores, number):
    assert_same(stores, *(f"work/{number}_{name}" for name in [*SOURCES.values()][number]))


@pytest.mark.parametrize("name", [*TABLES, *(f"quarantine/{kind}" for kind in SOURCES)])
def test_both_engines_write_the_same_rows(stores, name):
    assert_same(stores, name)


def test_both_engines_take_the_same_steps_in_between(stores):
    assert_same(stores, *stores["duckdb"].files)


def assert_same(stores: dict[str, Made], *names: str) -> None:
    for name in names:
        by_duckdb, by_spark = (made.files[name] for made in stores.values())
        assert by_spark == by_duckdb, name
        assert by_duckdb or name.endswith("_aside"), name


def test_both_engines_tell_the_same_of_what_was_read_and_found(stores):
    books = [made.wb for made in stores.values()]
    read = [wb.reading.drop(columns=["read_at", "modified"]).astype(str).to_numpy().tolist() for wb in books]
    assert read[0] == read[1]
    assert len(read[0]) == 37
    found = [wb.findings.to_numpy().tolist() for wb in books]
    assert found[0] == found[1]
    aside = [wb.set_aside.to_numpy().tolist() for wb in books]
    assert aside[0] == aside[1]


def test_of_one_s_own_file_every_kind_of_value_is_understood_or_told(stores):
    number = [*SOURCES].index("tabular")
    files = stores["spark"].files
    assert [len(files[f"work/{number}_{name}"]) for name in SOURCES["tabular"]] == [6, 5, 5]
    lines = sorted(files[f"work/{number}_order_lines"], key=lambda row: row["line"])
    assert [row["reason"] for row in lines] == [
        None,
        "ordered_at not readable",
        None,
        "revenue too large",
        "quantity not readable",
        "unit_price not readable",
    ]
