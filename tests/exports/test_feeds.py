"""GA4, Dynamic Yield, Nosto, Barilliance and IBM Watson."""

import csv
import json
import re
from datetime import datetime

import pyarrow as pa
import pytest

from reco.errors import InputError
from reco.exports import publishing
from reco.exports.systems import dynamic_yield, nosto, watson
from tests.exports import made
from tests.exports.contract import Contract


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def requests(folder) -> list[dict]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]


class TestGa4(Contract):
    system = "ga4"

    def test_impressions_and_clicks_within_the_limits(self, tmp_path):
        folder, told = self.export(tmp_path)
        (request,) = requests(folder)
        assert request["client_id"] == "1146540.1921992520" and request["timestamp_micros"] == "1795521600000000"
        event, click = request["events"]
        assert event["name"] == "view_item_list" and re.fullmatch("[A-Za-z][A-Za-z0-9_]{0,39}", event["name"])
        assert event["params"]["item_list_id"] == "rec_product_page"
        assert event["params"]["item_list_name"] == "Product page"
        assert [(one["item_id"], one["index"], one["price"]) for one in event["params"]["items"]] == [
            ("007", 0, 1.5),
            ("1e5", 1, 10.25),
        ]
        assert click["name"] == "select_item"
        assert [one["item_id"] for one in click["params"]["items"]] == ["1e5"]
        assert told["withheld"] == {"impressions older than 72 hours or of visitors without GA4's id": 1}

    def seen(self, slates: int, places: int, title: str = "Tea", **columns):
        """Material in which one visitor saw so many slates of so many products at one moment."""
        ids = [f"{number:😀>100}" for number in range(places)]
        impressions = made.table(
            "impressions", slate_id=[f"s{n}" for n in range(slates) for _ in ids], product_id=ids * slates,
            position=[*range(1, places + 1)] * slates, customer_id="ann", context="product_page",
            shown_at=datetime(2026, 11, 24, 12), **columns,
        )  # fmt: skip
        return made.material(impressions=impressions, products=made.table("products", product_id=ids, title=title))

    def test_a_request_holds_25_events_of_one_visitor_and_moment(self, tmp_path):
        folder, told = self.export(tmp_path, self.seen(60, 1))
        assert [len(one["events"]) for one in requests(folder)] == [25, 25, 10]
        assert told["files"][0]["rows"] == 3
        clicks = [datetime(2026, 11, 24, 12, 0, n) for n in range(60)]
        folder, _ = self.export(tmp_path / "clicks", self.seen(60, 1, clicked_at=clicks))
        # the first click is of the moment when all were shown
        assert [len(one["events"]) for one in requests(folder)] == [25, 25, 11, *[1] * 59]

    def test_a_request_is_smaller_than_130_kb_whatever_the_names(self, tmp_path):
        folder, _ = self.export(tmp_path, self.seen(9, 200, title="😀" * 100))
        sizes = [len(line) for line in (folder / "events.jsonl").read_bytes().splitlines()]
        assert max(sizes) < 130_000
        shown = [event["params"]["items"] for one in requests(folder) for event in one["events"]]
        assert [one["index"] for items in shown for one in items] == [*range(200)] * 9

    def test_a_longer_list_than_an_event_may_hold_is_several_events(self, tmp_path):
        folder, _ = self.export(tmp_path, self.seen(1, 450))
        events = [event for one in requests(folder) for event in one["events"]]
        assert max(len(one["params"]["items"]) for one in events) <= 200
        assert [item["index"] for one in events for item in one["params"]["items"]] == [*range(450)]
        assert {one["params"]["item_list_id"] for one in events} == {"rec_product_page"}

    def test_only_new_events_are_sent(self, tmp_path):
        self.export(tmp_path, self.seen(3, 2))
        folder, told = self.export(
            tmp_path, self.seen(3, 2, clicked_at=[None] * 5 + [datetime(2026, 11, 24, 13)]), only_changed=True
        )
        (request,) = requests(folder)
        assert [one["name"] for one in request["events"]] == ["select_item"]
        assert (told["files"][0]["changed"], told["files"][0]["removed"]) == (1, 0)

    def test_what_is_too_old_is_left_out(self, tmp_path):
        material = made.material()
        material.made_at = "2026-11-27T12:00:00Z"
        _, told = self.export(tmp_path, material)
        assert told["files"][0]["rows"] == 0
        assert list(told["withheld"].values()) == [3]

    def test_an_id_that_is_too_long_is_refused(self, tmp_path):
        seen = made.material().table("impressions").to_pylist()
        seen[0]["product_id"] = "x" * 101
        with pytest.raises(InputError, match=r"GA4: item 'xxx.* has 101 characters; expected at most 100"):
            self.export(tmp_path, made.material(impressions=pa.Table.from_pylist(seen, made.TABLES["impressions"])))


