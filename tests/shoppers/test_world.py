"""The log that simulated shoppers leave, against the book of what is true."""

import dataclasses
import hashlib

import ibis
import numpy as np
import pandas as pd
import pytest
from ibis import _

from reco import kpis
from reco.errors import InputError
from reco.shoppers import Policy, Shopping, holdout, personal, popular, potential, shop
from reco.store import SCHEMAS
from reco.unify.cleaning import BOT


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_same_seed_same_bytes(tastes, policies, tmp_path):
    for run, seed in (("a", 1), ("b", 1), ("c", 2)):
        shop(tastes, policies, Shopping(seed=seed, shoppers=200, weeks=2), tmp_path / run)
    one, two, other = (digests(tmp_path / run) for run in "abc")
    assert one == two
    assert set(one) == {
        f"{name}.parquet" for name in ("impressions", "order_lines", "events", "identities", "exposures")
    }
    assert all(one[name] != other[name] for name in one if name != "identities.parquet")


def test_tables_are_those_of_the_store(world):
    for name in ("impressions", "order_lines", "events", "identities"):
        written = world.tables[name].schema()
        for column, kind in ibis.Schema.from_pyarrow(SCHEMAS[name]).items():
            assert written[column] == kind, (name, column)
    log = world.tables["impressions"]
    assert log.aggregate(n=log.count(), ids=log.impression_id.nunique(), sim=log.simulated.all()).execute().iloc[
        0
    ].tolist() == [world.book.impressions, world.book.impressions, True]


@pytest.mark.parametrize("seed", [3, 4])
def test_attributed_revenue_is_the_book_s_to_the_cent(world, tastes, policies, tmp_path, seed):
    tables, book = world.tables, world.book
    if seed != world.settings.seed:  # all shoppers order again and again, so that windows and returns overlap
        settings = Shopping(seed=seed, shoppers=150, weeks=3, visits_per_week=8, returns=0.3, order_after_click=1.0)
        book = shop(tastes, policies, settings, tmp_path)
        tables = {path.stem: ibis.duckdb.connect().read_parquet(path) for path in tmp_path.glob("*.parquet")}
        tables = {name: ibis.memtable(table.to_pyarrow()) for name, table in tables.items()}
    found = kpis.attribute(tables["impressions"], tables["order_lines"])
    found = found.group_by("variant").aggregate(
        revenue=_.revenue.sum(), clicks=(_.clicked & _.customer_id.notnull()).sum()
    )
    found = found.execute().set_index("variant")
    truth = book.policies.set_index("variant").loc[["popular", "personal"]]
    assert (truth["attributed"] > 100).all()
    assert (found["revenue"] * 100).round(6).to_dict() == (truth["attributed"] * 100).round(6).to_dict()
    assert found["clicks"].to_dict() == truth["clicks"].to_dict()
    assert round(book.attributed * 100) == round(truth["attributed"].sum() * 100)


def test_revenue_of_customers_is_the_book_s(world):
    found = kpis.per_customer(world.tables["exposures"], world.tables["order_lines"]).execute()
    truth = world.book.customers
    own = truth.melt(["customer_id", "variant"], [f"revenue_{name}" for name in world.book.policies["variant"]])
    own = own[own["variable"] == "revenue_" + own["variant"]].set_index("customer_id")["value"]
    found = found.set_index("customer_id")
    assert found["variant"].to_dict() == truth.set_index("customer_id")["variant"].to_dict()
    assert found["sessions"].to_dict() == truth.set_index("customer_id")["visits"].to_dict()
    assert np.allclose(found["revenue"], own[found.index], atol=1e-9)


def test_the_book_adds_up(world):
    policies, customers = world.book.policies.set_index("variant"), world.book.customers
    for name in policies.index:
        mine = customers[customers["variant"] == name]
        added = (mine[f"revenue_{name}"] - mine["revenue_holdout"]).sum()
        assert policies.loc[name, "added_revenue"] == pytest.approx(added)
        assert policies.loc[name, "value"] == pytest.approx(customers[f"revenue_{name}"].mean())
        assert policies.loc[name, "lift"] == pytest.approx(
            policies.loc[name, "value"] / policies.loc["holdout", "value"] - 1
        )
    assert policies.loc["holdout", ["added_revenue", "attributed", "impressions", "clicks"]].tolist() == [0, 0, 0, 0]
    # what one buys most is a better guess than what sells most, and not all that is attributed was added
    assert policies.loc["personal", "ctr"] > policies.loc["popular", "ctr"]
    assert (policies["attributed_anyway"].iloc[1:] > 0).all()
    assert (policies["attributed_anyway"] <= policies["attributed"]).all()


