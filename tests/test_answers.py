"""The sentences of the notebooks, word for word, on results small enough to check by eye."""

from types import SimpleNamespace

import ibis
import pandas as pd
import pytest

from reco import answers, pipeline
from reco.evaluation import Interval
from reco.impressions import Log
from reco.kpis import TOTAL, Pay
from reco.monitoring import Check
from reco.monitoring.champion import Trial
from reco.monitoring.measured import Challenge
from reco.quality import Sufficiency, sufficiency


def board(*rows: tuple[str, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["title", "ndcg", "ndcg_low", "ndcg_high"])


def rivals(*rows: tuple[str, float, float, float, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["title", "difference", "low", "high", "verdict"])


def test_leader_ahead_and_leader_in_a_tie():
    table = board(("EASE", 0.25, 0.24, 0.26), ("ALS", 0.2, 0.19, 0.21))
    ahead = rivals(("ALS", -0.05, -0.06, -0.04, "worse"), ("Popularity", -0.1, -0.12, -0.08, "worse"))
    tie = rivals(
        ("ALS", -0.01, -0.02, 0.01, "tie"), ("SVD", -0.02, -0.03, 0.0, "tie"), ("k", -0.1, -0.2, -0.05, "worse")
    )
    found = answers.compare_algorithms({"anything": table, "new": table}, {"anything": ahead, "new": tie}, 10)
    assert found == (
        "On anything bought next, EASE leads with NDCG@10 0.250 (0.240 to 0.260), ahead of ALS by 0.050 (0.040 to "
        "0.060). On products new to the customer, EASE leads with NDCG@10 0.250 (0.240 to 0.260), a tie with ALS and "
        "SVD."
    )


def test_what_to_use_comes_first():
    new, repeat = (board((title, 0.25, 0.24, 0.26)) for title in ("EASE", "TIFU-KNN"))
    tie, ahead = rivals(("ALS", -0.01, -0.02, 0.01, "tie")), rivals(("ALS", -0.05, -0.06, -0.04, "worse"))
    found = answers.compare_algorithms({"new": new, "repeat": repeat}, {"new": tie, "repeat": ahead}, 10)
    assert found.startswith(
        "Use EASE or one of its ties to show customers what is new to them, TIFU-KNN for what they buy again. On "
    )


@pytest.mark.parametrize(
    ("verdict", "numbers", "words"),
    [
        ("better", (0.01, 0.005, 0.02), "gains (+0.0100, +0.0050 to +0.0200)"),
        ("tie", (0.001, -0.002, 0.003), "ties (+0.0010, -0.0020 to +0.0030)"),
        ("worse", (-0.01, -0.02, -0.005), "loses (-0.0100, -0.0200 to -0.0050)"),
    ],
)
def test_what_tuning_gains(verdict, numbers, words):
    tuned = pd.DataFrame({"collaborative": [0.7], "content": [0.1], "rules": [0.2], "ndcg": [0.3]})
    table = pd.DataFrame({"model": ["tuned", "default"], "ndcg": [0.31, 0.3]})
    gains = pd.DataFrame([("tuned", *numbers, verdict)], columns=["model", "difference", "low", "high", "verdict"])
    found = answers.blend_hybrid(*({"anything": each, "new": each} for each in (tuned, table, gains)), 10)
    sentence = (
        f"the default blend reaches NDCG@10 0.300, and tuning to 70% collaborative, 10% content, 20% rules {words}"
    )
    assert found == f"On anything bought next, {sentence}; on products new to the customer, {sentence}."


@pytest.mark.parametrize(
    ("verdict", "words"), [("worse", "is ahead of"), ("better", "falls behind"), ("tie", "ties with")]
)
def test_what_a_learned_blend_finds(verdict, words):
    rows = [("EASE", -0.02, -0.03, -0.01, verdict), ("Trending", -0.5, -0.6, -0.4, "worse")]
    beside = pd.DataFrame(rows, columns=["title", "difference", "low", "high", "verdict"])
    told = f"the learned blend {words} the best algorithm alone, EASE (+0.0200, +0.0100 to +0.0300)"
    expected = f"On anything bought next, {told}; on products new to the customer, {told}."
    assert answers.blend_learned({"anything": beside, "new": beside}) == expected


def covered(**numbers: int) -> pd.DataFrame:
    return pd.DataFrame([{"slates": 1000, "full": 900, "empty": 0} | numbers] * 2)


def audited(**numbers: int) -> pd.DataFrame:
    return pd.DataFrame([{"violations": 0, "declared": 0} | numbers] * 3)


def test_slates_that_obey():
    expected = "2,000 slates in 2 contexts: 90.0% are full, and every slate obeys the rules."
    assert answers.fill_contexts(covered(), audited()) == expected


def test_slates_in_which_a_rule_gave_way():
    assert answers.fill_contexts(covered(), audited(declared=5)) == (
        "2,000 slates in 2 contexts: 90.0% are full, and every slate obeys the rules; 15 times a weaker rule gave way "
        "to a stronger one, and the slate says so."
    )


def test_slates_that_do_not():
    assert answers.fill_contexts(covered(empty=3), audited(violations=1)) == (
        "2,000 slates in 2 contexts: 90.0% are full; 6 have nothing to show, and 3 breaches of the rules were found."
    )


PAY = Pay(1234.5, 24690.0, 0.05, 61.725, 500, 2.469)
TOTALS = {"context": TOTAL, "impressions": 20000, "ctr": 0.1, "ctr_low": 0.095, "ctr_high": 0.105}


UNTOLD = "Without a holdout nobody can say how much of it recommendations added."


def report(impressions: int, simulated: bool, **more: object) -> str:
    rated = pd.DataFrame([TOTALS | {"impressions": impressions}])
    verdicts = pd.DataFrame({"verdict": ["on target", "at target", "below target", "on target"]})
    nothing = ibis.memtable(pd.DataFrame({"a": [1]}))
    return answers.report_kpis(rated, verdicts, PAY, Log(nothing, nothing, simulated), "USD", **more)


REPORTED = (
    "20,000 impressions were clicked at 10.0% (9.5% to 10.5%) and are credited with $1,234.50, 5.0% of all revenue "
    "and 2.5 times the assumed cost; 2 of 4 targets are met. "
)


def test_what_recommendations_pay():
    assert report(20000, simulated=False) == REPORTED + UNTOLD


def test_what_moved_names_the_largest_step_whichever_way_it_went():
    rows = [("before", 500.0), ("traffic", 40.0), ("conversion", -140.4), ("order value", 0.4), ("after", 400.0)]
    assert report(20000, simulated=False, moved=pd.DataFrame(rows, columns=["step", "change"])) == (
        f"{REPORTED}The last period is credited with $400, −$100 on the one before, the largest step conversion "
        f"(−$140). {UNTOLD}"
    )


def test_nothing_moved():
    rows = [("before", 500.0), ("traffic", 0.0), ("after", 500.0)]
    found = report(20000, simulated=False, moved=pd.DataFrame(rows, columns=["step", "change"]))
    assert found == f"{REPORTED}The last period is credited with $500, $0 on the one before. {UNTOLD}"


def test_what_a_holdout_says_stands_last():
    found = SimpleNamespace(sentence="against the holdout it is a tie (-1.0% to +3.0%).")
    expected = f"{REPORTED}Against the holdout it is a tie (-1.0% to +3.0%)."
    assert report(20000, simulated=False, found=found) == expected


def test_what_is_simulated_says_so_first():
    assert report(20000, simulated=True) == "Simulated: " + report(20000, simulated=False)


def test_nothing_shown():
    assert report(0, simulated=False) == "No recommendation was shown, so there is nothing to report."
    assert report(0, simulated=True) == "Simulated: No recommendation was shown, so there is nothing to report."


AGE, DRIFT = Check("Weeks since training", 4.0, 4, "due"), Check("Drift of the mix", 0.1234, 0.25, "watch")
FINE, UNKNOWN = Check("Drift of the mix", 0.01, 0.25, "fine"), Check("Accuracy lost", None, 0.1, "not enough data")


@pytest.mark.parametrize(
    ("checks", "sentence"),
    [
        ([AGE, DRIFT], "Retraining is due: weeks since training 4 against a limit of 4."),
        (
            [DRIFT, FINE],
            "Retraining is not due yet, but keep an eye on it: drift of the mix 0.123 against a limit of 0.25.",
        ),
        (
            [FINE, UNKNOWN],
            "Retraining is not due: drift of the mix 0.01 against a limit of 0.25; accuracy lost not enough data.",
        ),
    ],
)
def test_retraining(checks, sentence):
    said = answers.monitor_and_tune(checks, drifted(), challenge(0.002, -0.001, 0.005))
    assert said.startswith(f"{sentence} Nothing drifted beyond its limit (purchase mix, prices paid). ")
    assert said.endswith("to 60% a, 40% b ties: NDCG@10 +0.0020 (-0.0010 to +0.0050) on unseen weeks.")


def drifted(**verdicts: str) -> pd.DataFrame:
    frame = pd.DataFrame({"name": ["purchase mix"] * 2 + ["prices paid"] * 2, "verdict": "fine", "cause": "it rains"})
    return frame.assign(verdict=[verdicts.get(name.split()[0], "fine") for name in frame["name"]])


def challenge(change: float, low: float, high: float, users: int = 500) -> Challenge:
    word = "promote" if low > 0 else "keep" if high < 0 else "tie"
    trial = Trial(0.1, 0.1 + change, Interval(change, low, high), 0.5, users, word, "")
    return Challenge({"a": 0.5, "b": 0.5}, {"a": 0.6, "b": 0.4}, 15, trial, {"metric": "NDCG@10"})


def test_drift_and_tuning_in_the_answer():
    said = answers.monitor_and_tune([FINE], drifted(prices="act"), challenge(0.01, 0.004, 0.016))
    assert "Drifted: prices paid (act), it rains. Tuning the weights to 60% a, 40% b gains: NDCG@10 +0.0100" in said
    said = answers.monitor_and_tune([FINE], drifted(purchase="not enough data"), challenge(-0.01, -0.02, -0.001))
    assert "Nothing drifted beyond its limit (prices paid)." in said and "b loses" in said
    nothing = answers.monitor_and_tune([FINE], drifted().head(0), challenge(0, 0, 0, users=0))
    assert nothing.endswith("Too few data tell of drift. No customer was there to judge tuned weights by.")


@pytest.fixture(scope="module")
def x(wb):
    return pipeline.history(wb, pipeline.periods(wb).test)


def test_what_the_store_holds(wb, x):
    lines = wb.table("order_lines")
    n, products = lines.count().execute(), lines.product_id.nunique().execute()
    assert answers.unify_data(wb, x, sufficiency(x)).startswith(
        f"{n:,} order lines of 300 known customers and {products:,} products, 1 January 2017 to 31 December 2017, give "
        f"{len(x.log):,} interactions with {len(x.items):,} products: "
    )


def test_families_that_lack_data_are_named(wb, x):
    def found(*verdicts: str) -> str:
        checks = [Sufficiency(f"family {n}", "interactions", 1, 1, verdict) for n, verdict in enumerate(verdicts)]
        return answers.unify_data(wb, x, checks)

    assert "products: enough for every family of algorithms." in found("enough", "enough: 60% of 9 items reach it")
    assert "products: too few for family 0 and family 2." in found("too little", "enough", "too little: 3% of 9 items")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([("shopify", "a.csv", 1000, 0, 0)], "Every one of the 1,000 rows read is in the store."),
        (
            [("shopify", "a.csv", 1500, 300, 0), ("ga4", "a.csv", 500, 0, 0)],
            "Of 2,000 rows read, 300 (15.00%) were set aside by a rule.",
        ),
        (  # a file that is read as two raw tables counts once
            [("klaviyo", "a.json", 2000, 300, 3)] * 2,
            "Of 2,000 rows read, 300 (15.00%) were set aside by a rule or refused; 3 of them (0.15% of all) were "
            "refused.",
        ),
    ],
)
def test_rows_set_aside(files, words):
    reading = pd.DataFrame(files, columns=["source", "file", "read", "quarantined", "refused"])
    assert answers._trust(SimpleNamespace(reading=reading)) == words
