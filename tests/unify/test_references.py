"""Product ids of other systems: whatever kind they are, they become the catalogue's, and strangers are found out."""

import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.errors import InputError
from reco.sources import SOURCES
from reco.store import ALIASES, FILE
from reco.unify.references import Match, translate, unambiguous, understand
from tests.unify.shops import CATALOGUE, EVENTS, ORDERS, catalogue, counted, events, orders, rows

NAMES = [
    ("sku", "JAM-1", "101"),
    ("sku", "TEA-1", "102"),
    ("title", "Jam", "101"),
    ("title", "Tea", "102"),
    ("title", "Twin", "103"),
    ("title", "twin ", "104"),
    ("variant", "9001", "101"),
    ("variant", None, "102"),
]


def texts(columns: list[str], *found: tuple) -> ibis.Table:
    schema = pa.schema(dict.fromkeys(columns, pa.string()))
    return ibis.memtable(pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in found], schema=schema))


def products(*ids: str) -> ibis.Table:
    return texts(["product_id"], *((each,) for each in ids))


@pytest.fixture
def names() -> ibis.Table:
    return unambiguous(texts(ALIASES.names, *NAMES), products("101", "102", "103", "104"))


def values(table: ibis.Table, *columns: str) -> list[tuple]:
    return sorted(tuple(row[column] for column in columns) for row in table.to_pyarrow().to_pylist())


def test_names_that_stand_for_one_product_only(names):
    assert values(names, "kind", "alias", "product_id") == [
        *[("product", each, each) for each in ("101", "102", "103", "104")],
        ("sku", "jam-1", "101"),
        ("sku", "tea-1", "102"),
        ("title", "jam", "101"),
        ("title", "tea", "102"),
        ("variant", "9001", "101"),
    ]


@pytest.mark.parametrize(
    ("ids", "match"),
    [
        (("101", "102"), Match("ga4", "product", 1.0, 2)),
        (("JAM-1", " tea-1 ", "nobody"), Match("ga4", "sku", 2 / 3, 3)),
        (("Jam", "TEA", "Twin", "Twin"), Match("ga4", "title", 2 / 3, 3)),
        (("9001", "JAM-1"), Match("ga4", "sku", 0.5, 2)),  # as many of either: the least kind
        (("", None), Match("ga4", "product", 0.0, 1)),
        ((None, None), None),
    ],
)
def test_ids_are_read_as_what_the_catalogue_knows_most_of(names, ids, match):
    assert understand([products(*ids)], names, "ga4", least=0.0) == match


def test_ids_of_all_tables_of_a_source_are_judged_together_each_once(names):
    tables = [products("JAM-1", "JAM-1", "101"), products("TEA-1", "jam-1", None)]
    assert understand(tables, names, "ga4", least=0.0) == Match("ga4", "sku", 2 / 3, 3)


def test_ids_of_another_catalogue_are_refused_in_words(names):
    with pytest.raises(InputError) as caught:
        understand([products("x", "y", "JAM-1")], names, "ga4", least=0.5)
    assert str(caught.value).startswith(
        "source ga4: the catalogue knows 33% of its 3 product ids (best read as sku); expected at least 50%, by "
        "cleaning.min_catalogue_match"
    )


def test_ids_become_the_catalogue_s_and_strangers_stay(names):
    found = translate(texts(["product_id", "event"], ("Jam-1", "a"), ("x", "b"), (None, "c")), names, "sku")
    assert found.columns == ("product_id", "event")
    assert sorted(values(found, "event", "product_id")) == [("a", "101"), ("b", "x"), ("c", None)]


few = st.sampled_from(["a", "A", " b", "b", "c", "1", None])


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(["sku", "title"]), few, st.sampled_from(["1", "2", "3"])), max_size=8),
    st.lists(few, max_size=8),
    st.sampled_from(["sku", "title", "product"]),
)
def test_translating_neither_loses_nor_doubles_a_row(aliases, ids, kind):
    names = unambiguous(texts(ALIASES.names, *aliases), products("1", "2", "3"))
    numbered = texts(["product_id", "row"], *((each, str(row)) for row, each in enumerate(ids)))
    found = translate(numbered, names, kind)
    assert values(found, "row") == sorted((str(row),) for row in range(len(ids)))


# shops


@pytest.fixture
def with_aliases(monkeypatch):
    """Catalogues of the tabular source that also tell the names that products go by: their titles."""
    understood = SOURCES["tabular"].unify

    def unify(raw, settings, shop):
        tables = understood(raw, settings, shop)
        if "products" in tables:
            titles = tables["products"]
            titles = titles.select(kind=ibis.literal("title"), alias="title", product_id="product_id")
            tables["aliases"] = titles
        return tables

    monkeypatch.setattr(SOURCES["tabular"], "unify", unify)


FILES = {
    "products.csv": CATALOGUE + "101,Jam,2\n102,Tea,4\n",
    "orders.csv": ORDERS + "1,ann,jam,2020-01-01,1,2\n2,ann,TEA,2020-01-01,1,2\n3,ann,Gin,2020-01-01,1,2\n",
    "events.csv": EVENTS + "phone,,,view,2020-01-01,102\nphone,,,search,2020-01-01,\n",
}


def test_each_source_is_understood_by_itself(shop, with_aliases):
    wb = shop(FILES, orders(), catalogue(), events())
    assert rows(wb, "order_lines", "product_id") == [("101",), ("102",), ("Gin",)]
    assert rows(wb, "events", "product_id") == [("102",), (None,)]
    assert counted(wb.findings).items() >= {
        ("product ids of tabular read as product, 100.0% of them known", 1),
        ("product ids of tabular read as title, 66.7% of them known", 3),
    }
    assert dict(rows(wb, "products", "product_id", "in_catalogue")) == {"101": True, "102": True, "Gin": False}


def test_a_source_of_another_shop_fails_the_run_and_leaves_the_store_as_it_was(shop, with_aliases):
    wb = shop(FILES, orders(), catalogue())
    assert len(rows(wb, "order_lines", FILE)) == 3
    wb = shop({"orders.csv": ORDERS + "1,ann,x,2020-01-01,1,2\n"})
    with pytest.raises(InputError, match="the catalogue knows 0% of its 1 product ids"):
        _ = wb.tables
    assert len(wb.connection.read_parquet(wb.folder / "tables" / "order_lines.parquet").execute()) == 3
