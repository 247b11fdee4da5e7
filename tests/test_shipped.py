"""Shipped files are found beside the settings, else beside the package."""

from pathlib import Path

import pytest

from reco import shipped
from reco.errors import InputError

ROOT = Path(__file__).resolve().parents[1]


def test_the_package_s_own_where_the_settings_have_none(wb):
    assert shipped.find(wb, shipped.ASOS) == ROOT / "data" / shipped.ASOS


def test_what_lies_beside_the_settings_comes_first(wb):
    assert shipped.find(wb, "staff_picks.csv") == wb.settings.root / "data" / "staff_picks.csv"


def test_what_is_nowhere_is_named_with_its_place(wb):
    with pytest.raises(InputError, match=r"nothing\.parquet ships with the workbook and is missing; expected .*data"):
        shipped.find(wb, "nothing.parquet")
