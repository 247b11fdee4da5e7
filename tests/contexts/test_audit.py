"""The auditor's tables, and what it finds in real slates."""

import ast
from pathlib import Path

import pandas as pd
import pytest

from reco import contexts
from reco.contexts import Requests, auditing
from reco.contexts.auditing import audit, by_rule, coverage, violations
from reco.contexts.filling import Filled, example_customer, fill, strategy_shares
from reco.errors import InputError
from tests.contexts.auditing.corner import CONTEXTS, RULES, UNTIL, corner_shop, requests, right


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory):
    return corner_shop(tmp_path_factory.mktemp("corner"))


def test_the_auditor_shares_no_code_with_what_it_audits():
    allowed = {"reco.columns", "reco.errors", "reco.pipeline", "reco.settings", "reco.workbook"}
    for file in Path(auditing.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            named = [one.name for one in node.names] if isinstance(node, ast.Import) else [module] if module else []
            ours = {one for one in named if one.startswith("reco")} - allowed
            # Filled is named as a type only
            assert all(one.startswith("reco.contexts.auditing") or one == "reco.contexts.filling" for one in ours)


def test_tables(shop):
    filled = {name: Filled(requests(name), right(name), None) for name in CONTEXTS}
    filled["cart"].slates.loc[1, "item_id"] = "gone"
    filled["email"] = filled["email"]._replace(slates=right("email").iloc[4:])
    table = audit(shop, filled)
    assert violations(table) == 2
    assert set(table.loc[table["violations"] > 0, ["context", "rule"]].itertuples(index=False, name=None)) == {
        ("cart", "in_stock"), ("email", "empty")
    }  # fmt: skip
    wide = by_rule(shop, table).set_index("rule")
    assert wide.columns.tolist() == ["Cart", "E-mail", "checked", "violations", "declared"]
    assert wide.loc["Only what is in stock"].tolist() == [1, 0, 20, 1, 0]
    assert wide["violations"].sum() == 2
    assert len(wide) == len(RULES) + len(auditing.tables.TITLES)
    assert coverage(shop, filled).to_numpy().tolist() == [["Cart", 3, 0, 3, 5, 0], ["E-mail", 3, 1, 2, 4, 0]]


def test_nothing_asked_for_breaks_nothing(shop):
    frame, anchors = requests()
    table = audit(shop, {"cart": Filled(Requests(frame[:0], anchors[:0]), right()[:0], None)}, UNTIL)
    assert violations(table) == 0
    assert table["checked"].sum() == 0
    assert violations(audit(shop, {})) == 0


def test_real_slates_break_no_rule(wb, filled):
    table = audit(wb, filled)
    broken = table[table["violations"] > 0]
    assert broken.empty, broken
    assert violations(table) == 0
    assert contexts.audit is audit
    assert table["context"].drop_duplicates().tolist() == list(wb.settings.contexts)
    full = coverage(wb, filled)
    assert full["slates"].tolist() == [len(one.requests.frame) for one in filled.values()]
    assert (full["empty"] == 0).all()


def test_real_slates_with_a_breach(wb, filled):
    slates = filled["cart"].slates.copy()
    first = slates["slate_id"] == slates.loc[0, "slate_id"]
    slates.loc[1, "item_id"] = slates.loc[0, "item_id"]
    slates.loc[first, "position"] += 1
    table = audit(wb, {"cart": filled["cart"]._replace(slates=slates)}).set_index("rule")["violations"]
    assert table[["duplicates", "positions"]].tolist() == [1, 1]


def test_store_without_categories_cannot_break_their_rule(bare):
    table = audit(bare, fill(bare, pd.Timestamp("2026-06-15", tz="UTC")))
    assert "min_categories" not in set(table["rule"])
    assert violations(table) == 0


def test_shares_of_strategies_add_up(wb, filled):
    shares = strategy_shares(wb, filled)
    assert shares.groupby("context")["share"].sum().tolist() == pytest.approx([1.0] * len(filled))
    assert shares["places"].sum() == sum(len(one.slates) for one in filled.values())


def test_example_is_the_customer_with_the_highest_revenue(wb, until, lines):
    revenue = wb.table("order_lines").filter(lambda t: t.quantity > 0)
    revenue = revenue.select("order_id", "product_id", paid=revenue.revenue.cast("float64")).execute()
    before = lines[lines["ordered_at"] < until]
    paid = before.merge(revenue, on=["order_id", "product_id"]).groupby("customer_id")["paid"].sum()
    best = paid.sort_values(ascending=False).index
    assert [example_customer(wb, until, place).customer_id for place in (1, 2, 3)] == best[:3].tolist()
    own = before[before["customer_id"] == best[0]].groupby("product_id")["order_id"].nunique()
    assert example_customer(wb, until).item_id == own[own == own.max()].index.min()


def test_no_such_example(wb, until):
    with pytest.raises(InputError, match="no customer number 301 to show: 297 bought anything before 2017"):
        example_customer(wb, until, place=301)
