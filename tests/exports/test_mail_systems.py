"""Klaviyo and Mailchimp: who may be written to, what fits, and templates as their engines read them."""

import csv
import json
import re
from html import escape

import pyarrow as pa
import pytest
from bs4 import BeautifulSoup

from reco.errors import InputError
from reco.exports.systems import klaviyo
from tests.exports import made
from tests.exports.contract import Contract
from tests.exports.merge_tags import rendered as rendered_tags


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def many(count: int) -> dict[str, pa.Table]:
    """Tables of so many customers, all of whom take mail."""
    ids = [f"c{n}" for n in range(count)]
    return {
        "lists": made.lists(made.slates(customers=ids), made.anchors()),
        "customers": made.table("customers", customer_id=ids, mail=True),
        "contacts": made.table("contacts", customer_id=ids, email=[f"{one}@shop.example" for one in ids]),
    }


class Mailed(Contract):
    """What both keep."""

    list_file: str

    def test_who_takes_no_mail_is_in_no_file(self, tmp_path):
        refused = made.table("customers", customer_id=list(made.CUSTOMERS), mail=[True, False, True, True])
        folder, _ = self.export(tmp_path, made.material(customers=refused))
        text = "".join(path.read_text(encoding="utf-8") for path in folder.iterdir() if path.suffix != ".state")
        assert "zoe@shop.example" in text and "ann@shop.example" not in text


