"""Tables of tests to come and of how they are decided."""

from collections.abc import Mapping

import pandas as pd

from reco.experiments.bayes import beliefs, read_out
from reco.experiments.metrics import Metric, Rate
from reco.experiments.moments import Moments
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
        "As good": ", ".join(named.get(arm, arm) for arm in decision.tied) or "none",
        "Failed checks": ", ".join(decision.failed) or "none",
        "Next test": decision.next_step,
    }
    frame = pd.DataFrame({"question": list(lines), "answer": list(lines.values())})
    title = "The decision, by the rule of the settings" + " (simulated)" * simulated
    display.table(frame, title, labels={"question": "", "answer": " "}, note=decision.sentence)


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


def _worth(worth: Worth | None) -> str:
    if worth is None:
        return "cannot be told"
    value, low, high = (f"{amount:+,.0f}".replace("-", "−") for amount in worth[:3])
    return f"{value} {worth.unit} ({low} to {high})"
