"""Simulated shoppers do what the settings say, on real baskets that stay as they are."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from reco import Workbook, pipeline, simulation
from reco.contexts.requests import opaque_ids
from reco.impressions import read_log
from reco.kpis import per_customer
from reco.settings import Simulation
from reco.simulation import Visits, ask, behave, simulate

SLATES, SIZE = 20_000, 6
START = pd.Timestamp("2017-12-04 05:00", tz="UTC")


def shown(slates: int = SLATES) -> pd.DataFrame:
    """Slates of six positions, all shown at once."""
    number, position = np.divmod(np.arange(slates * SIZE), SIZE)
    frame = pd.DataFrame({"slate_id": number.astype(str), "position": position + 1, "item_id": position.astype(str)})
    return frame.assign(asked_at=pd.Series(START, index=frame.index, dtype="datetime64[us, UTC]"))


def behaviour(wanted: pd.DataFrame, seed: int = 1, frame: pd.DataFrame | None = None, **chances: float) -> pd.DataFrame:
    frame = shown() if frame is None else frame
    return behave(frame, wanted, Simulation(**chances), np.random.default_rng(seed))


def within(share: float, expected: float, n: int) -> bool:
    """Whether a share of n lies within four standard errors of what is expected."""
    return abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / n)


EVERYTHING = shown()[["slate_id", "item_id"]]
NOTHING = EVERYTHING.head(0)


def test_examination_falls_with_position():
    # whoever looks clicks: the share of clicks is that of looks
    looked = behaviour(EVERYTHING, click_if_wanted=1, examination=0.85).groupby("position")["clicked"].mean()
    assert looked[1] == 1
    assert all(within(looked[place], 0.85 ** (place - 1), SLATES) for place in range(2, SIZE + 1))


def test_who_looks_at_a_position_has_looked_at_those_before():
    looked = behaviour(EVERYTHING, click_if_wanted=1)
    assert (looked["clicked"].groupby(looked["slate_id"]).cummin() == looked["clicked"]).all()


def test_every_click_was_looked_at():
    looked = behaviour(EVERYTHING, click_if_wanted=1)["clicked"]
    clicked = behaviour(EVERYTHING, click_if_wanted=0.6)["clicked"]  # same seed, same looks
    assert looked[clicked].all()
    assert not clicked.equals(looked)


def test_nobody_looks_past_the_first_without_patience():
    assert set(behaviour(EVERYTHING, click_if_wanted=1, examination=0).query("clicked")["position"]) == {1}


def test_clicks_on_wanted_products():
    clicked = behaviour(EVERYTHING, click_if_wanted=0.6, examination=1)["clicked"]
    assert within(clicked.mean(), 0.6, len(clicked))


def test_stray_clicks_and_their_orders():
    found = behaviour(NOTHING, click_otherwise=0.02, order_after_stray_click=0.5, examination=1)
    assert within(found["clicked"].mean(), 0.02, len(found))
    assert found.loc[found["stray_order"], "clicked"].all()
    assert within(found.loc[found["clicked"], "stray_order"].mean(), 0.5, found["clicked"].sum())


def test_wanted_products_lead_to_no_stray_order():
    assert not behaviour(EVERYTHING, order_after_stray_click=1)["stray_order"].any()


def test_what_one_slate_wants_another_does_not():
    mine = EVERYTHING[EVERYTHING["slate_id"] == "0"]
    found = behaviour(mine, click_if_wanted=1, click_otherwise=0, examination=1)
    assert found.loc[found["clicked"], "slate_id"].tolist() == ["0"] * SIZE


def test_clicks_follow_within_a_minute_of_being_shown():
    found = behaviour(EVERYTHING)
    wait = (found["clicked_at"] - found["asked_at"])[found["clicked"]].dt.total_seconds()
    assert wait.between(3, 60).all()
    assert found.loc[~found["clicked"], "clicked_at"].isna().all()


def test_nothing_shown():
    found = behaviour(NOTHING, frame=shown().head(0))
    assert found.empty
    assert {"clicked", "clicked_at", "stray_order"} <= set(found)


def test_same_seed_same_behaviour():
    assert_frame_equal(behaviour(EVERYTHING, seed=3), behaviour(EVERYTHING, seed=3))
    assert not behaviour(EVERYTHING, seed=3)["clicked"].equals(behaviour(EVERYTHING, seed=4)["clicked"])


def visit(minutes: float) -> Visits:
    """One order of four products, so many minutes after the period begins."""
    orders = pd.DataFrame(
        {"order_id": ["o"], "customer_id": ["c"], "ordered_at": [START + pd.Timedelta(minutes=minutes)]}
    )
    lines = pd.DataFrame({"order": 0, "item_id": list("abcd"), "revenue": 1.0, "random": [0.9, 0.1, 0.4, 0.6]})
    return Visits(START, orders.astype({"ordered_at": "datetime64[us, UTC]"}), lines)


def test_nobody_looks_before_the_period_begins(wb):
    (frame, _), _ = ask(wb, "cart", visit(minutes=1), np.random.default_rng(0))
    assert frame["asked_at"].tolist() == [START]


def test_pages_of_a_visit_are_two_of_its_products(wb):
    (frame, anchors), wanted = ask(wb, "product_page", visit(60), np.random.default_rng(0))
    assert anchors["item_id"].tolist() == ["b", "c"]
    assert anchors["slate_id"].is_unique
    assert frame["slate_id"].tolist() == anchors["slate_id"].tolist()
    assert frame["customer_id"].tolist() == ["c", "c"]
    assert wanted.groupby("slate_id")["item_id"].agg("".join).tolist() == ["abcd", "abcd"]


def test_cart_holds_a_part_of_the_basket_and_wants_the_rest(wb):
    (frame, anchors), wanted = ask(wb, "cart", visit(60), np.random.default_rng(0))
    assert anchors["item_id"].tolist() == ["b", "c"]
    assert wanted["item_id"].tolist() == ["a", "b", "c", "d"]
    wait = (START + pd.Timedelta(minutes=60) - frame["asked_at"]).dt.total_seconds() / 60
    assert wait.between(2, 30).all()


@pytest.fixture(scope="module")
def world(wb) -> simulation.World:
    return simulate(wb)


@pytest.fixture(scope="module")
def seen(world) -> pd.DataFrame:
    return world.impressions


def test_every_impression_says_that_it_is_simulated(seen):
    assert seen["simulated"].all()
    assert set(seen["context"]) == {"product_page", "cart", "email", "homepage", "post_purchase", "abandoned_cart"}


def test_no_two_impressions_share_an_id(seen):
    assert seen["impression_id"].is_unique
    assert (seen["position"] == seen.groupby("slate_id").cumcount() + 1).all()


def test_clicks_come_after_being_shown(seen):
    clicked = seen["clicked"]
    assert (seen.loc[clicked, "clicked_at"] > seen.loc[clicked, "shown_at"]).all()
    assert seen.loc[~clicked, "clicked_at"].isna().all()


@pytest.fixture(scope="module")
def ordered_at(wb, seen) -> pd.Series:
    """When the real order behind each impression was placed; ids of slates do not tell, so each is made again."""
    when, parts = pipeline.periods(wb), {}
    for start, end in ((when.validation, when.test), (when.test, when.end)):
        orders = simulation.visits(wb, start, end, np.random.default_rng(0)).orders
        for context in wb.settings.contexts:
            pages = [f"\0{page}" for page in range(simulation.PAGES_PER_VISIT)] if context == "product_page" else [""]
            for page in pages:
                ids = opaque_ids(wb, context, orders["order_id"] + page, start)
                parts |= dict(zip(ids, orders["ordered_at"], strict=True))
    return seen["slate_id"].map(parts)


def test_slate_ids_tell_nothing_of_order_or_customer(seen):
    assert seen["slate_id"].str.fullmatch(r"[a-z_]+-[0-9a-f]{16}").all()


def test_no_impression_before_its_period(wb, seen, ordered_at):
    when = pipeline.periods(wb)
    start = ordered_at.ge(when.test).map({True: when.test, False: when.validation})
    assert ordered_at.notna().all()
    assert (seen["shown_at"] >= start).all()
    assert (seen["age_weeks"] == (seen["shown_at"] - start).dt.days // 7).all()
    assert (seen["shown_at"] - ordered_at).abs().max() <= pd.Timedelta(minutes=30)


def test_impressions_stand_before_the_order_or_after_it(seen, ordered_at):
    after = {"product_page": False, "cart": False, "homepage": False, "email": True, "post_purchase": True}
    for context, expected in after.items():
        mine = seen[seen["context"] == context]
        moment = ordered_at[mine.index]
        assert (mine["shown_at"] > moment).all() if expected else (mine["shown_at"] <= moment).all()


def test_one_e_mail_a_week_and_customer(wb, seen):
    mail = seen[seen["context"] == "email"].drop_duplicates("slate_id")
    per_customer = mail.groupby("customer_id").size()
    assert per_customer.max() <= wb.settings.split.validation_weeks + wb.settings.split.test_weeks


def test_real_lines_stay_as_they_are(wb, world):
    when = pipeline.periods(wb)
    columns = ["order_id", "product_id", "customer_id", "ordered_at", "quantity", "revenue", "source"]
    lines = wb.table("order_lines").filter(lambda t: t.ordered_at >= when.validation)
    expected = wb.connection.to_pandas(lines.mutate(revenue=lines.revenue.cast("float64")).select(columns))
    found = world.order_lines[world.order_lines["source"] != "simulation"][columns]
    in_order = [frame.sort_values(columns[:6], ignore_index=True) for frame in (found, expected)]
    assert_frame_equal(*in_order, check_dtype=False)


def test_extra_orders_are_marked_and_follow_stray_clicks(wb, world):
    extra = world.order_lines[world.order_lines["source"] == "simulation"]
    assert len(extra)
    assert extra["order_id"].str.startswith("simulated-").all()
    clicks = world.impressions[world.impressions["clicked"]].assign(
        order_id=lambda t: "simulated-" + t["slate_id"], ordered_at=lambda t: t["clicked_at"] + pd.Timedelta(minutes=1)
    )
    key = ["order_id", "customer_id", "product_id", "ordered_at"]
    assert len(extra.merge(clicks, on=key)) == len(extra)
    prices = wb.connection.to_pandas(wb.table("products").select("product_id", "price")).set_index("product_id")[
        "price"
    ]
    assert extra["revenue"].tolist() == extra["product_id"].map(prices).astype(float).tolist()
    assert (extra["quantity"] == 1).all()


def test_who_is_held_out_sees_nothing_and_everybody_else_something(wb, world, seen):
    arms = world.assignments.drop_duplicates("customer_id").set_index("customer_id")["variant"]
    assert not set(seen["customer_id"]) & set(arms.index[arms == "holdout"])
    assert set(arms.index[arms == "shown"]) == set(seen["customer_id"])
    assert within((arms == "holdout").mean(), wb.settings.simulation.holdout, len(arms))
    when = pipeline.periods(wb)
    orders = [simulation.visits(wb, *span, np.random.default_rng(0)).orders for span in pairwise(when)]
    visited = pd.concat(orders)[["order_id", "customer_id"]].set_axis(["session_id", "customer_id"], axis=1)
    assert_frame_equal(world.assignments[["session_id", "customer_id"]], visited.reset_index(drop=True))
    assert (world.assignments["assigned_at"] == when.validation).all()


def test_what_recommendations_add_is_in_the_book(wb, world):
    log = read_log(wb)
    extra = world.order_lines.loc[world.order_lines["source"] == "simulation", "revenue"]
    assert log.added == pytest.approx(extra.sum(), rel=1e-12)
    assert log.held == wb.settings.simulation.holdout
    customers = per_customer(log.assignments, log.order_lines).execute()
    spent = customers.groupby("variant")["revenue"].sum()
    real = world.order_lines[world.order_lines["source"] != "simulation"]
    arms = world.assignments.drop_duplicates("customer_id").set_index("customer_id")["variant"]
    bought = real.groupby(real["customer_id"].map(arms))["revenue"].sum()
    assert spent["shown"] - bought["shown"] == pytest.approx(extra.sum(), rel=1e-9)
    assert spent["holdout"] == pytest.approx(bought["holdout"], rel=1e-9)


def test_devices_come_back(seen):
    slates = seen.drop_duplicates("slate_id")
    assert seen.groupby("slate_id")["device"].nunique().eq(1).all()
    assert set(slates["device"]) == set(simulation.DEVICES)
    # of two slates of a customer, both are on the usual device in 0.75 ** 2, else like any two visits of anybody
    share = pd.Series(simulation.DEVICES)
    alike = share.pow(2).sum() + (1 - share.pow(2).sum()) * simulation.USUAL_DEVICE**2
    pairs = slates.groupby("customer_id")["device"].agg(lambda own: own.iloc[:2].tolist())
    pairs = pairs[pairs.str.len() == 2]
    assert within(np.mean([one == other for one, other in pairs]), alike, len(pairs))


def test_rules_that_gave_way_are_told(seen):
    assert seen["gave_way"].notna().all()
    assert (seen.groupby("slate_id")["gave_way"].nunique() == 1).all()


def test_as_many_of_the_large_spenders_are_held_out_as_of_the_small(wb):
    when = pipeline.periods(wb)
    arms = simulation.held_out(wb, when.validation)
    lines = pipeline.sold(wb).filter(lambda t: t.ordered_at < when.validation)
    spent = lines.group_by("customer_id").aggregate(spent=lines.revenue.cast("float64").sum()).execute()
    ranked = arms.reindex(spent.sort_values("spent")["customer_id"]).eq("holdout").to_numpy()
    parts = [part.mean() for part in np.array_split(ranked, 3)]
    assert parts == pytest.approx([wb.settings.simulation.holdout] * 3, abs=0.03)
    simulated = wb.settings.simulation.model_copy(update={"holdout": 0.0})
    assert simulation.held_out(Workbook(wb.settings.model_copy(update={"simulation": simulated})), START).empty


def test_nobody_need_be_held_out():
    seen, assigned = simulation._shown(visit(60), pd.Series(dtype=object), START)
    assert_frame_equal(seen.orders, visit(60).orders)
    assert assigned.empty
    assert list(assigned) == ["customer_id", "variant", "session_id", "assigned_at"]


@pytest.fixture(scope="module")
def left_carts(wb) -> Workbook:
    """The sample with its smallest context only."""
    contexts = {"abandoned_cart": wb.settings.contexts["abandoned_cart"]}
    return Workbook(wb.settings.model_copy(update={"contexts": contexts}))


def test_same_seed_same_bytes_another_seed_another_world(left_carts, wb):
    first, again = simulation._run(left_carts), simulation._run(left_carts)
    assert_frame_equal(first.impressions, again.impressions)
    assert_frame_equal(first.order_lines, again.order_lines)
    seed = wb.settings.simulation.model_copy(update={"seed": 2})
    other = simulation._run(Workbook(left_carts.settings.model_copy(update={"simulation": seed})))
    assert set(other.impressions["slate_id"]) != set(first.impressions["slate_id"])


def test_slates_come_from_models_of_before_the_period(left_carts, monkeypatch):
    asked = []

    def make_slates(wb, context, requests, until, **options):
        asked.append((until, requests.frame["asked_at"].min()))
        return real(wb, context, requests, until, **options)

    real = simulation.make_slates
    monkeypatch.setattr(simulation, "make_slates", make_slates)
    simulation._run(left_carts)
    when = pipeline.periods(left_carts)
    assert [until for until, _ in asked] == [when.validation, when.test]
    assert all(first >= until for until, first in asked)