class TestKlaviyo(Mailed):
    system = "klaviyo"

    def test_the_catalog_feed_is_flat_and_its_prices_are_numbers(self, tmp_path):
        folder, _ = self.export(tmp_path)
        feed = json.loads((folder / "catalog.json").read_text(encoding="utf-8"))
        assert [one["id"] for one in feed] == sorted(made.PRODUCTS)
        one = next(one for one in feed if one["id"] == "1e5")
        assert (one["price"], one["title"], one["inventory_policy"], one["categories"]) == (
            10.25,
            "+Plus",
            1,
            ["Oats & more"],
        )
        documented = json.loads(SAMPLE)
        assert documented.keys() <= one.keys()

    def test_profiles_by_api_and_by_csv(self, tmp_path):
        folder, _ = self.export(tmp_path)
        (call,) = [json.loads(line) for line in (folder / "profiles.jsonl").read_text(encoding="utf-8").splitlines()]
        assert call["data"]["type"] == "profile-bulk-import-job"
        first = call["data"]["attributes"]["profiles"]["data"][0]
        assert first["attributes"]["email"] == "ann@shop.example"
        assert first["attributes"]["properties"]["rec_ids"] == list(made.PRODUCTS[1:5])
        table = rows(folder / "profiles.csv")
        assert list(table[0]) == ["Email", "rec_1_id", "rec_2_id", "rec_3_id", "rec_4_id"]
        assert list(table[0].values()) == ["ann@shop.example", *made.PRODUCTS[1:5]]

    def test_calls_are_what_klaviyo_s_own_client_would_send(self, tmp_path):
        from openapi_client.models.profile_import_job_create_query import ProfileImportJobCreateQuery

        folder, _ = self.export(tmp_path)
        for line in (folder / "profiles.jsonl").read_text(encoding="utf-8").splitlines():
            read = ProfileImportJobCreateQuery.from_json(line)
            assert read.model_dump(mode="json", exclude_unset=True)["data"]["type"] == "profile-bulk-import-job"
            profiles = read.data.attributes.profiles.data
            assert [one.attributes.email for one in profiles] == ["ann@shop.example", "zoe@shop.example"]
            assert profiles[0].attributes.properties["rec_ids"] == list(made.PRODUCTS[1:5])

    def test_lists_name_no_product_that_the_catalog_lacks(self, tmp_path):
        goods = made.products().to_pylist()
        goods[2]["image_url"] = None
        folder, told = self.export(
            tmp_path, made.material(products=pa.Table.from_pylist(goods, made.products().schema))
        )
        assert rows(folder / "profiles.csv")[0]["rec_2_id"] == "-42"
        assert '"1e5"' not in (folder / "catalog.json").read_text()
        assert told["withheld"] == {"products without link, picture or price, which Klaviyo's catalog asks for": 1}

    def test_calls_are_cut_by_profiles_and_refused_by_bytes(self, tmp_path, monkeypatch):
        self.options = {"profiles": 3}
        folder, _ = self.export(tmp_path, made.material(**many(7)))
        calls = [json.loads(line) for line in (folder / "profiles.jsonl").read_text(encoding="utf-8").splitlines()]
        assert [len(one["data"]["attributes"]["profiles"]["data"]) for one in calls] == [3, 3, 1]
        monkeypatch.setattr(klaviyo, "CALL", 100)
        with pytest.raises(InputError, match=r"expected fewer exports\.klaviyo\.profiles"):
            self.export(tmp_path)

    def test_the_template_shows_the_list_or_what_is_popular(self, tmp_path):
        folder, _ = self.export(tmp_path)
        catalog = {one["id"]: one for one in json.loads((folder / "catalog.json").read_text(encoding="utf-8"))}
        feeds = {"popular": json.loads((folder / "popular.json").read_text(encoding="utf-8"))}
        template = (folder / "template.html").read_text(encoding="utf-8")
        shown = rendered(template, catalog, {"person": {"rec_ids": ["1e5", "007"]}, "feeds": feeds})
        assert re.findall(r'<a href="(.*?)">', shown) == ["https://shop.example/p/2", "https://shop.example/p/0"]
        assert "&lt;b&gt;" in shown and "<b>" not in shown
        shown = rendered(template, catalog, {"person": {}, "feeds": feeds})
        assert re.findall(r'<a href="(.*?)">', shown) == [
            "https://shop.example/p/0",
            "https://shop.example/p/2",
            "https://shop.example/p/1",
        ]

    def feeds_of(self, tmp_path, material=None):
        self.options = {"secret": "sixteen letters!"}
        folder, told = self.export(tmp_path, material)
        feeds = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("recommended_?.json")}
        popular = json.loads((folder / "popular.json").read_text(encoding="utf-8"))
        return folder, told, feeds | {"popular": popular}

    def test_web_feeds_hold_everybody_s_list_under_a_key_of_the_profile(self, tmp_path):
        folder, _, feeds = self.feeds_of(tmp_path)
        keys = {row["Email"]: row["rec_key"] for row in rows(folder / "profiles.csv")}
        assert feeds["recommended_1"]["lists"][keys["ann@shop.example"]] == list(made.PRODUCTS[1:5])
        assert set(feeds["recommended_1"]["lists"]) == set(keys.values())
        (call,) = (folder / "profiles.jsonl").read_text(encoding="utf-8").splitlines()
        profile = json.loads(call)["data"]["attributes"]["profiles"]["data"][0]
        assert profile["attributes"]["properties"]["rec_key"] == keys["ann@shop.example"]
        text = (folder / "recommended_1.json").read_text(encoding="utf-8")
        assert not any(name in text for name in ("ann", "shop.example", "Zoë"))
        assert all(re.fullmatch("[0-9a-f]{32}", key) for key in keys.values())
        self.options = {"secret": "another secret..."}
        other, _ = self.export(tmp_path / "other")
        assert {row["rec_key"] for row in rows(other / "profiles.csv")}.isdisjoint(keys.values())

    def test_the_template_shows_the_list_of_a_web_feed_or_what_is_popular(self, tmp_path, monkeypatch):
        monkeypatch.setattr(klaviyo, "FEED", 1_700)
        folder, told, feeds = self.feeds_of(tmp_path, made.material(**many(12)))
        assert set(feeds) == {"recommended_1", "recommended_2", "popular"}
        assert all((folder / f"{name}.json").stat().st_size < 1_700 for name in feeds)
        catalog = {one["id"]: one for one in json.loads((folder / "catalog.json").read_text(encoding="utf-8"))}
        template = (folder / "template_feeds.html").read_text(encoding="utf-8")
        links = {one["id"]: one["link"] for one in catalog.values()}
        for feed in ("recommended_1", "recommended_2"):
            key, ids = next(iter(feeds[feed]["lists"].items()))
            shown = rendered(template, catalog, {"person": {"rec_key": key}, "feeds": feeds})
            assert re.findall(r'<a href="(.*?)">', shown) == [links[one] for one in ids]
        shown = rendered(template, catalog, {"person": {}, "feeds": feeds})
        assert len(re.findall("<a href", shown)) == len(feeds["popular"]["items"])
        monkeypatch.setattr(klaviyo, "FEEDS", 1)
        _, told, feeds = self.feeds_of(tmp_path, made.material(**many(12)))
        assert set(feeds) == {"recommended_1", "popular"}
        left = 12 - len(feeds["recommended_1"]["lists"])
        assert f"{left} customers have their list as properties only: 1 web feeds are full" in told["remarks"]

    def test_only_profiles_that_changed_are_sent_and_lists_that_are_no_more_are_emptied(self, tmp_path):
        self.export(tmp_path)
        slates = made.slates()
        slates = slates[slates["customer_id"] != "ann"]  # has no list any more
        slates.loc[(slates["customer_id"] == "Zoë") & (slates["position"] == 1), "item_id"] = "007"
        later = made.material(lists=made.lists(slates, made.anchors()))
        later.made_at = "2026-11-25T12:00:00Z"
        folder, told = self.export(tmp_path, later, only_changed=True)
        (call,) = (folder / "profiles.jsonl").read_text(encoding="utf-8").splitlines()
        sent = [one["attributes"] for one in json.loads(call)["data"]["attributes"]["profiles"]["data"]]
        assert [(one["email"], one["properties"]["rec_ids"][:1]) for one in sent] == [
            ("ann@shop.example", []),
            ("zoe@shop.example", ["007"]),
        ]
        by_name = {one["name"]: one for one in told["files"]}
        assert (by_name["profiles.jsonl"]["changed"], by_name["profiles.jsonl"]["removed"]) == (1, 1)
        # what Klaviyo reads at an address is whole, whatever changed
        assert (by_name["catalog.json"]["rows"], by_name["catalog.json"]["changed"]) == (6, 0)
        assert (by_name["popular.json"]["rows"], by_name["popular.json"]["changed"]) == (1, 0)
        later.made_at = "2026-11-26T12:00:00Z"
        folder, told = self.export(tmp_path, later, only_changed=True)
        assert (folder / "profiles.jsonl").read_text() == ""


