"""What the auditor finds of single products: bought lately, out of season, sold out, too late, or too personal."""

from dataclasses import replace

import pandas as pd
import pytest

from reco import Workbook, pipeline
from reco.contexts import Requests
from reco.contexts.auditing import audit
from reco.contexts.auditing.facts import usual_days
from reco.contexts.filling import Filled
from tests.contexts.auditing.corner import UNTIL, put, requests, right

DAY = pd.Timedelta(days=1)


def for_c0(item: str, strategy: str = "Goes with it") -> pd.DataFrame:
    """The right slates, the first for c0 and with another product in its third place."""
    slates = right()
    slates.loc[:3, "customer_id"] = "c0"
    slates.loc[2, ["item_id", "strategy"]] = [item, strategy]
    return slates


def c0_asks(at: pd.Timestamp = UNTIL) -> Requests:
    frame, anchors = requests()
    return Requests(frame.assign(customer_id=["c0", None, "c2"], asked_at=at), anchors)


FREE = {"min_categories": None, "price_mix": None, "category_share": None, "brand_cap": None}


def test_bought_lately(broken):
    """p02 has no usual interval, p01 is due again after five days, p00 is what c0's slate shows anyway."""
    assert broken(for_c0("p02"), FREE, requests=c0_asks()) == {"not_bought_within": 2}
    assert broken(for_c0("p01"), FREE, requests=c0_asks()) == {"not_bought_within": 1}
    always = FREE | {"not_bought_within": {"days": 30}}
    assert broken(for_c0("p01"), always, requests=c0_asks()) == {"not_bought_within": 2}
    assert broken(for_c0("p02"), FREE | {"not_bought_within": {"days": 5}}, requests=c0_asks()) == {}
    assert broken(for_c0("p02"), FREE | {"not_bought_within": {"days": 0}}, requests=c0_asks()) == {}


def test_bought_when_or_after_it_is_asked_for(broken):
    for moment, expected in ((UNTIL - 6 * DAY, {}), (UNTIL - 6 * DAY + pd.Timedelta("1us"), {"not_bought_within": 2})):
        assert broken(for_c0("p02"), FREE, requests=c0_asks(moment)) == expected


def test_how_long_ago_counts_to_the_moment(broken):
    for late, expected in (("0us", {"not_bought_within": 2}), ("1us", {})):
        at = UNTIL + 24 * DAY + pd.Timedelta(late)
        assert broken(for_c0("p02"), FREE, requests=c0_asks(at)) == expected


def test_the_cart_itself_may_be_shown_whenever_it_was_bought(broken):
    asked = c0_asks()
    asked = Requests(asked.frame, pd.DataFrame([("cart-0", "p02")], columns=["slate_id", "item_id"]))
    cart = "Still in your cart"
    assert broken(for_c0("p02", cart), FREE, requests=asked) == {"not_bought_within": 1}
    assert broken(for_c0("p02"), FREE, requests=asked) == {"not_bought_within": 2, "at_hand": 1}
    assert broken(for_c0("p04", cart), FREE, requests=asked) == {"not_bought_within": 1, "cart": 1}


def test_what_customers_without_consent_bought_is_not_looked_at(broken):
    lines = put([8], "item_id", "p01", "email")
    asked = requests("email")
    assert broken(lines, FREE, context="email") == {}
    asked.frame.loc[2, "customer_id"], lines.loc[8:, "customer_id"] = "c1", "c1"
    assert broken(lines, FREE, context="email", requests=asked) == {"not_bought_within": 1}


def test_usual_days_are_those_of_the_features(wb, until):
    told = pipeline.product_features(wb, until).set_index("product_id")["repurchase_interval_days"].dropna()
    lines = wb.table("order_lines")
    bought = lines.filter(lines.quantity > 0, lines.customer_id.notnull(), lines.ordered_at < until)
    bought = wb.connection.to_pandas(bought.select("customer_id", "product_id", "ordered_at"))
    found = usual_days(bought, wb.settings.store.time_zone)
    assert len(told) > 100
    pd.testing.assert_series_equal(found.sort_index(), told.sort_index(), check_names=False, check_index_type=False)


# seasons, dates and stock


@pytest.mark.parametrize(
    ("season", "expected"),
    [
        ({"winter": ["jam"]}, 3),
        ({"winter": ["p10", "young"]}, 6),
        ({"summer": ["jam"]}, 0),
        ({"hemisphere": "south", "winter": ["jam"]}, 0),
        ({"hemisphere": "south", "summer": ["jam", "p10"]}, 3),
    ],
)
def test_winter_products_in_july(broken, season, expected):
    assert broken(right(), {"in_season": season}).get("in_season", 0) == expected