def test_without_an_effect_nothing_is_added_and_much_attributed(tastes, policies, tmp_path):
    book = shop(tastes, policies, Shopping(shoppers=400, order_after_click=0), tmp_path)
    assert book.policies["lift"].tolist() == [0, 0, 0]
    assert book.policies["added_revenue"].tolist() == [0, 0, 0]
    assert (book.policies["attributed"].iloc[1:] > 0).all()
    assert book.policies["attributed"].tolist() == book.policies["attributed_anyway"].tolist()


def test_the_same_luck_under_every_policy(tastes, policies):
    twins = [policies[0], policies[2], Policy("again", policies[2].lists)]
    customers = potential(tastes, twins, Shopping(shoppers=300)).customers
    assert customers["revenue_personal"].equals(customers["revenue_again"])
    assert not customers["revenue_personal"].equals(customers["revenue_holdout"])


def test_what_one_policy_shows_changes_no_other(tastes, policies):
    both = potential(tastes, policies, Shopping(shoppers=300)).customers
    alone = potential(tastes, policies[:2], Shopping(shoppers=300)).customers
    assert both["revenue_popular"].equals(alone["revenue_popular"])


def test_substitution_takes_from_the_own_basket(tastes, policies):
    def added(**chances):
        return potential(tastes, policies, Shopping(shoppers=500, later=0, **chances)).policies["value"].tolist()

    none, all_ = added(substitution=0), added(substitution=1)
    assert none[0] == all_[0]
    assert none[2] > all_[2]


def test_popular_products_may_be_the_baseline(tastes, policies):
    book = potential(tastes, policies, Shopping(shoppers=300), against="popular")
    lift = book.policies.set_index("variant")["lift"]
    assert lift["popular"] == 0
    assert lift["holdout"] < 0


def test_bots_are_recognisable(world):
    log, days = world.tables["impressions"], world.settings.days
    wait = _.clicked_at.epoch_seconds() - _.shown_at.epoch_seconds()
    by_device = log.group_by("device_id").aggregate(
        slates=_.slate_id.nunique() / days,
        agent=_.user_agent.max(),
        known=_.customer_id.notnull().any(),
        wait=wait.mean(),
    )
    by_device = by_device.execute().set_index("device_id")
    bots = by_device.index.isin(world.book.bots)
    assert bots.sum() == len(world.book.bots) >= 1
    assert by_device["slates"][bots].min() > 10 * by_device["slates"][~bots].max()
    assert by_device["agent"].str.contains(BOT)[bots].all()
    assert not by_device["agent"].str.contains(BOT)[~bots].any()
    assert not by_device["known"][bots].any()
    assert by_device["wait"][bots].max() < 1.5 < by_device["wait"][~bots].min()
    share = log.user_agent.re_search(BOT).mean().execute()
    assert share == pytest.approx(world.settings.bots, abs=0.001)
    # they click the lower half as often as the upper
    halves = log.group_by(bot=log.user_agent.re_search(BOT), low=log.position > 5).aggregate(ctr=_.clicked.mean())
    ctr = halves.execute().set_index(["bot", "low"])["ctr"]
    assert ctr[True, True] == pytest.approx(ctr[True, False], rel=0.15)
    assert ctr[False, True] < 0.7 * ctr[False, False]


def test_devices_belong_to_customers(world):
    known = world.tables["identities"].execute()
    assert known["identifier"].is_unique
    assert set(known["kind"]) == {"device"}
    log = world.tables["impressions"].select("device_id", "customer_id").distinct().execute()
    seen = log[~log["device_id"].isin(world.book.bots)]
    assert len(seen) > seen["customer_id"].nunique() * 1.1  # some return with another device
    owner = known.set_index("identifier")["customer_id"]
    assert owner[seen["device_id"]].tolist() == seen["customer_id"].tolist()
    assert not known["identifier"].isin(world.book.bots).any()