#: The fields of a product in the example of Klaviyo's guide to custom catalog feeds.
SAMPLE = '{"id": "", "title": "", "link": "", "description": "", "price": 1, "image_link": "", "categories": []}'


def rendered(template: str, catalog: dict, context: dict) -> str:
    """A template of Klaviyo by Django's engine, whose language it is, with Klaviyo's own tag and filter."""
    import django
    from django.conf import settings
    from django.template import Context, Engine, Library, Node

    if not settings.configured:
        settings.configure()
        django.setup()
    library = Library()
    library.filter("lookup", lambda found, key: found.get(key))

    class Catalog(Node):
        def __init__(self, item, body):
            self.item, self.body = item, body

        def render(self, context):
            one = catalog[self.item.resolve(context)]  # an unknown id skips the message
            shown = {"url": one["link"], "title": one["title"], "featured_image": {"full": {"src": one["image_link"]}}}
            with context.push(catalog_item=shown):
                return self.body.render(context)

    @library.tag
    def catalog_tag(parser, token):
        item = parser.compile_filter(token.split_contents()[1])
        body = parser.parse(("endcatalog",))
        parser.delete_first_token()
        return Catalog(item, body)

    library.tags["catalog"] = library.tags.pop("catalog_tag")
    engine = Engine()
    engine.template_builtins.append(library)
    return engine.from_string(template).render(Context(context))


