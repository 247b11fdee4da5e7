"""Visitors of whom little or nothing is known, in every context: full slates in which the auditor finds no breach."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from reco import Workbook
from reco.contexts import Filled, Requests, audit, make_slates, one_slate, snapshot, violations
from reco.contexts.onboarding import answer_requests
from tests.contexts.conftest import LINES

CONTEXTS = ["product_page", "cart", "email", "homepage", "post_purchase", "abandoned_cart"]
EVENTS = {"customer_id": "customer", "session_id": "visit", "product_id": "product", "event": "event",
          "occurred_at": "at"}  # fmt: skip
PRODUCTS = {"product_id": "product", "title": "title", "category": "category", "price": "price"}
NOON = pd.Timestamp("2026-06-30 12:00", tz="UTC")


def anonymous(name: str, sessions: list[list[str]], until: pd.Timestamp) -> Requests:
    """A slate beside each session's products for nobody known."""
    ids = [f"{name}-{number}" for number in range(len(sessions))]
    anchors = [(one, item) for one, session in zip(ids, sessions, strict=True) for item in session]
    frame = pd.DataFrame({"slate_id": ids, "customer_id": None, "asked_at": until})
    return Requests(frame, pd.DataFrame(anchors, columns=["slate_id", "item_id"], dtype="str"))


def full_and_obedient(wb: Workbook, name: str, requests: Requests, until: pd.Timestamp) -> pd.DataFrame:
    """The slates asked for, each full, with nothing that the auditor would call a breach."""
    slates = make_slates(wb, name, requests, until)
    table = audit(wb, {name: Filled(requests, *slates)}, until)
    assert violations(table) == 0, table[table["violations"] > 0]
    assert table["checked"].sum() > 0
    lengths = slates.frame.groupby("slate_id").size().reindex(requests.frame["slate_id"], fill_value=0)
    assert (lengths == wb.settings.contexts[name].size).all()
    return slates.frame


@pytest.fixture(params=CONTEXTS)
def context(request) -> str:
    return request.param


def test_onboarding_answers_are_served(wb, until, context):
    shop = snapshot(wb, until)
    categories = shop.shelf.frame["category"].value_counts().index
    answers = pd.DataFrame(
        {
            "customer_id": [f"new-{number}" for number in range(12)],
            "categories": [list(categories[number : number + 3]) for number in range(12)],
            "price_band": ["budget", "mid", "premium", None] * 3,
        }
    )
    slates = full_and_obedient(wb, context, answer_requests(shop, context, answers), until)
    assert slates["customer_id"].nunique() == 12
    # what was answered tells: few of the products are what everyone sees
    assert slates["fallback"].mean() < 0.1
    assert slates.groupby("slate_id")["item_id"].agg(frozenset).nunique() == 12


def test_own_views_are_served(wb, until, context):
    rng, ids = np.random.default_rng(0), snapshot(wb, until).x.items
    sessions = [rng.choice(ids, size, replace=False).tolist() for size in (1, 1, 2, 3, 5, 8, 13, 20)]
    slates = full_and_obedient(wb, context, anonymous(context, sessions, until), until)
    assert slates["customer_id"].isna().all()
    assert slates.groupby("slate_id")["item_id"].agg(frozenset).nunique() == len(sessions)


def test_unknown_products_and_nothing_at_all_are_served(wb, until, context):
    known = snapshot(wb, until).x.items[0]
    sessions = [["no such product"], [], ["gone", "<b>gone</b>", ""], ["gone", known]]
    slates = full_and_obedient(wb, context, anonymous(context, sessions, until), until)
    first, second = (slates.loc[slates["slate_id"] == f"{context}-{number}", "item_id"] for number in (0, 1))
    # nothing is known of either; apart from exploration they show the same
    assert len(set(first) & set(second)) >= len(first) // 2


def test_a_customer_whom_no_model_knows_is_served(wb, until, context):
    frame = pd.DataFrame({"slate_id": ["s"], "customer_id": ["nobody yet"], "asked_at": [until]})
    full_and_obedient(wb, context, Requests(frame, anonymous(context, [[]], until).anchors), until)


# a shop that knows what was looked at


