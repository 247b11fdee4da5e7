"""The tables of a page: what a holdout says, or could; strategies by their names; what is simulated says so."""

import ibis
import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.impressions import Log
from reco.kpis import Pay, Rule, against_benchmarks, baskets, compare, compare_orders, quality, rates, summarize, totals
from reco.report import holdout, kpis
from reco.report.kpis import Page, untold
from reco.settings import Context, Kpis, Strategy, Target

DAY = pd.Timestamp("2026-03-02", tz="UTC")
SETTINGS = Kpis(implementation_cost=100, targets={})


def page(customers: int = 200) -> Page:
    """Each customer clicks one product and the next day orders another, every second one for 10, the others for 0."""
    ids = [f"c{n}" for n in range(customers)]
    shown = pd.DataFrame(
        {
            "impression_id": ids,
            "slate_id": ids,
            "customer_id": ids,
            "context": "home",
            "strategy": "Because you bought Milk",
            "product_id": "p",
            "position": 1,
            "shown_at": DAY + pd.to_timedelta(np.arange(customers), unit="min"),
            "clicked": True,
            "clicked_at": DAY + pd.Timedelta(hours=5),
        }
    )
    bought = pd.DataFrame(
        {
            "order_id": ids,
            "customer_id": ids,
            "product_id": "q",
            "ordered_at": DAY + pd.Timedelta(days=1),
            "quantity": 1.0,
            "revenue": np.where(np.arange(customers) % 2, 10.0, 0.0),
            "currency": "USD",
        }
    )
    log = Log(ibis.memtable(shown), ibis.memtable(bought), simulated=False)
    return Page(log, summarize(log.impressions, log.order_lines, Rule()), {}, "USD")


def assigned(tmp_path, **columns) -> str:
    n = np.arange(200)
    frame = pd.DataFrame({"customer_id": [f"c{k}" for k in n], "variant": np.where(n % 10 < 2, "holdout", "shown")})
    frame.assign(assigned_at="2026-03-01T00:00:00Z", **columns).to_csv(tmp_path / "who.csv", index=False)
    return "who.csv"


def test_smallest_lift_by_hand():
    table = holdout.weigh(page(), (0.10, 0.30), shares=(0.5,))
    # half spend 10, half nothing: sd / mean is 1, but for n - 1
    expected = (1.959964 + 0.841621) * np.sqrt(200 / 199) * np.sqrt(2 / 100)
    assert table.loc[0, "smallest_lift"] == pytest.approx(expected, rel=1e-6)
    assert table.loc[0, ["held", "shown"]].tolist() == [100, 100]
    assert table.loc[0, "enough"] == "too few customers"
    needed = (expected / np.sqrt(2 / 100) / 0.10) ** 2 * (1 / 0.1 + 1 / 0.9)
    assert table.attrs == {"customers": 200, "needed": pytest.approx(needed, rel=1e-6)}


def test_more_customers_find_smaller_lifts():
    # 10 held out find 91 %, 20 find 66 %, 100 find 40 %
    words = holdout.weigh(page(), (0.5, 0.9), shares=(0.05, 0.1, 0.5))["enough"].tolist()
    assert words == ["too few customers", "finds it from 66% on", "finds all of it"]


def test_without_a_holdout_it_is_said_and_told_what_is_needed(capsys):
    here = page()
    assert holdout.held_out("", None, here, SETTINGS, 0.1) is None
    holdout.added(here, None, holdout.weigh(here, SETTINGS.lift), SETTINGS.lift)
    said = capsys.readouterr().out
    assert "Attributed is not incremental" in said
    assert "There is no holdout in this log" in said
    assert "customer_id, variant, assigned_at" in said
    assert holdout.lift(None, SETTINGS.lift).loc[0, "verdict"] == "unknown: no holdout"


def test_with_a_holdout_its_numbers_are_shown(tmp_path, capsys):
    here = page()
    found = holdout.held_out(assigned(tmp_path), tmp_path, here, SETTINGS, 0.2)
    # in every ten, customers 0 and 1 are held out: half of them and half of the others spend 10
    assert found.lift == pytest.approx(0, abs=1e-12)
    assert found.checks["passed"].all()
    holdout.added(here, found, holdout.weigh(here, SETTINGS.lift), SETTINGS.lift)
    said = capsys.readouterr().out
    assert "it is a tie" in said
    assert "Guardrail" in said
    row = holdout.lift(found, SETTINGS.lift).iloc[0]
    assert (row["value"], row["low"]) == (found.lift, found.lift_low)