class TestMailchimp(Mailed):
    system = "mailchimp"

    def test_fields_and_values(self, tmp_path):
        folder, _ = self.export(tmp_path)
        ann = rows(folder / "audience.csv")[0]
        assert list(ann) == ["Email Address", *(f"REC{n}{part}" for n in (1, 2, 3) for part in "TUIP")]
        assert len(ann) - 1 <= 30
        assert list(ann.values())[:5] == [
            "ann@shop.example",
            "Tea 茶",
            "https://shop.example/p/1",
            "https://shop.example/i/1.jpg",
            "2.00 EUR",
        ]
        assert ann["REC2T"] == "'+Plus"  # a formula in a spreadsheet otherwise

    def export_of(self, tmp_path, number, **changed):
        """The export of the shop with one product changed; ann's list begins with product 1."""
        goods = made.products().to_pylist()
        goods[number] |= changed
        return self.export(tmp_path, made.material(products=pa.Table.from_pylist(goods, made.products().schema)))[0]

    @pytest.mark.parametrize(
        ("title", "kept"),
        [("a" * 400, "a" * 254), ("é" * 400, "é" * 127), ("茶" * 400, "茶" * 84), ("=" + "a" * 400, "'=" + "a" * 253)],
    )
    def test_titles_are_cut_at_a_whole_character(self, tmp_path, title, kept):
        ann = rows(self.export_of(tmp_path, 1, title=title) / "audience.csv")[0]
        assert ann["REC1T"] == kept
        assert max(len(value.encode()) for value in ann.values()) <= 255

    def test_a_link_that_would_be_clipped_is_refused(self, tmp_path):
        with pytest.raises(InputError, match=r"Mailchimp: REC1U .* has 257 bytes; expected at most 255"):
            self.export_of(tmp_path, 1, url="https://shop.example/" + "é" * 118)

    def test_the_block_names_the_fields_of_the_file(self, tmp_path):
        folder, _ = self.export(tmp_path)
        block = (folder / "template.html").read_text()
        fields = set(re.findall(r"\*\|(?:IF:)?(REC\w+)\|\*", block))
        assert fields == set(rows(folder / "audience.csv")[0]) - {"Email Address"}
        assert block.count("*|IF:") == block.count("*|END:IF|*") == 6

    @pytest.mark.parametrize("values", [escape, str], ids=["escaped by Mailchimp", "as they are"])
    def test_the_block_shows_the_rows_of_the_file(self, tmp_path, values):
        folder = self.export_of(tmp_path, 3, title="茶" * 400)
        block = (folder / "template.html").read_text()
        ann, zoe = (
            BeautifulSoup(rendered_tags(block, row, values), "html.parser") for row in rows(folder / "audience.csv")
        )
        assert [one["href"] for one in ann.select("a:not([aria-hidden])")] == [
            f"https://shop.example/p/{n}" for n in (1, 2, 3)
        ]
        assert [one["src"] for one in ann.select("a[aria-hidden] img")] == [
            f"https://shop.example/i/{n}.jpg" for n in (1, 2, 3)
        ]
        titles = [one.get_text() for one in ann.select("a:not([aria-hidden])")]
        assert titles == ["Tea 茶 2.00 EUR", "'+Plus 10.25 EUR", "茶" * 84 + " 0.10 EUR"]
        assert zoe.select_one("a:not([aria-hidden])")["href"] == "https://shop.example/p/2"

    @pytest.mark.parametrize("values", [escape, str], ids=["escaped by Mailchimp", "as they are"])
    def test_a_hostile_product_shows_as_text(self, tmp_path, values):
        title = '<b onclick="x">*|EMAIL|* & \'"</b>*|END:IF|*'
        folder = self.export_of(tmp_path, 1, title=title, url='https://shop.example/?"><script>*|EMAIL|* ')
        shown = rendered_tags((folder / "template.html").read_text(), rows(folder / "audience.csv")[0], values)
        assert "*|" not in shown
        page = BeautifulSoup(shown, "html.parser")
        assert {one.name for one in page.find_all()} == {"a", "img"}
        link = page.select_one("a:not([aria-hidden])")
        assert link.get_text().startswith('‹b onclick="x"›*¦EMAIL¦* & \'"‹/b›')
        assert link["href"] == "https://shop.example/?%22%3E%3Cscript%3E*%7CEMAIL%7C*%20"

    def test_what_is_missing_leaves_no_empty_box(self, tmp_path):
        folder = self.export_of(tmp_path, 1, image_url=None)
        block, ann = (folder / "template.html").read_text(), rows(folder / "audience.csv")[0]
        page = BeautifulSoup(rendered_tags(block, ann), "html.parser")
        assert (len(page.find_all("img")), len(page.select("a:not([aria-hidden])"))) == (2, 3)
        nobody = dict.fromkeys(ann, "")
        assert rendered_tags(block, nobody).strip() == ""
        whole = f"*|IF:REC1T|*For you*|ELSE:|*What everybody buys*|END:IF|*{block}"
        assert rendered_tags(whole, nobody).strip() == "What everybody buys"
        assert rendered_tags(whole, ann).startswith("For you\n")
