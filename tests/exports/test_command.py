"""From a shop's own files to exports: who is in them, what the manifest says, and the command line."""

import json
import re
from datetime import UTC, datetime
from hashlib import sha256

import pytest
import yaml
from typer.testing import CliRunner

from reco import Workbook, pipeline
from reco.cli import app
from reco.errors import InputError
from reco.exports import EXPORTS, forms, material, running

NAMES = ("ann", "bob", "cyd", "dan", "xeno")
STRATEGIES = {"size": 2, "strategies": [{"title": "Popular", "model": "trending"}]}
SERVERS = ("redis", "mongodb")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Five customers; xeno said no to personalization, dan to mail. The shop has a file of their addresses."""
    folder = tmp_path_factory.mktemp("shop")
    lines = [
        f"{name}{day},{name},{product},2024-0{day}-05,1,2"
        for name in NAMES
        for day, products in ((1, ("007", "tea")), (2, ("oil", "tea")))
        for product in products
    ]
    (folder / "orders.csv").write_text("order,customer,product,time,quantity,price\n" + "\n".join(lines) + "\n")
    people = "".join(
        f"{name},{name}@shop.example,{'no' if name == 'xeno' else ''},{'no' if name == 'dan' else 'yes'}\n"
        for name in NAMES
    )
    (folder / "customers.csv").write_text("id,email,personal,mail\n" + people)
    goods = "".join(f"{one},{one.title()},2.5,https://shop.example/{one}.jpg,Food\n" for one in ("007", "tea", "oil"))
    (folder / "products.csv").write_text("id,title,price,image,category\n" + goods)
    contacts = "".join(f"{name.upper()}@shop.example,{name}\n" for name in (*NAMES, "stranger"))
    (folder / "contacts.csv").write_text("Email,Name\n" + contacts)
    order = {"order_id": "order", "customer_id": "customer", "product_id": "product", "ordered_at": "time",
             "quantity": "quantity", "unit_price": "price"}  # fmt: skip
    person = {"customer_id": "id", "email": "email", "personalization_consent": "personal", "email_consent": "mail"}
    product = {"product_id": "id", "title": "title", "price": "price", "image_url": "image", "category": "category"}
    target = {"ctr_benchmark": [0.05, 0.15], "ctr": 0.1, "conversion_benchmark": [0.1, 0.3], "conversion": 0.15}
    settings = {
        "store": {"name": "corner", "title": "Corner shop", "path": "store", "time_zone": "UTC", "currency": "GBP"},
        "sources": [
            {"kind": "tabular", "path": "orders.csv", "tables": {"order_lines": order}},
            {"kind": "tabular", "path": "customers.csv", "tables": {"customers": person}},
            {"kind": "tabular", "path": "products.csv", "tables": {"products": product}},
        ],
        "catalogue": {"min_customers": 1},
        "contexts": {
            "email": {**STRATEGIES, "title": "E-mail", "channel": "email", "anchor": "customer"},
            "product_page": {**STRATEGIES, "title": "Page", "channel": "on_site", "anchor": "product"},
        },
        "kpis": {"implementation_cost": 1, "targets": {"on_site": target}},
        "exports": {
            "link": "https://shop.example/p/{product_id}?from=reco",
            "contacts": {"file": "contacts.csv", "email": "Email"},
            "dynamic_yield": {"most": 5},
        },
    }
    (folder / "workbook.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    return folder / "workbook.yaml"


@pytest.fixture(scope="module")
def wb(shop):
    return Workbook.load(shop)


@pytest.fixture(scope="module")
def made(wb):
    return material.of_workbook(wb)


@pytest.mark.parametrize("system", [one for one in EXPORTS if one not in SERVERS])
def test_who_gave_no_consent_is_in_no_file(wb, made, system, tmp_path):
    running.export(system, made, getattr(wb.settings.exports, system), tmp_path)
    texts = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    hidden = [b"xeno", b"XENO", sha256(b"xeno").hexdigest().encode()]
    assert texts and not any(one in text for one in hidden for text in texts)


def test_slates_of_everyone_else_are_there(made):
    lists = made.table("lists").to_pandas()
    assert sorted(lists.loc[lists["context"] == "email", "customer_id"]) == ["ann", "bob", "cyd"]
    pages = lists[lists["context"] == "product_page"]
    assert sorted(one[0] for one in pages["anchor_ids"]) == ["007", "oil", "tea"]
    assert made.withheld["slates of customers without consent"] == 1


def test_addresses_are_those_of_the_shop_s_file_and_known_by_their_hash(made):
    contacts = made.table("contacts").to_pandas()
    assert dict(zip(contacts["customer_id"], contacts["email"], strict=True)) == {
        name: f"{name.upper()}@shop.example" for name in ("ann", "bob", "cyd")
    }


def test_products_have_links_of_the_settings(made):
    goods = made.table("products").to_pandas().set_index("product_id")
    assert goods.loc["007", "url"] == "https://shop.example/p/007?from=reco"
    assert goods.loc["007", "price"] == 2.5


def test_what_a_model_elsewhere_may_learn_ends_where_it_is_asked_to(wb):
    early = material.of_workbook(wb, material.moment(wb, "2024-02-01"))
    times = early.table("interactions")["occurred_at"].to_pylist()
    assert {time.month for time in times} == {1} and len(times) == 8
    assert len(material.of_workbook(wb).table("interactions")) == 16
    assert material.moment(wb, "test") == pipeline.periods(wb).test


def call(*arguments: str):
    return CliRunner().invoke(app, ["export", *arguments])


def test_the_command_leaves_out_what_was_not_known_before_a_day(shop, monkeypatch, tmp_path):
    monkeypatch.chdir(shop.parent)
    for until, months in (("2024-02-05", {1}), ("2024-02-06", {1, 2})):
        result = call("personalize", "--until", until, "--out", str(tmp_path))
        assert result.exit_code == 0, result.output
        (folder,) = tmp_path.glob("**/personalize")
        rows = forms.read(folder / "latest" / "interactions.csv", ("USER_ID", "ITEM_ID")).to_pylist()
        assert {datetime.fromtimestamp(int(row["TIMESTAMP"]), UTC).month for row in rows} == months
        assert len(rows) == 8 * len(months)  # of four buyers, two products a day
        last = json.loads((folder / "latest" / "manifest.json").read_text())["last_interaction"]
        assert last == f"2024-{max(months):02d}-05T00:00:00.000000Z"


def test_the_command_writes_says_where_and_keeps_two(shop, monkeypatch):
    monkeypatch.chdir(shop.parent)
    for _ in range(3):
        result = call("jsonl")
        assert result.exit_code == 0, result.output
    folder = shop.parent / "exports" / "corner" / "jsonl"
    assert re.search(r"slates\.jsonl: 6 rows; .*\nLeft out: 1 slates of customers without consent", result.stdout)
    assert f"Exported to {(folder / 'latest').resolve()}" in result.stdout
    assert len(list(folder.glob("2*"))) == 2
    told = json.loads((folder / "latest" / "manifest.json").read_text())
    assert (told["store"], told["data"], len(told["settings"])) == ("corner", Workbook.load(shop).fingerprint, 64)
    result = call("jsonl", "--changed")
    assert "slates.jsonl: 0 rows" in result.stdout


def test_a_dry_run_of_every_system_writes_nothing(shop, wb, made, tmp_path):
    for system in EXPORTS:
        said = []
        running.export(system, made, getattr(wb.settings.exports, system), tmp_path, dry_run=True, say=said.append)
        assert said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nope"], "no export to 'nope'; expected one of algolia, barilliance, csv"),
        (["jsonl", "--out", "/proc/nowhere"], "could not be written"),
        (["jsonl", "--config", "nope.yaml"], "nope.yaml"),
        *(
            (["personalize", "--until", day], f"--until {day!r}: expected a day such as 2026-11-01, or test or")
            for day in ("soon", "", "nat", "5", "01/02/2024", "2024-02-30")
        ),
    ],
)
def test_mistakes_are_one_line(shop, monkeypatch, arguments, words):
    monkeypatch.chdir(shop.parent)
    result = call(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"contacts": None}, "exports.contacts: found nothing; expected the file of e-mail addresses"),
        ({"contacts": {"file": "none.csv"}}, "none.csv: not readable"),
        (
            {"contacts": {"file": "contacts.csv", "email": "Mail"}},
            "contacts.csv: no column 'Mail' for exports.contacts.email",
        ),
    ],
)
def test_contacts_that_are_not_there(shop, tmp_path, change, words):
    settings = yaml.safe_load(shop.read_text())
    settings["exports"] |= change
    other = shop.with_name(f"{tmp_path.name}.yaml")
    other.write_text(yaml.safe_dump(settings))
    wb = Workbook.load(other)
    with pytest.raises(InputError, match=re.escape(words)):
        material.of_workbook(wb).table("contacts")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"link": "https://shop.example/p"}, "exports.link"),
        ({"link": "javascript:{product_id}"}, "exports.link"),
        ({"redis": {"refresh_minutes": 5}}, "exports.redis.refresh_minutes"),
        ({"nope": {}}, "exports.nope: unknown key"),
    ],
)
def test_settings_are_checked_before_anything_runs(shop, tmp_path, change, words):
    settings = yaml.safe_load(shop.read_text())
    settings["exports"] |= change
    other = tmp_path / "workbook.yaml"
    other.write_text(yaml.safe_dump(settings))
    with pytest.raises(InputError, match=re.escape(words)):
        Workbook.load(other)