def test_sessions_are_told_apart_where_the_file_does(tmp_path):
    here = page()
    found = holdout.held_out(assigned(tmp_path, session_id="one"), tmp_path, here, SETTINGS, 0.2)
    assert found.guardrail["metric"].tolist() == ["revenue / sessions"]


def test_files_that_are_no_assignments_are_refused(tmp_path):
    (tmp_path / "bad.csv").write_text("customer_id,arm\na,b\n")
    with pytest.raises(InputError, match=r"bad.csv: no column 'assigned_at'; it has customer_id, arm"):
        holdout.held_out("bad.csv", tmp_path, page(), SETTINGS, 0.1)
    (tmp_path / "when.csv").write_text("customer_id,variant,assigned_at\na,b,soon\n")
    with pytest.raises(InputError, match=r"when.csv: row 1: assigned_at: expected a moment, found 'soon'"):
        holdout.held_out("when.csv", tmp_path, page(), SETTINGS, 0.1)
    with pytest.raises(InputError, match=r"no file gone.csv"):
        holdout.held_out("gone.csv", tmp_path, page(), SETTINGS, 0.1)


def test_strategies_are_named_as_the_settings_name_them():
    declared = [
        Strategy(title="Because you bought {product}", kind="because_you_bought", model="item_knn"),
        Strategy(title="Others viewed", model="co_view", instead=Strategy(title="Others bought", model="als")),
    ]
    contexts = {"home": Context.model_construct(title="Home", strategies=declared)}
    found = untold(page().summary, contexts).cube
    assert found[["strategy", "algorithm"]].drop_duplicates().values.tolist() == [
        ["Because you bought {product}", "item_knn"]
    ]
    cube = page().summary.cube.assign(strategy="Others bought")
    assert untold(page().summary._replace(cube=cube), contexts).cube["algorithm"].unique() == ["als"]
    cube = cube.assign(strategy="Popular")
    assert untold(page().summary._replace(cube=cube), contexts).cube["algorithm"].unique() == ["rules and fallbacks"]


def test_every_table_of_a_simulated_log_says_so_with_window_and_rows(capsys):
    here = page()
    here = here._replace(log=here.log._replace(simulated=True))
    log, summary = here.log, here.summary
    contexts = {"home": Context.model_construct(title="Home", channel="on_site", strategies=[])}
    aim = {"on_site": Target(ctr_benchmark=(0.05, 0.15), ctr=0.1, conversion_benchmark=(0.1, 0.3), conversion=0.15)}
    rated = rates(totals(summary.dashboard()))
    verdicts = against_benchmarks(compare(rated, contexts, aim))
    here = here._replace(contexts=contexts)
    kpis.dashboard(here, rated, verdicts)
    kpis.targets(here, verdicts, compare_orders(rated, {"home": (0.03, 0.08)}), holdout.lift(None, (0.1, 0.3)))
    kpis.pay(here, Pay(1.0, 2.0, 0.5, 3.0, 4.0, 0.25))
    kpis.by(here, "position", "By position")
    kpis.extremes(here, summary.extremes(1, 1), pd.Series({"p": "Milk <b>"}), 1)
    kpis.quality(here, quality(log.impressions, log.order_lines, summary))
    kpis.baskets(here, baskets(log.impressions, log.order_lines, summary))
    holdout.added(here, None, holdout.weigh(here, (0.1, 0.3)), (0.1, 0.3))
    shown = capsys.readouterr().out
    notes = [line for line in shown.splitlines() if line.startswith("Note: ")]
    assert shown.count("(simulated)\n") == len(notes) == 8
    assert all("1 days" in note and "200 " in note for note in notes)
    # all 200 impressions were clicked, and nothing that was bought had been shown
    home = next(line for line in shown.splitlines() if line.startswith("Home"))
    assert home.replace("\u00a0", " ").split("  ")[-1].strip() == "$0.00"
    assert "above\u00a010%" in home
    assert "below\u00a015%" in home
    assert "unknown: no holdout" in shown


def test_a_log_too_short_for_two_periods_says_so(capsys):
    here = page()
    both = kpis.compared(here, 7)
    assert both is None
    kpis.moves(here, None, 7)
    kpis.periods(here, both, 7)
    assert capsys.readouterr().out.strip() == "The log is too short for two periods of 7 days."
