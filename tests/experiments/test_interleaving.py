"""Team draft: fair lists, and preferences found or not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.errors import InputError
from reco.experiments.interleaving import preference, team_draft


def draft_one(first, second, slots, coins):
    """Team draft as the paper writes it, one request at a time."""
    items, teams = [], []
    for slot in range(slots):
        leader = coins[slot // 2] if slot % 2 == 0 else 1 - leader  # noqa: F821 set in the slot before
        for team in (leader, 1 - leader):
            left = [item for item in (first, second)[team] if item not in items]
            if left:
                items.append(left[0])
                teams.append(team)
                break
    return items, teams


ranking = st.permutations(list(range(8))).flatmap(lambda items: st.integers(1, 8).map(lambda n: items[:n]))


@settings(deadline=None)
@given(ranking, ranking, st.integers(1, 10), st.integers(0, 99))
def test_lists_are_those_of_one_request_at_a_time(first, second, slots, seed):
    padded = [np.array([items + [-1] * (8 - len(items))]) for items in (first, second)]
    found = team_draft(*padded, slots, np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    coins = [int(rng.integers(0, 2, 1)[0]) for _ in range((slots + 1) // 2)]
    items, teams = draft_one(first, second, slots, coins)
    assert found.items[0].tolist() == items + [-1] * (slots - len(items))
    assert found.teams[0].tolist() == teams + [-1] * (slots - len(teams))


def test_equal_rankings_are_kept_and_shared_evenly():
    same = np.tile(np.arange(6), (20_000, 1))
    found = team_draft(same, same, 6, np.random.default_rng(0))
    assert (found.items == same).all()
    assert (found.teams.sum(axis=1) == 3).all()
    np.testing.assert_allclose(found.teams.mean(axis=0), 0.5, atol=0.015)


def test_no_item_twice():
    rng = np.random.default_rng(1)
    first, second = (rng.permuted(np.tile(np.arange(10), (500, 1)), axis=1) for _ in range(2))
    found = team_draft(first, second, 10, rng).items
    assert (np.sort(found, axis=1) == np.arange(10)).all()


def test_users_count_once():
    clicks = pd.DataFrame({"user_id": [1] * 50 + [2, 3, 4, 4], "team": [1] * 50 + [0, 0, 0, 1]})
    found = preference(clicks)
    assert (found.wins, found.losses, found.ties, found.share) == (1, 2, 1, pytest.approx(1 / 3))
    assert found.p_value == 1.0


def test_sign_test_as_r():
    # R: binom.test(15, 20): p .04139, interval 0.5089541 to 0.9134285
    found = preference(pd.DataFrame({"user_id": range(20), "team": [1] * 15 + [0] * 5}))
    assert found.p_value == pytest.approx(0.04139, abs=5e-6)
    assert (found.share_low, found.share_high) == pytest.approx((0.5089541, 0.9134285), abs=1e-7)


@pytest.mark.parametrize(("better", "low", "high"), [(False, 0.0, 0.08), (True, 0.9, 1.0)])
def test_a_better_ranking_is_found_and_an_equal_one_is_not(better, low, high):
    rng, found = np.random.default_rng(3), 0
    for _ in range(200):
        taste = rng.random((300, 20))
        blind, other = rng.random((300, 20)).argsort(axis=1), rng.random((300, 20)).argsort(axis=1)
        sighted = (-taste - rng.normal(0, 0.5, (300, 20))).argsort(axis=1) if better else other
        lists = team_draft(blind, sighted, 6, rng)
        clicked = rng.random((300, 6)) < 0.5 * np.take_along_axis(taste, lists.items, axis=1) ** 2
        user, slot = np.nonzero(clicked)
        found += preference(pd.DataFrame({"user_id": user, "team": lists.teams[user, slot]})).p_value < 0.05
    assert low <= found / 200 <= high


def test_nothing_clicked_is_no_preference():
    found = preference(pd.DataFrame({"user_id": [], "team": []}))
    assert (found.wins, found.losses, found.p_value, found.share) == (0, 0, 1.0, 0.5)


def test_what_cannot_be_drafted_is_refused():
    with pytest.raises(InputError, match="two rankings of requests"):
        team_draft(np.zeros((2, 3)), np.zeros((3, 3)), 2, np.random.default_rng(0))
    with pytest.raises(InputError, match="team: expected 0 or 1"):
        preference(pd.DataFrame({"user_id": [1], "team": [2]}))
