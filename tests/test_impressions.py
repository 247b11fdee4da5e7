"""The log that KPIs read: the store's own, or a simulated one that says so."""

import ibis
import pandas as pd
import pytest

from reco import Workbook
from reco.errors import MissingTableError
from reco.impressions import Log, read_log

NOON = pd.Timestamp("2026-03-01 12:00", tz="UTC")


def log(*days: float, simulated: bool = False) -> Log:
    """One impression on each of these days after the first; an order of 10 on each of days 0 … 9."""
    shown = pd.DataFrame({"shown_at": [NOON + pd.Timedelta(days=day) for day in days]})
    lines = pd.DataFrame({"ordered_at": [NOON + pd.Timedelta(days=day) for day in range(10)], "revenue": 10.0})
    frames = (frame.astype({frame.columns[0]: "datetime64[us, UTC]"}) for frame in (shown, lines))
    return Log(*map(ibis.memtable, frames), simulated)


@pytest.mark.parametrize(("last", "days"), [(0, 1), (0.1, 1), (1, 1), (1.1, 2), (56, 56), (56.02, 57)])
def test_days_rounded_up(last, days):
    assert log(0, last).days == days


def test_revenue_of_the_days_with_both_ends():
    assert log(2, 5).revenue == 40
    assert log(0.5, 0.6).revenue == 0


def test_a_log_without_impressions_has_no_days_and_no_revenue():
    assert log().days == 0
    assert log().revenue == 0


def test_mark():
    assert log(0, simulated=True).mark == " (simulated)"
    assert log(0).mark == ""


def test_store_without_impressions_is_simulated_and_says_so(wb):
    found = read_log(wb)
    assert found.simulated
    assert found.impressions.simulated.all().execute()


def test_simulation_switched_off(wb):
    off = wb.settings.simulation.model_copy(update={"enabled": False})
    with pytest.raises(MissingTableError, match="complete_journey logs no impressions"):
        read_log(Workbook(wb.settings.model_copy(update={"simulation": off})))


@pytest.mark.parametrize(("marks", "simulated"), [([False, None], False), ([False, True], True)])
def test_own_impressions_come_with_the_orders_from_the_first_on(wb, marks, simulated):
    own = Workbook(wb.settings)
    start = pd.Timestamp("2017-12-30 12:00", tz="UTC")
    frame = pd.DataFrame({"shown_at": [start, start + pd.Timedelta(days=1)], "simulated": marks})
    shown = ibis.memtable(frame.astype({"shown_at": "datetime64[us, UTC]", "simulated": "boolean"}))
    own.tables = wb.tables | {"impressions": shown}
    own.connection = wb.connection
    found = read_log(own)
    assert found.simulated is simulated
    assert found.order_lines.ordered_at.min().execute() >= start
    lines = wb.table("order_lines")
    assert found.order_lines.count().execute() == lines.filter(lines.ordered_at >= start).count().execute()
