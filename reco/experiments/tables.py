"""Tables of tests: those to come, what they found, how they are decided, and whether the methods hold."""

from collections.abc import Mapping

import pandas as pd

from reco.experiments.bayes import beliefs, read_out
from reco.experiments.metrics import Metric, Rate
from reco.experiments.moments import Moments
from reco.experiments.open_bandit import Judged as Estimated
from reco.experiments.outcomes import Decision, Worth
from reco.report import display


def show_plans_ready(plans: pd.DataFrame) -> None:
    """Show the tests of the settings (see `plans.ready`): how large and long each is, and what that finds."""
    level = ", ".join(plans["correction"].unique())
    simulated = plans["basis"].str.contains("simulated").any()
    repeated = plans["test"].duplicated().any()
    frame = plans.assign(
        arms=plans["arms"].str.replace("; ", ", "),
        possible=plans["possible"].map({True: "yes", False: "too long"}),
    )
    lead = ["title", "metric"] if repeated else ["title", "arms", "metric"]
    numbers = ["basis", "baseline", "lift", "units_per_arm", "days", "decided_by", "possible"]
    display.table(
        frame[[*lead, *numbers, "first_days_find", "detectable"]],
        "Tests ready to run" + " (simulated)" * bool(simulated),
        note="Assumed figures come from the settings; replace them before a test starts. The lift is relative, and the "
        "days are those by which it is found with the planned chance, if every day brings as many new customers; those "
        "of the ramp-up come on top.",
        formats={
            "baseline": "number:3",
            "lift": "percent+:0",
            "first_days_find": "percent+:1",
            "detectable": "percent+:1",
        },
        labels={
            "title": "Test",
            "metric": "Decided by" if not repeated else "Metric",
            "basis": "Baseline is",
            "units_per_arm": "Customers per arm",
            "decided_by": "Days set by",
            "possible": "In time",
            "first_days_find": "Found by the least days",
            "detectable": "Found by the least conversions",
        },
        subtitle=f"Arms are compared with the first; {level}",
    )


def show_decision(decision: Decision, names: Mapping[str, str] | None = None, simulated: bool = False) -> None:
    """Show what a test ends in, a line a question; `names` is how readers call the arms."""
    named = names or {}
    shown = "none" if decision.variant is None else named.get(decision.variant, decision.variant)
    lines = {
        "What to do": decision.action,
        "Shown from now on": shown if decision.action != "continue" else "as before",
        "Why": decision.reason,
        "Worth in a month": _worth(decision.worth),
        "Would do as well": ", ".join(named.get(arm, arm) for arm in decision.tied) or "none",
        "Failed checks": ", ".join(decision.failed) or "none",
        "Next test": decision.next_step,
    }
    frame = pd.DataFrame({"question": list(lines), "answer": list(lines.values())})
    title = "The decision, by the rule of the settings" + " (simulated)" * simulated
    display.table(frame, title, labels={"question": "Question", "answer": "Answer"})


def show_bayes(
    metric: Metric,
    moments: Mapping[str, Moments],
    title: str,
    names: Mapping[str, str] | None = None,
    simulated: bool = False,
) -> None:
    """Show the chance of each arm to be the best and what choosing it is expected to lose, beside the tests.

    `title` is how readers call the metric, of which more must be better.
    """
    table = read_out(beliefs(metric, moments))
    kind = "percent:2" if isinstance(metric, Rate) else "number:4"
    display.table(
        table.assign(variant=table["variant"].map(lambda arm: (names or {}).get(arm, arm))),
        f"How likely each arm is the best on {title}" + " (simulated)" * simulated,
        note="Flat priors. It reads the same data another way and never overrules the rule of decision: it does not "
        "allow for looking early.",
        formats={"value": kind, "best": "percent:1", "loss": "percent:3" if isinstance(metric, Rate) else "number:5"},
        labels={"variant": "Arm", "value": title[0].upper() + title[1:], "best": "Chance to be the best",
                "loss": "Expected loss if chosen"},
    )  # fmt: skip


