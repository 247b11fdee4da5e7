"""What goes wrong between settings and shelf: a clear message, or slates that are filled all the same."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from reco import Workbook
from reco.contexts import coverage, fill, make_slates, remarks, standing_requests
from reco.errors import InputError
from reco.report import gallery
from reco.settings import Context, load

UNTIL = pd.Timestamp("2026-06-15", tz="UTC")
STRATEGIES = [
    {"title": "For you", "model": "item_knn"},
    {"title": "Picks", "kind": "curated", "file": "picks.csv"},
]
HOMEPAGE = {"title": "Homepage", "channel": "on_site", "anchor": "customer", "min_size": 4, "size": 6}


@pytest.fixture
def shop(bare: Workbook, tmp_path: Path) -> Callable[..., Workbook]:
    """A function: the bare store with a homepage, files in its folder as given, and changed rules or catalogue."""
    for file in ("workbook.yaml", "lines.csv"):
        shutil.copy(bare.settings.root / file, tmp_path)

    def make(files: dict[str, str | bytes], rules: dict | None = None, **catalogue: object) -> Workbook:
        for name, text in {"picks.csv": "product_id\np01\np02\n", **files}.items():
            (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        settings = load(tmp_path / "workbook.yaml")
        update = {
            "contexts": {"homepage": Context(**HOMEPAGE, strategies=STRATEGIES)},
            "rules": settings.rules.changed(**(rules or {})),
            "catalogue": settings.catalogue.model_copy(update=catalogue),
        }
        return Workbook(settings.model_copy(update=update))

    return make


def shown(wb: Workbook) -> pd.DataFrame:
    return make_slates(wb, "homepage", standing_requests(wb, "homepage", UNTIL), UNTIL).frame


def full(slates: pd.DataFrame) -> bool:
    return slates["slate_id"].nunique() == 20 and (slates.groupby("slate_id").size() == 6).all()


STOCK = {"in_stock": {"file": "stock.csv", "max_age_minutes": 60}}


def test_a_stock_file_with_unknown_products_is_read_and_told_about(shop):
    wb = shop({"stock.csv": "product_id,stock\np01,0\nx1,3\nx2,0\nx3,1\nx4,1\n"}, STOCK)
    slates = shown(wb)
    assert full(slates)
    assert "p01" not in set(slates["item_id"])
    assert remarks(wb, UNTIL) == [
        "stock.csv names 4 products that the catalogue does not have: x1, x2, x3 and 1 more",
    ]


@pytest.mark.parametrize(("minutes", "told"), [(59, False), (61, True)])
def test_a_stock_file_older_than_its_limit_still_holds_and_says_so(shop, minutes, told):
    wb = shop({"stock.csv": "product_id,stock\np01,0\n"}, STOCK)
    moment = time.time() - 60 * minutes
    os.utime(wb.settings.root / "stock.csv", (moment, moment))
    assert "p01" not in set(shown(wb)["item_id"])
    assert [one for one in remarks(wb, UNTIL) if "61 minutes old, the limit is 60" in one] == remarks(wb, UNTIL)
    assert bool(remarks(wb, UNTIL)) == told


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "stock.csv:1: not readable as CSV in UTF-8 (No columns to parse from file); expected columns product_id"),
        (b"product_id,stock\n\xff\xfe,1\n", "stock.csv:1: not readable as CSV in UTF-8 ("),
        ('product_id,stock\n"p01\n', "stock.csv:1: not readable as CSV in UTF-8 ("),
        ("id,stock\np01,1\n", "stock.csv:1: expected columns product_id, stock, found id, stock"),
        ("product_id,stock\np01,1\n,2\n", "stock.csv:3: product_id is missing"),
        ("product_id,stock\np01,1\np02,many\n", "stock.csv:3: stock: expected a number of pieces, found 'many'"),
    ],
)
def test_a_stock_file_that_does_not_serve_is_named_with_its_line(shop, text, message):
    with pytest.raises(InputError) as raised:
        shown(shop({"stock.csv": text}, STOCK))
    assert str(raised.value).startswith(message)


def test_a_stock_file_that_is_not_there_is_named_with_its_key(shop):
    with pytest.raises(InputError, match=r"rules.in_stock.file: no such file stock.csv; expected a CSV"):
        shown(shop({}, STOCK))


def test_dates_that_are_none(shop):
    rules = {"not_ended": {"file": "dates.csv"}}
    text = "product_id,starts_at,ends_at\np01,,2026-06-01\np02,soon,\n"
    with pytest.raises(InputError, match=r"dates.csv:3: starts_at: expected a moment, found 'soon'"):
        shown(shop({"dates.csv": text}, rules))
    slates = shown(shop({"dates.csv": text.replace("soon", "2026-06-14")}, rules))
    assert full(slates)
    assert "p01" not in set(slates["item_id"])
    assert "p02" in set(slates["item_id"])


def test_picks_of_deleted_products_leave_their_places_to_others(shop):
    wb = shop({"picks.csv": "product_id,note\ngone,\nlost,\n"})
    slates = shown(wb)
    assert full(slates)
    assert set(slates["strategy"]) == {"For you"}
    assert remarks(wb, UNTIL) == [
        "picks.csv names 2 products (gone, lost) that the catalogue does not have; passed over"
    ]


def test_sold_out_throughout_shows_nothing_and_counts_it(shop):
    every = "".join(f"p{n:02},0\n" for n in range(12))
    wb = shop({"stock.csv": f"product_id,stock\n{every}"}, STOCK)
    filled = fill(wb, UNTIL)
    assert filled["homepage"].slates.empty
    assert coverage(wb, filled)[["slates", "empty", "full"]].to_numpy().tolist() == [[20, 20, 0]]
    assert filled["homepage"].report.set_index("rule").loc["in_stock", "removed"] > 0


@pytest.mark.parametrize(
    ("catalogue", "key"),
    [
        ({"exclude": {"product_id": [f"p{n:02}" for n in range(12)]}}, "exclude"),
        ({"min_customers": 100}, "min_customers"),
    ],
)
@pytest.mark.parametrize("fills", [shown, lambda wb: fill(wb, UNTIL), lambda wb: gallery.gallery(wb, UNTIL)])
def test_an_empty_catalogue_is_said_so_with_the_key_that_emptied_it(shop, catalogue, key, fills):
    with pytest.raises(InputError, match=r"no product was bought by|no customer number 1 to show: 0 bought") as raised:
        fills(shop({}, **catalogue))
    assert f"catalogue.{key}" in str(raised.value)
    assert "workbook.yaml" in str(raised.value)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"stock.csv": None}, "workbook.yaml:1: rules.in_stock.file: no such file stock.csv; expected a CSV"),
        ({"dates.csv": None}, "workbook.yaml:1: rules.not_ended.file: no such file dates.csv; expected a CSV"),
        ({"picks.csv": None}, "no such file picks.csv; expected a CSV of product_id and note"),
        ({"stock.csv": "product_id,stock\np01,x\n"}, "rules.in_stock.file: stock.csv:2: stock: expected a number"),
        ({"dates.csv": b"product_id\xff\n"}, "rules.not_ended.file: dates.csv:1: not readable as CSV in UTF-8"),
        ({"picks.csv": "product\np01\n"}, "strategies.1.file: picks.csv:1: expected a column product_id"),
    ],
)
def test_check_reads_the_files_that_slates_will_be_filled_by(shop, files, message):
    usual = {"stock.csv": "product_id,stock\np01,0\n", "dates.csv": "product_id,starts_at,ends_at\np01,,\n"}
    wb = shop(usual, {"in_stock": {"file": "stock.csv"}, "not_ended": {"file": "dates.csv"}})
    wb.check()
    for name, text in files.items():
        path = wb.settings.root / name
        path.unlink() if text is None else path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as raised:
        wb.check()
    assert message in str(raised.value)


def test_one_product_is_shown_where_there_is_no_other(shop):
    slates = shown(shop({}, exclude={"product_id": [f"p{n:02}" for n in range(11)]}))
    assert set(slates["item_id"]) == {"p11"}
    assert slates["slate_id"].is_unique
