"""What the tables of plans and decisions say."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reco.errors import InputError
from reco.experiments import Mean, Rate, plans
from reco.experiments.bayes import beliefs
from reco.experiments.moments import Moments, Part
from reco.experiments.outcomes import Decision, Worth
from reco.experiments.tables import (
    show_bayes,
    show_calibration,
    show_decision,
    show_guardrails,
    show_narrowing,
    show_outcomes,
    show_plans_ready,
    show_tests,
    show_truth,
)
from reco.report import display
from reco.settings import load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def shown(monkeypatch) -> list:
    """Everything that is displayed."""
    things = []
    monkeypatch.setattr(display, "display", things.append)
    return things


def rate(hits: int, n: int = 1000) -> Moments:
    return Moments((Part("clicked", "any"),), n, np.array([float(hits)]), np.array([[float(hits)]]))


def test_ready_tests_are_shown_with_their_days(shown):
    settings = load(ROOT / "workbook.yaml")
    table = plans.ready(settings)
    show_plans_ready(table)
    text = repr(shown[0])
    assert "Tests ready to run" in text and "(simulated)" not in text
    assert all(title in text for title in ("Algorithm", "Display format", "Placement", "Volume"))
    assert f"{table['units_per_arm'][0]:,}" in text and "500 conversions" in text and "A: Four, B: Eight" in text
    show_plans_ready(plans.ready(settings, every=True).assign(basis="measured, simulated"))
    assert "(simulated)" in repr(shown[1]) and "revenue per session" in repr(shown[1])


def test_a_decision_is_shown_line_by_line_and_escaped(shown):
    found = Decision("ship", "C", "better", "Ship it.", Worth(1200.4, -5, 2400, "clicks"), tied=("B",),
                     next_step="Another.")  # fmt: skip
    show_decision(found, {"C": "<b>Hybrid</b>", "B": "Content"}, simulated=True)
    text, html = repr(shown[0]), shown[0]._repr_html_()
    assert "+1,200 clicks (−5 to +2,400)" in text and "Content" in text and "(simulated)" in text
    assert "<b>Hybrid" not in html and "&lt;b&gt;Hybrid" in html
    show_decision(Decision("stop", None, "checks failed", "Stop.", failed=("sample ratio",)))
    assert "sample ratio" in repr(shown[1]) and "cannot be told" in repr(shown[1])


def test_chances_to_be_the_best_are_shown(shown):
    show_bayes(Rate("clicked"), {"A": rate(100), "B": rate(150)}, "click-through rate", {"B": "Hybrid"})
    text = repr(shown[0])
    assert "Hybrid" in text and "15.00%" in text and "100.0%" in text and "never overrules" in text


def test_an_arm_without_hits_has_a_chance_all_the_same(shown):
    found = beliefs(Rate("clicked"), {"A": rate(0), "B": rate(1)})
    assert found["A"] == (0, pytest.approx(0.5 / 1001 * (1 - 0.5 / 1001) / 1000))
    m = Moments.of(np.ones((5, 1)), [Part("revenue")])
    with pytest.raises(InputError, match="revenue: the same for every unit of A"):
        beliefs(Mean("revenue"), {"A": m, "B": m})
    spread = Moments.of(np.arange(5.0)[:, None], [Part("revenue")])
    assert beliefs(Mean("revenue"), {"A": spread})["A"] == (2.0, pytest.approx(pd.Series(range(5)).var() / 5))


def test_metrics_and_arms_are_called_as_readers_call_them(shown):
    row = {"metric": "clicked / rows", "variant": "B", "value": 0.02, "control_value": 0.01, "p_value": 0.03,
           "p_adjusted": 0.06, "verdict": "tie"}  # fmt: skip
    bounds = {f"effect{end}": 0.01 for end in ("", "_low", "_high")}
    bounds |= {f"relative{end}": 1.0 for end in ("", "_low", "_high")}
    show_outcomes(pd.DataFrame([row | bounds]), "Outcomes", "Note.", {"clicked / rows": "<clicks>"}, {"B": "content"})
    text, html = repr(shown[0]), shown[0]._repr_html_()
    assert "<clicks>" in text and "content" in text and "0.060" in text and "+100.0%" in text
    assert "<clicks>" not in html and "&lt;clicks&gt;" in html


def test_a_guardrail_and_a_truth(shown):
    rail = {"metric": "spent", "variant": "C", "relative": 0.076, "relative_low": -0.009, "relative_high": 0.168,
            "margin": 0.05, "verdict": "safe"}  # fmt: skip
    show_guardrails(pd.DataFrame([rail]), {}, {})
    truth = {"metric": "spent", "variant": "C", "effect": 0.1, "effect_low": 0.0, "effect_high": 0.2,
             "true_effect": 0.3, "covered": False, "verdict": "tie"}  # fmt: skip
    show_truth(pd.DataFrame([truth]), {}, {})
    assert "+7.6% (−0.9% to +16.8%)" in repr(shown[0]) and "5%" in repr(shown[0])
    assert "(simulated)" in repr(shown[1]) and "+0.3000  no" in repr(shown[1])


def test_naive_ways_promise_nothing(shown):
    rows = [("kept", 0.05, 0.04, 0.06, True), ("broken", 0.09, 0.04, 0.06, False), ("naive", 0.2, np.nan, np.nan, True)]
    table = pd.DataFrame(rows, columns=["claim", "found", "low", "high", "kept"]).assign(experiments=2000)
    show_calibration(table)
    lines = {line.split()[0]: line for line in repr(shown[0]).splitlines() if line}
    assert lines["kept"].endswith("yes") and "4.0% to 6.0%" in lines["kept"]
    assert lines["broken"].endswith("no") and lines["naive"].endswith("nothing promised")
    assert "2,000 experiments" in repr(shown[0])


def test_published_tests_tell_what_was_left_out(shown):
    summary = pd.DataFrame([{"metric": "all", "comparisons": 4, "no_verdict": 1, "ratio_alarms": 0, "decided": 2,
                             "early": 1, "median_saved": 0.4, "overturned": 0, "open_decided": 1, "claimed": 3,
                             "checked": 3, "unconfirmed": 1}])  # fmt: skip
    flaws = pd.DataFrame([{"flaw": "variance missing", "snapshots": 1234, "experiments": 1, "used": False}])
    show_tests(summary, flaws)
    assert "variance missing 1,234 (left out)" in repr(shown[0]) and "40%" in repr(shown[0])
    show_tests(summary, flaws.head(0))
    assert "flaws: none" in repr(shown[1])


def test_adjusting_by_the_past_tells_how_much_narrower(shown):
    rows = [("spent", -1.0, 1.0), ("spent, adjusted by before", -0.5, 0.5)]
    table = pd.DataFrame(rows, columns=["metric", "effect_low", "effect_high"])
    show_narrowing(table.assign(variant="B", effect=0.0, p_value=1.0), {"B": "content"})
    lines = repr(shown[0]).splitlines()
    assert any("as it is" in line and "100%" in line for line in lines)
    assert any("adjusted by the past" in line and " 50%" in line for line in lines)