def show_outcomes(
    table: pd.DataFrame, title: str, note: str, titles: Mapping[str, str], names: Mapping[str, str] | None = None
) -> None:
    """Show every metric of every variant (see `Analysis.table`); `titles` and `names` are how readers call both."""
    columns = ["metric", "variant", "value", "control_value", "effect", "relative", "p_value", "p_adjusted", "verdict"]
    bounds = {name: (f"{name}_low", f"{name}_high") for name in ("effect", "relative")}
    display.table(
        _named(table, titles, names)[[*columns, *bounds["effect"], *bounds["relative"]]],
        title,
        note,
        formats={
            **dict.fromkeys(["value", "control_value"], "number:4"),
            "effect": "number+:4",
            "relative": "percent+:1",
            **dict.fromkeys(["p_value", "p_adjusted"], "number:3"),
        },
        labels={"control_value": "Control", "effect": "Difference", "relative": "Lift", "p_value": "p",
                "p_adjusted": "p, adjusted"},
        intervals=bounds,
    )  # fmt: skip


def show_guardrails(table: pd.DataFrame, titles: Mapping[str, str], names: Mapping[str, str] | None = None) -> None:
    """Show what must not get worse (see `Analysis.guardrails`)."""
    display.table(
        _named(table, titles, names),
        "Guardrails",
        "Safe: the whole interval lies above the loss that is allowed. Each is tested at its own level, uncorrected.",
        formats={"relative": "percent+:1", "margin": "percent:0"},
        labels={"metric": "Must not get worse", "relative": "Lift", "margin": "Loss allowed"},
        intervals={"relative": ("relative_low", "relative_high")},
    )


def show_truth(table: pd.DataFrame, titles: Mapping[str, str], names: Mapping[str, str] | None = None) -> None:
    """Show estimates beside what is true (see `simulated.beside`)."""
    frame = _named(table, titles, names)
    display.table(
        frame.assign(covered=frame["covered"].map({True: "yes", False: "no"})),
        "Estimated and true effect (simulated)",
        "True: what all customers together do under each arm, as each of them was shown all three.",
        formats=dict.fromkeys(["effect", "true_effect"], "number+:4"),
        labels={"effect": "Estimated difference", "true_effect": "True difference", "covered": "In the interval"},
        intervals={"effect": ("effect_low", "effect_high")},
    )


def show_cross_check(table: pd.DataFrame, regression: pd.DataFrame, names: Mapping[str, str] | None = None) -> None:
    """Show the first metric's effects beside those of `regression.clustered`."""
    first = table[table["metric"] == table["metric"].iloc[0]]
    ways = {"delta method over customers": first, "regression, errors by customer": regression}
    columns = ["variant", "effect", "effect_low", "effect_high"]
    frame = pd.concat({way: rows[columns] for way, rows in ways.items()}, names=["way"]).reset_index("way")
    display.table(
        frame.assign(variant=frame["variant"].map(lambda arm: (names or {}).get(arm, arm))),
        "The same difference by two roads (simulated)",
        formats={"effect": "number+:5"},
        labels={"way": "By", "effect": "Difference in clicks per impression"},
        intervals={"effect": ("effect_low", "effect_high")},
    )


def show_narrowing(table: pd.DataFrame, names: Mapping[str, str] | None = None) -> None:
    """Show a metric without and with adjustment by the past (two metrics of `Analysis.table`, in this order)."""
    width = table["effect_high"] - table["effect_low"]
    plain = width.groupby(table["variant"]).transform("first")
    kinds = dict(zip(table["metric"].unique(), ("as it is", "adjusted by the past"), strict=True))
    display.table(
        table.assign(
            metric=table["metric"].map(kinds),
            variant=table["variant"].map(lambda arm: (names or {}).get(arm, arm)),
            width=width / plain,
        )[["variant", "metric", "effect", "effect_low", "effect_high", "width", "p_value"]],
        "Total revenue per session, without and with what customers spent before (simulated)",
        formats={"effect": "number+:2", "width": "percent:0", "p_value": "number:3"},
        labels={"metric": "Revenue", "effect": "Difference", "width": "Width of the interval", "p_value": "p"},
        intervals={"effect": ("effect_low", "effect_high")},
    )


