"""What filters leave, and which of them gives way where they leave nothing."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.contexts.eligibility import sift
from reco.journal import Journal
from reco.rules import Filter, Pool
from tests.rules.conftest import shelf_of

SLATES, ITEMS = 3, 4
masks = st.lists(st.booleans(), min_size=SLATES * ITEMS, max_size=SLATES * ITEMS)


class Hard(Filter):
    """Refuses what it is told to refuse."""

    kind = "hard"
    out: tuple[bool, ...]

    def refuses(self, pool: Pool) -> np.ndarray:
        return np.array(self.out)


class Soft(Hard):
    """One that gives way."""

    kind = "soft"
    gives_way = True


def pool() -> Pool:
    nothing = np.empty(0, "int64")
    return Pool(
        np.repeat(np.arange(SLATES), ITEMS),
        np.tile(np.arange(ITEMS), SLATES),
        np.zeros(SLATES * ITEMS, bool),
        np.zeros(SLATES * ITEMS, bool),
        shelf_of(),
        np.full(SLATES, -1),
        np.zeros(SLATES, "int64"),
        np.zeros(SLATES, bool),
        Journal.of(nothing, nothing, nothing),
    )


def expected(slate: int, filters: list[Filter]) -> tuple[list[bool], list[bool]]:
    """What a slate may show and who gave way, tried by hand: weakest first, one more each time."""
    part = slice(slate * ITEMS, (slate + 1) * ITEMS)
    out = [np.array(one.out[part]) for one in filters]
    given = [False] * len(filters)
    for number in reversed(range(len(filters))):
        if any(~np.any([o for o, g in zip(out, given, strict=True) if not g] or [np.zeros(ITEMS, bool)], axis=0)):
            break
        if filters[number].gives_way:
            given[number] = True
    may = ~np.any([o for o, g in zip(out, given, strict=True) if not g] or [np.zeros(ITEMS, bool)], axis=0)
    return may.tolist(), given if may.any() else [False] * len(filters)


@settings(max_examples=200, deadline=None)
@given(masks, masks, masks)
def test_filters_against_a_trial_by_hand(first, second, third):
    filters = [Soft(out=first), Hard(out=second), Soft(out=third)]
    found = sift(pool(), filters)
    for slate in range(SLATES):
        may, given = expected(slate, filters)
        assert found.may[slate * ITEMS : (slate + 1) * ITEMS].tolist() == may
        assert found.gave_way[slate].tolist() == given
    assert found.removed.tolist() == [sum(first), sum(second), sum(third)]


def test_without_filters_everything_may_be_shown():
    found = sift(pool(), [])
    assert found.may.all()
    assert found.gave_way.shape == (SLATES, 0)