def test_returns_name_their_order(world):
    lines = world.tables["order_lines"].execute()
    back, sold = lines[lines["quantity"] < 0], lines[lines["quantity"] > 0]
    assert len(back) / len(sold) == pytest.approx(0.1, abs=0.02)
    both = back.merge(sold, left_on=["returned_order_id", "product_id"], right_on=["order_id", "product_id"])
    assert len(both) == len(back)
    assert (both["revenue_x"] == -both["revenue_y"]).all()
    assert (both["ordered_at_x"] > both["ordered_at_y"]).all()


def test_events_are_the_clicks(world):
    events, log = world.tables["events"], world.tables["impressions"]
    clicks = log.filter(log.clicked).select("impression_id", "product_id", "clicked_at", "device_id").execute()
    views = events.filter(_.event == "select").select("event_id", "product_id", "occurred_at", "device_id").execute()
    views.columns = clicks.columns
    pd.testing.assert_frame_equal(
        clicks.sort_values("impression_id", ignore_index=True), views.sort_values("impression_id", ignore_index=True)
    )


def test_only_what_was_meant_is_noted_of_the_log(world):
    log, lines = world.tables["impressions"], world.tables["order_lines"]
    summary = kpis.summarize(log, lines, kpis.Rule(currency="USD"), zone="Europe/London")
    contexts = [context.name for context in world.settings.contexts]
    found = kpis.notes(log, lines, summary, contexts=contexts, events=world.tables["events"], every_id=True)
    found = found.set_index("note")["rows"]
    of_bots = log.filter(log.customer_id.isnull()).clicked.sum().execute()
    assert found["clicks without customer"] == of_bots > 0
    assert set(found.index[found > 0]) == {
        "clicks without customer",
        "returned lines",
        "order lines bought before their first click",
        "order lines more than 7 days after their click",
    }


def test_customers_themselves_may_be_the_shoppers(tastes, policies, tmp_path):
    book = shop(tastes, policies, Shopping(weeks=2), tmp_path, shares={"holdout": 0.2, "popular": 0.0, "personal": 0.8})
    assert set(book.customers["customer_id"]) <= set(tastes.customers)
    counts = book.policies.set_index("variant")["customers"]
    assert counts["popular"] == 0
    assert counts["holdout"] / counts.sum() == pytest.approx(0.2, abs=0.08)


def test_the_rate_of_clicks_if_all_had_the_policy(tastes, policies, tmp_path):
    book = shop(tastes, [policies[2]], Shopping(shoppers=200), tmp_path)
    row = book.policies.loc[0]
    assert row["ctr"] == row["clicks"] / row["impressions"]


def test_nobody_comes(tastes, policies, tmp_path):
    book = shop(tastes, policies, Shopping(shoppers=3, visits_per_week=1e-9), tmp_path)
    assert book.impressions == 0
    assert book.attributed == 0
    assert len(book.customers) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"examination": 1.2}, "examination: expected a share from 0 to 1, found 1.2"),
        ({"weeks": 0}, "weeks: expected more than 0, found 0"),
        ({"pages": 0.5}, "pages: expected at least 1, found 0.5"),
        ({"weekdays": (1, 1)}, "weekdays: expected seven weights"),
        ({"contexts": ()}, "contexts: expected shares that add up to 1"),
        ({"bots": 1}, "bots: expected a share from 0 to less than 1"),
    ],
)
def test_impossible_settings(changes, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(Shopping(), **changes)


def test_settings_as_a_table():
    table = Shopping(k=4).words().set_index("setting")["value"]
    assert table["k"] == 4
    assert len(table) == len(dataclasses.fields(Shopping))


def test_impossible_tests(tastes, policies):
    for cast, options, message in (
        ([holdout(), holdout()], {}, "expected different names"),
        (policies, {"shares": {"holdout": 1.0}}, "shares: expected one for each of holdout, popular, personal"),
        (policies, {"against": "nobody"}, "against: expected one of"),
        ([holdout(), popular(tastes, 5)], {}, "expected 300 full lists of at least 10"),
        ([holdout(), Policy("few", personal(tastes).lists[:7])], {}, "found 7 of 20"),
    ):
        with pytest.raises(InputError, match=message):
            potential(tastes, cast, Shopping(shoppers=10), **options)