def show_estimates(estimated: Estimated) -> None:
    """Show what off-policy estimators say of Thompson sampling beside what it earned."""
    kinds = {
        "ips": "inverse propensity (IPS)",
        "snips": "self-normalized IPS",
        "dm": "click model alone (direct method)",
        "dr": "doubly robust",
        "on-policy": "its own log: what it earned",
    }
    rows, support = estimated.table, estimated.support
    display.table(
        rows.assign(estimator=rows["estimator"].map(kinds).fillna(rows["estimator"])),
        "Click-through rate of Thompson sampling, estimated from the log of random choices",
        f"Of {support.rows:,} rows as many bear on it as {support.effective:,.0f} of equal weight; the largest weight "
        f"is {support.largest:.1f}. The interval of the direct method leaves out the error of its model.",
        formats={"value": "percent:2", "relative": "number:2"},
        labels={"value": "Click-through rate", "relative": "Times that of random choice"},
        intervals={"value": ("value_low", "value_high"), "relative": ("relative_low", "relative_high")},
        subtitle="95% intervals by bootstrap over page views; the last row's by Wilson",
    )


def show_tests(summary: pd.DataFrame, flawed: pd.DataFrame) -> None:
    """Show what became of published tests (see `snapshots.summarize` and `snapshots.flawed`)."""
    told = "; ".join(
        f"{row['flaw']} {row['snapshots']:,} ({'used' if row['used'] else 'left out'})"
        for row in flawed.to_dict("records")
    )
    display.table(
        summary.drop(columns="checked"),
        "Verdicts of the tests by metric",
        f"Snapshots with flaws: {told or 'none'}. The publisher names none of the four metrics; the first is a rate.",
        formats={"median_saved": "percent:0"},
        labels={
            "no_verdict": "No verdict",
            "ratio_alarms": "Sample-ratio alarms",
            "decided": "Decided, O'Brien-Fleming",
            "early": "Before the end",
            "median_saved": "Share of days saved, median",
            "overturned": "Not confirmed at the end",
            "open_decided": "Decided, confidence sequence",
            "claimed": "Claimed by daily peeking",
            "unconfirmed": "Claims not confirmed",
        },
    )


def show_calibration(table: pd.DataFrame) -> None:
    """Show what was promised of the tests and what they kept (see `calibration.calibrate`)."""
    promised = [
        "none" if pd.isna(low) else f"{low:.1%} to {high:.1%}"
        for low, high in zip(table["low"], table["high"], strict=True)
    ]
    kept = ["nothing promised" if pd.isna(low) else "yes" if ok else "no"
            for low, ok in zip(table["low"], table["kept"], strict=True)]  # fmt: skip
    display.table(
        pd.DataFrame({"claim": table["claim"], "found": table["found"], "promised": promised, "kept": kept}),
        "Do the tests keep their promises? (simulated)",
        f"{table['experiments'].iloc[0]:,} experiments each; bands allow for the noise of so many.",
        formats={"found": "percent:1"},
        labels={"claim": "Claim", "found": "Found", "promised": "Promised", "kept": "Kept"},
    )


def _named(table: pd.DataFrame, titles: Mapping[str, str], names: Mapping[str, str] | None) -> pd.DataFrame:
    """The table with metrics and arms as readers call them."""
    return table.assign(
        metric=table["metric"].map(lambda name: titles.get(name, name)),
        variant=table["variant"].map(lambda arm: (names or {}).get(arm, arm)),
    )


def _worth(worth: Worth | None) -> str:
    if worth is None:
        return "cannot be told"
    value, low, high = (f"{amount:+,.0f}".replace("-", "−") for amount in worth[:3])
    return f"{value} {worth.unit} ({low} to {high})"
