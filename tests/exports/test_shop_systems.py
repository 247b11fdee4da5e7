"""Shopify, WooCommerce and Algolia: cells that their importers take."""

import csv
import json

import pytest

from reco.errors import InputError
from tests.exports import made
from tests.exports.contract import Contract


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestShopify(Contract):
    system = "shopify"

    def test_handles_are_joined_and_sold_out_ones_left_out(self, tmp_path):
        folder, told = self.export(tmp_path)
        complementary, related = list(rows(folder / "products.csv")[0])[2:4]
        found = {row["URL handle"]: row for row in rows(folder / "products.csv")}
        assert found["Ünïcode-茶"][related] == "1e5; -42; p 5"
        assert found["p 5"][related] == "p6; Ünïcode-茶"  # 007 is sold out
        assert found["p6"][complementary] == "1e5; -42"
        assert "007" not in found
        # a title that would run as a formula can be neither changed nor sent
        assert told["withheld"]["rows of products.csv whose ids a spreadsheet would run as formulas"] == 2
        assert (folder / "products.csv").read_bytes()[:3] != b"\xef\xbb\xbf"

    def test_headers_of_the_shop_itself_are_written(self, tmp_path):
        space = "product.metafields.shopify--discovery--product_recommendation"
        own = ["Handle", "Title", f"Relacionados (x) ({space}.related_products)",
               f"Productos complementarios ({space}.complementary_products)"]  # fmt: skip
        (tmp_path / "own.csv").write_text("\ufeff" + ",".join(own) + "\n", encoding="utf-8")
        self.options = {"headers": tmp_path / "own.csv"}
        folder, _ = self.export(tmp_path / "out")
        assert list(rows(folder / "products.csv")[0])[:4] == [own[0], own[1], own[3], own[2]]
        (tmp_path / "own.csv").write_text("Handle,Title\n")
        with pytest.raises(InputError, match=r"own\.csv: no column Complementary products"):
            self.export(tmp_path / "out")

    def test_never_more_than_ten(self, tmp_path):
        ids = tuple(f"h{n}" for n in range(14))
        frame = made.slates(ids[:1], ()).iloc[:0]
        wide = [("s", "product_page", None, n, ids[n], 1.0, "S", "R", False, None) for n in range(14)]
        frame = made.pd.DataFrame(wide, columns=frame.columns).astype({"position": "int32", "propensity": "float64"})
        goods = made.table("products", product_id=list(ids), title="T", recommendable=True)
        anchors = made.pd.DataFrame({"slate_id": ["s"], "item_id": ["h0"]})
        material = made.material(lists=made.lists(frame, anchors), products=goods)
        folder, _ = self.export(tmp_path, material)
        assert list(rows(folder / "products.csv")[0].values())[3] == "; ".join(ids[1:11])


class TestWooCommerce(Contract):
    system = "woocommerce"

    def test_skus_are_escaped_and_unknown_ones_never_written(self, tmp_path):
        goods = made.products().to_pylist()
        goods[3]["sku"] = None
        folder, _ = self.export(
            tmp_path, made.material(products=made.pa.Table.from_pylist(goods, made.products().schema))
        )
        found = {row["SKU"]: row for row in rows(folder / "products.csv")}
        assert found["SKU,1"]["Upsells"] == r"SKU\,2, SKU\,4"  # -42 has neither number nor SKU now
        assert found["SKU,1"]["Cross-sells"] == ""
        assert found["SKU,1"]["ID"] == ""

    def test_a_sku_of_two_products_names_neither(self, tmp_path):
        goods = made.products().to_pylist()
        goods[2]["sku"] = goods[4]["sku"]
        folder, _ = self.export(
            tmp_path, made.material(products=made.pa.Table.from_pylist(goods, made.products().schema))
        )
        found = {row["SKU"]: row["Upsells"] for row in rows(folder / "products.csv")}
        assert found["SKU,1"] == r"SKU\,3"
        assert "SKU,4" not in found

    def test_numbers_are_ids(self, tmp_path):
        ids = ("11", "12", "13", "14", "15", "16")
        tables = {
            "products": made.products(ids),
            "goes_with": made.table("goes_with", product_id=["12"], items=[["13", "99"]]),
        }
        material = made.material(lists=made.lists(made.slates(ids), made.anchors(ids)), **tables)
        folder, _ = self.export(tmp_path, material)
        found = {row["ID"]: row for row in rows(folder / "products.csv")}
        assert found["12"]["Upsells"] == "id:13, id:14, id:15"
        assert found["12"]["Cross-sells"] == "id:13"


class TestAlgolia(Contract):
    system = "algolia"

    def test_events_by_csv_and_api(self, tmp_path):
        folder, _ = self.export(tmp_path)
        assert (folder / "events.csv").read_bytes().startswith(b"userToken,timestamp,objectID,eventType,eventName\n")
        first = rows(folder / "events.csv")[0]
        assert (first["timestamp"], first["objectID"], first["eventType"]) == (
            "2026-11-24T12:00:00Z",
            "007",
            "conversion",
        )
        call = json.loads((folder / "events.jsonl").read_text(encoding="utf-8").splitlines()[0])
        assert call["timestamp"] == 1795521600000
        assert "0001" not in call["userToken"][:4] or len(call["userToken"]) == 64

    def test_records_and_rules(self, tmp_path):
        tables = {"pinned": made.table("pinned", context=["cart", "cart"], position=[2, 1], product_id=["p6", "007"]),
                  "banned": made.table("banned", product_id=["1e5"])}  # fmt: skip
        folder, _ = self.export(tmp_path, made.material(**tables))
        records = [json.loads(line) for line in (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()]
        assert {one["objectID"]: one["rec_ids"] for one in records}["Ünïcode-茶"] == ["1e5", "-42", "p 5"]
        rules = [json.loads(line) for line in (folder / "rules.jsonl").read_text(encoding="utf-8").splitlines()]
        assert rules[0] == {
            "objectID": "reco-banned",
            "consequence": {"promote": [], "hide": [{"objectID": "1e5"}]},
            "enabled": True,
        }
        assert rules[1]["consequence"]["promote"] == [
            {"objectID": "007", "position": 0},
            {"objectID": "p6", "position": 1},
        ]

    def test_algolia_s_own_client_reads_events_and_rules(self, tmp_path):
        from algoliasearch.insights.models.insights_events import InsightsEvents
        from algoliasearch.recommend.models.recommend_rule import RecommendRule

        tables = {"pinned": made.table("pinned", context=["cart"], position=[2], product_id=["p6"]),
                  "banned": made.table("banned", product_id=["1e5"])}  # fmt: skip
        folder, _ = self.export(tmp_path, made.material(**tables))
        calls, rules = (
            [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]
            for name in ("events.jsonl", "rules.jsonl")
        )
        assert [set(one.actual_instance.object_ids) for one in InsightsEvents.from_dict({"events": calls}).events] == [
            set(one["objectIDs"]) for one in calls
        ]
        read = [RecommendRule.from_dict(one) for one in rules]
        assert [one.object_id for one in read] == ["reco-banned", "reco-pinned-cart"]
        assert read[0].consequence.hide[0].object_id == "1e5"
        assert (read[1].consequence.promote[0].object_id, read[1].consequence.promote[0].position) == ("p6", 1)

    def test_old_events_are_left_out_and_counted(self, tmp_path):
        material = made.material()
        material.made_at = "2027-03-01T00:00:00Z"
        folder, told = self.export(tmp_path, material)
        assert rows(folder / "events.csv") == []
        assert told["withheld"]["interactions older than 90 days, which Algolia ignores"] == 4
