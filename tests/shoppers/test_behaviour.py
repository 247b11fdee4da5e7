"""How simulated shoppers look, click and buy."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from reco.shoppers import Context, Shopping
from reco.shoppers.behaviour import act, luck_of, organic
from reco.shoppers.tastes import liking
from reco.shoppers.visits import DAY, MINUTE, SECOND, blocks, calendar, crowd, stock


def play(tastes, policy, **changes):
    """A block of shoppers, what they do and whether products are there."""
    settings = dataclasses.replace(Shopping(shoppers=1_500, unevenness=0.0), **changes)
    people, there = crowd(tastes, settings, np.ones(1)), stock(tastes, settings)
    block = next(blocks(tastes, settings, people, there))
    acts = act(policy.lists, liking(tastes, policy), block, luck_of(block, settings), people, tastes, there, settings)
    return block, acts, there


def test_examination_falls_by_the_settings(tastes, policies):
    # whoever looks clicks nothing, so that the chance to look on is that of the settings alone
    quiet = {"click_if_wanted": 0, "click_if_liked": 0, "click_otherwise": 0, "examination": 0.8}
    looked = play(tastes, policies[2], **quiet)[1].looked
    assert (looked[:, 1:] <= looked[:, :-1]).all()  # who looks at a position has looked at those before
    expected = Shopping(examination=0.8).examined().to_numpy()
    error = 4 * np.sqrt(expected * (1 - expected) / len(looked))
    assert (np.abs(looked.mean(axis=0) - expected) <= error).all()


def test_clicks_fall_with_position_and_were_looked_at(tastes, policies):
    acts = play(tastes, policies[1], explore=1.0)[1]
    assert acts.looked[acts.clicked].all()
    by_place = acts.clicked.mean(axis=0)
    assert (np.diff(by_place[[0, 3, 6, 9]]) < 0).all()


def test_the_satisfied_look_no_further(tastes, policies):
    acts = play(tastes, policies[2], satisfied=1.0)[1]
    assert acts.clicked.sum(axis=1).max() == 1
    assert play(tastes, policies[2], satisfied=0.0)[1].clicked.sum(axis=1).max() > 1


def test_what_is_wanted_is_clicked_more_and_is_no_extra(tastes, policies):
    block, acts, _ = play(tastes, policies[2], examination=1.0, satisfied=0.0, wear=1.0, order_after_click=1.0,
                          contexts=(Context("page", 1.0, 1.0),), out_of_stock=0.0)  # fmt: skip
    wanted = (acts.items[:, :, None] == block.basket[block.visit][:, None, :]).any(axis=2)
    n = wanted.sum()
    assert abs(acts.clicked[wanted].mean() - 0.6) < 4 * np.sqrt(0.24 / n)
    assert acts.clicked[~wanted].mean() < 0.1
    lines = acts.lines
    own = (block.basket[lines.visit] == lines.item[:, None]).any(axis=1)
    assert (own == ~lines.extra).all()
    # with certainty, each product clicked beyond the basket is bought once a visit
    clicked = pd.DataFrame({"visit": np.repeat(block.visit, 10), "item": acts.items.ravel()})[
        (acts.clicked & ~wanted).ravel()
    ]
    assert lines.extra.sum() == len(clicked.drop_duplicates())


def test_the_favourite_is_clicked_more_than_what_was_never_bought(tastes, policies):
    block, acts, _ = play(tastes, policies[1], order_rate=0.0, examination=1.0, satisfied=0.0, wear=1.0,
                          click_if_liked=0.5, contexts=(Context("page", 1.0, 1.0),))  # fmt: skip
    row = crowd(tastes, Shopping(shoppers=1_500, unevenness=0.0), np.ones(1)).row[
        block.low + block.shopper[block.visit]
    ]
    share = tastes.shares[np.repeat(row, 10), acts.items.ravel()]
    bought = np.asarray(share).ravel() > 0
    never = acts.clicked.ravel()[~bought]
    assert abs(never.mean() - 0.02) < 4 * np.sqrt(0.02 / len(never))
    assert acts.clicked.ravel()[bought].mean() > 0.1


def test_intent_depends_on_context(tastes, policies):
    contexts = (Context("calm", 0.5, 0.5), Context("eager", 0.5, 1.5))
    block, acts, _ = play(tastes, policies[2], contexts=contexts, satisfied=0.0)
    ctr = [acts.clicked[block.context == context].mean() for context in (0, 1)]
    assert ctr[1] / ctr[0] == pytest.approx(3, rel=0.15)


def test_novelty_wears_off(tastes, policies):
    block, acts, _ = play(tastes, policies[2], wear=0.5, wear_floor=0.25, satisfied=0.0)
    clicks = [acts.clicked[block.earlier == n].mean() for n in (0, 1)]
    worn = acts.clicked[block.earlier >= 3].mean()
    assert clicks[1] / clicks[0] == pytest.approx(0.5, rel=0.25)
    assert worn / clicks[0] == pytest.approx(0.25, rel=0.25)


def test_nothing_out_of_stock_is_bought(tastes, policies):
    block, acts, there = play(tastes, policies[2], out_of_stock=0.3, order_after_click=1.0)
    assert abs((~there).mean() - 0.3) < 0.03
    lines = acts.lines
    assert there[lines.item, block.at[lines.visit] // DAY].all()
    assert not there[acts.items, (block.at // DAY)[block.visit][:, None]].all()  # yet it is shown
    # outages last days, not one: most of those out today are out tomorrow
    assert (~there[:, 1:])[~there[:, :-1]].mean() == pytest.approx(1 - 1 / 4, abs=0.05)


def test_orders_come_after_their_click(tastes, policies):
    block, acts, _ = play(tastes, policies[2], order_after_click=1.0, later=0.5, later_days=5.0)
    slate, place = np.nonzero(acts.clicked)
    at, shown = acts.clicked_at[slate, place], (block.at[block.visit] + block.page * MINUTE)[slate]
    assert (at - shown).min() >= 2 * SECOND
    assert (at - shown).max() < MINUTE
    assert (at < block.ends[block.visit[slate]]).all()
    lines = acts.lines
    later = lines.slate >= 0
    assert (lines.at[~later] == block.ends[lines.visit[~later]]).all()
    wait = (lines.at - block.at[lines.visit])[later] / DAY
    assert wait.mean() == pytest.approx(5, rel=0.15)
    assert (wait > 7).any()
    assert later.sum() / lines.extra.sum() == pytest.approx(0.5, abs=0.05)


def test_propensities_are_the_shares_of_slates(tastes, policies):
    _, acts, _ = play(tastes, policies[1], explore=0.5)
    # all are shown the same list, so that the share of slates with a product at a place is its propensity
    for place in (0, 4):
        shown = pd.DataFrame({"item": acts.items[:, place], "propensity": acts.propensity[:, place]})
        table = shown.groupby("item")["propensity"].agg(["first", "nunique", "size"])
        assert (table["nunique"] == 1).all()
        assert table["first"].sum() == pytest.approx(1)
        share = table["size"] / len(shown)
        assert (np.abs(share - table["first"]) < 4 * np.sqrt(share * (1 - share) / len(shown))).all()


def test_baskets_hold_different_products_of_own_taste(tastes, policies):
    block, _, _ = play(tastes, policies[2], surprise=0.0)
    visit, slot = np.nonzero(block.basket >= 0)
    assert not pd.DataFrame({"visit": visit, "item": block.basket[visit, slot]}).duplicated().any()
    row = crowd(tastes, Shopping(shoppers=1_500, unevenness=0.0), np.ones(1)).row[block.low + block.shopper[visit]]
    assert (np.asarray(tastes.shares[row, block.basket[visit, slot]]).ravel() > 0).all()
    assert len(organic(block).visit) == len(visit)


def test_visits_follow_the_week(tastes, policies):
    block, _, _ = play(tastes, policies[2], weekdays=(1, 1, 1, 1, 1, 3, 0), yearly=0.0, weeks=4)
    days = np.bincount(block.at // DAY % 7, minlength=7)  # the first day is a Monday
    assert days[6] == 0
    assert days[5] / days[:5].mean() == pytest.approx(3, rel=0.15)
    assert calendar(Shopping(yearly=0.0, weekdays=(1,) * 7)).tolist() == pytest.approx([1 / 56] * 56)
    year = calendar(Shopping(weeks=52, yearly=0.2, weekdays=(1,) * 7, start="2026-01-01"))
    assert year.argmax() == 0
    assert year.max() / year.min() == pytest.approx(1.2 / 0.8, rel=0.01)


def test_a_visit_s_slates_are_within_it(tastes, policies):
    block, _, _ = play(tastes, policies[2])
    assert (np.diff(block.at)[np.diff(block.shopper) == 0] >= 0).all()
    frame = pd.DataFrame({"visit": block.visit, "page": block.page, "shopper": block.shopper[block.visit]})
    assert (frame["page"] == frame.groupby("visit").cumcount()).all()
    assert (block.earlier == frame.groupby("shopper").cumcount()).all()
    assert frame.groupby("visit").size().mean() == pytest.approx(2, rel=0.05)