def test_the_month_is_the_shops_own(broken):
    last = pd.Timestamp("2026-05-31 23:30", tz="UTC")  # June in London
    asked = requests()
    asked = Requests(asked.frame.assign(asked_at=last), asked.anchors)
    rules = {"in_season": {"winter": ["jam"]}}
    assert broken(right(), rules, requests=asked) == {"in_season": 3}
    asked = Requests(asked.frame.assign(asked_at=last - pd.Timedelta(hours=1)), asked.anchors)
    assert broken(right(), rules, requests=asked) == {}


def test_products_that_hardly_sell_this_month(broken, known):
    index = known.products.index.to_series().map({"p00": 0.1, "p05": 0.2})
    seasonal = replace(known, products=known.products.assign(season_index=index))
    assert broken(right(), facts=seasonal) == {"in_season": 3}
    assert broken(right(), {"in_season": {"least_index": 0.21}}, facts=seasonal) == {"in_season": 6}


def test_yielding_filters_are_declared(broken, known):
    slates = right().assign(gave_way=["in_season"] * 4 + [""] * 8)
    nothing, rules = replace(known, find_standby=lambda: pd.Index([])), {"in_season": {"winter": ["jam"]}}
    assert broken(slates, rules, facts=nothing) == {"in_season": 2}
    assert broken(slates, rules, "declared", facts=nothing) == {"in_season": 1}


def corner(shop: Workbook, slates: pd.DataFrame, **rules) -> dict[str, int]:
    table = audit(shop, {"cart": Filled(requests(), slates, None)}, UNTIL, shop.settings.rules.changed(**rules))
    return {one.rule: one.violations for one in table.itertuples() if one.violations}


def test_stock_file(shop):
    file = shop.settings.root / "stock.csv"
    file.write_text("product_id,stock\np00,0\np05,3\np05,-1\nnobody's,0\ngone,4\np10,0.5\n", encoding="utf-8-sig")
    assert corner(shop, right(), in_stock={"file": "stock.csv"}) == {"in_stock": 6}
    slates = put([1], "item_id", "gone")
    assert corner(shop, slates, in_stock={"file": "stock.csv"}, price_mix=None) == {"in_stock": 5}


def test_date_file(shop):
    rows = [
        "p00,,2026-07-01T01:00",  # the shop's own time: the moment that is asked for
        "p05,2026-07-01T00:00Z,2026-07-01T00:00:01Z",
        "p10,2026-07-01T02:30+02:00,",
        "young,,",
        "p11,2030-01-01,",
    ]
    (shop.settings.root / "dates.csv").write_text("\n".join(["product_id,starts_at,ends_at", *rows]))
    assert corner(shop, right(), not_ended={"file": "dates.csv"}) == {"not_ended": 6}


# consent and mail


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("strategy", "Recommended", 1),
        ("strategy", "New in TOYS & GAMES", 1),
        ("strategy", "New", 1),
        ("strategy", "Newer", 0),
        ("strategy", "Popular", 0),
        ("reason", "Because you bought TEA", 1),
        ("reason", "You looked at this", 1),
        ("reason", "Picked for you", 1),
        ("reason", "Goes with A GIFT FOR YOU", 0),
    ],
)
def test_personal_products_without_consent(broken, column, value, expected):
    assert broken(put([0, 4, 9], column, value, "email"), context="email").get("consent", 0) == expected


def test_the_hybrid_knows_the_customer_in_every_context(broken):
    asked = requests()
    asked.frame.loc[0, "customer_id"] = "c4"
    slates = right().assign(customer_id=["c4"] * 4 + [None] * 4 + ["c2"] * 4)
    assert broken(slates, requests=asked) == {}
    slates.loc[[0, 4, 8], "strategy"] = "Picked for you"
    assert broken(slates, requests=asked) == {"consent": 1}


def test_mail_to_who_refused_it(broken):
    asked = requests("email")
    asked.frame.loc[1, "customer_id"] = "c5"
    slates = right("email").replace({"customer_id": {"c2": "c5"}})
    assert broken(slates, context="email", requests=asked) == {"mail": 1}
    assert broken(slates[slates["customer_id"] != "c5"], context="email", requests=asked) == {"empty": 1}