def shop(ids=("a1", "b2", "c3", "d4", "e5", "f6")) -> dict:
    """The shop with ids that have no spaces."""
    goes_with = made.table("goes_with", product_id=[ids[0]], items=[[ids[1]]])
    return {
        "products": made.products(ids),
        "lists": made.lists(made.slates(ids), made.anchors(ids)),
        "goes_with": goes_with,
    }


class TestDynamicYield(Contract):
    system = "dynamic_yield"

    @pytest.fixture(autouse=True)
    def without_spaces(self, monkeypatch):
        whole = made.material
        monkeypatch.setattr(made, "material", lambda **changed: whole(**shop() | changed))

    def test_mandatory_columns_by_their_exact_names(self, tmp_path):
        folder, _ = self.export(tmp_path)
        first = rows(folder / "productfeed.csv")[1]
        mandatory = ["sku", "group_id", "name", "url", "price", "in_stock", "image_url", "categories"]
        assert list(first)[:8] == mandatory
        assert [first[one] for one in mandatory[:2]] == ["b2", "b2"]
        assert (first["in_stock"], first["categories"], first["rec_ids"]) == ("true", "FOOD|Tea", "c3|d4|e5")
        assert rows(folder / "productfeed.csv")[0]["in_stock"] == "false"

    @pytest.mark.parametrize("wrong", ["a b", "a//b"])
    def test_skus_that_it_refuses(self, tmp_path, wrong):
        with pytest.raises(InputError, match=f"Dynamic Yield: sku '{wrong}'; expected no spaces and no // in it"):
            self.export(tmp_path, made.material(**shop((wrong, "b2", "c3", "d4", "e5", "f6"))))

    def changed(self, **columns):
        goods = shop()["products"].to_pylist()
        goods[1] |= columns
        return made.material(products=pa.Table.from_pylist(goods, made.products().schema))

    def test_products_that_it_would_skip_are_left_out_and_counted(self, tmp_path):
        folder, told = self.export(tmp_path, self.changed(image_url=None))
        assert "b2" not in {row["sku"] for row in rows(folder / "productfeed.csv")}
        assert told["withheld"] == {"products without picture or category, which Dynamic Yield skips": 1}

    @pytest.mark.parametrize(
        ("column", "value", "words"),
        [
            ("title", "x" * 1001, "name 'xxx.* has 1001 characters; expected at most 1000"),
            ("url", "https://shop.example/" + "x" * 980, "url .* has 1001 characters; expected at most 1000"),
            ("image_url", "/i/1.jpg", "image_url '/i/1.jpg'; expected a link that begins with http:// or https://"),
        ],
    )
    def test_values_that_it_refuses(self, tmp_path, column, value, words):
        with pytest.raises(InputError, match=f"Dynamic Yield: {words}"):
            self.export(tmp_path, self.changed(**{column: value}))

    def test_a_feed_that_is_too_large_is_refused_and_the_last_one_stands(self, tmp_path, monkeypatch):
        _, told = self.export(tmp_path)
        (size,) = [one["bytes"] for one in told["files"] if one["name"] == "productfeed.csv"]
        monkeypatch.setattr(dynamic_yield, "BYTES", {5: 10, 6: size, 7: 10**9})
        self.export(tmp_path)
        monkeypatch.setattr(dynamic_yield, "BYTES", {6: size - 1})
        with pytest.raises(
            InputError, match=f"productfeed.csv: the file has {size:,} bytes; expected at most {size - 1:,}"
        ):
            self.export(tmp_path)
        monkeypatch.setattr(dynamic_yield, "PRODUCTS", 5)
        with pytest.raises(InputError, match=r"Dynamic Yield: productfeed\.csv has 6 products; expected at most 5"):
            self.export(tmp_path)
        assert publishing.verify(tmp_path / "dynamic_yield" / "latest") == []
        assert len(list((tmp_path / "dynamic_yield").iterdir())) == 3