@pytest.fixture(scope="module")
def looking(tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    """40 customers who order some of 60 products of four categories every 10 days; what some of them looked at lately.

    `c00` looked at p05, then at p06 and p07 in another visit, and ordered p06 afterwards; long ago at p08. `viewer`
    never ordered anything and looked at p01 and p02.
    """
    folder, rng = tmp_path_factory.mktemp("looking"), np.random.default_rng(0)
    products = [(f"p{n:02}", f"Product {n}", "ABCD"[n % 4], 1 + n % 9) for n in range(60)]
    lines = [
        (f"o{turn}-{who}", f"c{who:02}", f"p{product:02}", NOON - pd.Timedelta(days=7 + 10 * turn), 1, 2)
        for turn in range(6)
        for who in range(40)
        for product in rng.choice(60, 3 if turn else 12, replace=False)
    ]
    lines.append(("late", "c00", "p06", NOON - pd.Timedelta(days=1), 1, 2))
    looked = [("c00", "v1", "p08", 50), ("c00", "v2", "p05", 4), ("c00", "v3", "p06", 3), ("c00", "v3", "p07", 2)]
    looked += [("viewer", "v4", "p01", 2), ("viewer", "v4", "p02", 1)]
    events = [(who, visit, item, "view_item", NOON - pd.Timedelta(days=days)) for who, visit, item, days in looked]
    tables = {"order_lines": (LINES, lines), "events": (EVENTS, events), "products": (PRODUCTS, products)}
    for name, (columns, rows) in tables.items():
        pd.DataFrame(rows, columns=list(columns.values())).to_csv(folder / f"{name}.csv", index=False)
    (folder / "picks.csv").write_text("product_id\n" + "".join(f"p{n}\n" for n in range(40, 52)))
    settings = {
        "store": {"name": "looking", "title": "Looking", "time_zone": "UTC", "currency": "EUR"},
        "sources": [
            {"kind": "tabular", "path": f"{name}.csv", "tables": {name: columns}}
            for name, (columns, _) in tables.items()
        ],
        "catalogue": {"min_customers": 1},
        "split": {"validation_weeks": 1, "test_weeks": 1},
        "contexts": {
            "homepage": {
                "title": "Homepage",
                "channel": "on_site",
                "anchor": "customer",
                "size": 12,
                "layout": "sections",
                "strategies": [
                    {"title": "Welcome back, {name}", "kind": "resume"},
                    {"title": "Welcome back, {name}", "model": "hybrid"},
                    {"title": "Trending in your interests", "kind": "trending_in_interests"},
                    {"title": "Staff picks for you", "kind": "curated", "file": "picks.csv"},
                ],
            }
        },
        "rules": {"not_bought_within": {"days": 5, "except_due": False}, "fallback": {"below": 4}},
        "kpis": {"implementation_cost": 1, "targets": {}},
    }
    file = Path(folder / "workbook.yaml")
    file.write_text(yaml.safe_dump(settings, sort_keys=False))
    return Workbook.load(file)


def sections(slate: pd.DataFrame) -> dict[str, list[str]]:
    """Products by section, in order of position."""
    return slate.sort_values("position").groupby("strategy", sort=False)["item_id"].agg(list).to_dict()


def test_what_was_looked_at_and_not_bought_since_comes_first_then_personal_picks(looking):
    slate = one_slate(looking, "homepage", NOON, "c00")
    found = sections(slate)
    assert list(found) == ["Welcome back, {name}", "Trending in your interests", "Staff picks for you"]
    assert [len(items) for items in found.values()] == [4, 4, 4]
    welcome = found["Welcome back, {name}"]
    assert welcome[:2] == ["p07", "p05"]
    assert not set(slate["item_id"]) & {"p06"}  # bought yesterday
    reasons = slate.set_index("item_id")["reason"]
    assert (reasons[welcome[:2]] == "You looked at this").all()
    assert not (reasons[welcome[2:]] == "You looked at this").any()
    assert slate["position"].tolist() == list(range(1, 13))


def test_who_looked_at_nothing_lately_has_a_section_of_personal_picks(looking):
    slate = one_slate(looking, "homepage", NOON, "c01")
    assert len(sections(slate)["Welcome back, {name}"]) == 4
    assert not (slate["reason"] == "You looked at this").any()


def test_who_only_looked_is_served_from_that(looking):
    slate = one_slate(looking, "homepage", NOON, "viewer")
    assert sections(slate)["Welcome back, {name}"][:2] == ["p02", "p01"]
    assert len(slate) == 12


def test_slates_of_a_shop_with_views_break_nothing(looking):
    customers = pd.Series([*(f"c{n:02}" for n in range(40)), "viewer", None], dtype=object)
    frame = pd.DataFrame({"slate_id": customers.fillna("x"), "customer_id": customers, "asked_at": NOON})
    full_and_obedient(looking, "homepage", Requests(frame, anonymous("x", [], NOON).anchors), NOON)
