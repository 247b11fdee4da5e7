"""Corrections against published numbers."""

import pytest
from scipy import stats

from reco.experiments.multiplicity import holm, sidak


def test_holm_as_published():
    # ep-stats docs/stats/multiple.md
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_sidak_keeps_the_family_at_its_level():
    assert sidak(0.05, 1) == pytest.approx(0.05, rel=1e-15)
    assert stats.binom.sf(0, 6, sidak(0.05, 6)) == pytest.approx(0.05, rel=1e-12)