class TestNosto(Contract):
    system = "nosto"
    options = {"products": 4}  # noqa: RUF012 read only

    def test_calls_are_lists_of_products(self, tmp_path):
        folder, _ = self.export(tmp_path)
        calls = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("products-????.json"))]
        assert [len(one) for one in calls] == [4, 2]
        found = {one["product_id"]: one for call in calls for one in call}
        assert found["007"]["availability"] == "OutOfStock" and found["p6"]["availability"] == "InStock"
        assert found["p6"]["categories"] == ["FOOD/Milk"]
        assert found["p6"]["custom_fields"]["rec_ids"] == "Ünïcode-茶|1e5"

    def test_calls_are_cut_by_bytes_and_a_product_that_is_too_large_is_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr(nosto, "CALL", 1_000)
        folder, _ = self.export(tmp_path)
        calls = sorted(folder.glob("products-????.json"))
        assert len(calls) > 2 and max(path.stat().st_size for path in calls) <= 1_000
        sent = [one["product_id"] for path in calls for one in json.loads(path.read_text(encoding="utf-8"))]
        assert sent == sorted(made.PRODUCTS)
        monkeypatch.setattr(nosto, "CALL", 200)
        wrong = r"Nosto: product '-42' has [34]\d\d bytes in products\.json; expected at most 200 a call"
        with pytest.raises(InputError, match=wrong):
            self.export(tmp_path)
        assert publishing.verify(tmp_path / "nosto" / "latest") == []
        assert (tmp_path / "nosto" / "latest").resolve() == folder.resolve()

    def test_only_products_that_changed_are_sent(self, tmp_path):
        self.export(tmp_path)
        goods = made.products().to_pylist()
        goods[0]["price"] = 9.5
        goods = pa.Table.from_pylist([*goods[:3], *goods[4:]], made.products().schema)  # the fourth is gone
        folder, told = self.export(tmp_path, made.material(products=goods), only_changed=True)
        sent = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("products-????.json"))]
        changed = {one["product_id"] for call in sent for one in call}
        # those beside which it stood have another list
        assert "007" in changed and "-42" not in changed and len(changed) < len(goods)
        gone = (folder / "products-0001.json.removed.jsonl").read_text().splitlines()
        assert [json.loads(line)["product_id"] for line in gone] == ["-42"]
        assert (told["files"][0]["changed"], told["files"][0]["removed"]) == (len(changed), 1)


class TestBarilliance(Contract):
    system = "barilliance"

    def test_connected_products_and_category_tree(self, tmp_path):
        folder, _ = self.export(tmp_path)
        found = {row["Product ID"]: row for row in rows(folder / "products.csv")}
        assert found["Ünïcode-茶"]["Connected Products"] == "1e5,-42,p 5"
        assert found["Ünïcode-茶"]["Category tree"] == "FOOD > Tea"
        assert not (folder / "purchases.csv").exists()

    def test_purchases_by_address_only_where_they_are_asked_for(self, tmp_path):
        self.options = {"purchases": True}
        mail = made.table("customers", customer_id=list(made.CUSTOMERS), mail=[True, False, True, True])
        folder, _ = self.export(tmp_path, made.material(customers=mail))
        assert rows(folder / "purchases.csv") == [
            {
                "Customer email": "zoe@shop.example",
                "Purchase time": "2026-11-24 12:00:00",
                "Product ID": "007",
                "Order ID": "o3",
            }
        ]  # of the other buyers, one has no address here and one takes no mail


class TestWatson(Contract):
    system = "watson"

    def test_the_catalogue_by_its_described_columns(self, tmp_path):
        goods = made.products().to_pylist()
        goods[1] |= {"title": "茶" * 200, "description": "x" * 6_000, "category": "Tea, green"}
        goods = pa.Table.from_pylist(goods, made.products().schema)
        folder, told = self.export(tmp_path, made.material(products=goods))
        found = {row["id"]: row for row in rows(folder / "products.csv")}
        assert list(found["p6"])[:6] == ["id", "title", "description", "image_link", "product_category", "brand"]
        one = found["Ünïcode-茶"]
        assert (one["title"], len(one["description"]), one["product_category"]) == ("茶" * 150, 5_000, "Tea  green")
        assert one["rec_ids"] == "1e5|-42|p 5"
        assert told["remarks"] == [watson._REMARK] and "events" in watson._REMARK
        first = rows(folder / "events.csv")[0]
        assert (first["time"], first["user_id"]) == ("2026-11-24T12:00:00Z", "0001")
