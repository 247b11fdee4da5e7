"""One's own files are unified alike, row for row, by both engines."""

from pathlib import Path

import pyspark

from reco.sources.base import Shop
from tests.reading import Unified, unify

HEADER = "Order;Customer e-mail;SKU;Ordered at (shop's time);Line;Price;Currency;Channel;Joined;News;a.b;Title\n"
ROWS = (
    "1;buyer1@example.com;jam;29.02.2024 10:30;0,333;3,00;EUR;w;1700000000;ja;x;Jam\n"
    "2;;jam;31.02.2024;1;1.234,56789;eur ;t;01.01.2020;nein;;\n"
    "3;buyer2@example.com;tea;27.10.2024 02:30;-2;0,1;;;;perhaps;y;<b>\n"
    "4;buyer2@example.com;;01.07.2024;99999;99999999999,99;EUR;w;soon;ja;z;Gin\n"
    "5;buyer3@example.com;tea;1720000000;nan;1;EUR;w;99999999999999999;;;Tea\n"
    "6;buyer3@example.com;tea;1720000000;1;kostenlos;EUR;w;1;;;Tea\n"
)
OPTIONS = {
    "path": "orders.csv",
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


def rows(made: Unified, name: str) -> list[dict]:
    return sorted(made.tables[name].to_pylist(), key=repr)


def test_duckdb_and_spark_make_the_same_rows(tmp_path: Path):
    assert pyspark.__version__.startswith("4.")
    (tmp_path / "orders.csv").write_text(HEADER + ROWS)
    shop = Shop("Europe/Berlin", "EUR")
    one, other = (
        unify("tabular", tmp_path / "raw", shop, root=tmp_path, engine=engine, **OPTIONS)
        for engine in ("duckdb", "spark")
    )
    assert list(one.tables) == list(other.tables) == list(OPTIONS["tables"])
    assert [one.tables[name].num_rows for name in one.tables] == [6, 5, 5]
    for name in one.tables:
        assert rows(one, name) == rows(other, name), name
    reasons = [row["reason"] for row in sorted(one.tables["order_lines"].to_pylist(), key=lambda row: row["line"])]
    assert reasons == [
        None,
        "ordered_at not readable",
        None,
        "revenue too large",
        "quantity not readable",
        "unit_price not readable",
    ]
