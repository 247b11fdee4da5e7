"""Mistakes in the tests and the rule of the settings are blamed on their line and key."""

import re
from pathlib import Path

import pytest

from reco.errors import InputError
from reco.settings import load

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = (ROOT / "workbook.yaml").read_text()


def section(name: str) -> str:
    """One section of the default settings, as it stands."""
    return re.search(rf"^{name}:.*?(?=^\w)", DEFAULT, re.MULTILINE | re.DOTALL)[0]


#: A smaller file is read sooner.
SHORT = "".join(section(name) for name in ("store", "sources", "contexts", "experiments", "kpis"))


@pytest.fixture
def written(tmp_path):
    def write(old: str = "", new: str = ""):
        assert SHORT.count(old), f"{old!r} is not in the default settings"
        (tmp_path / "workbook.yaml").write_text(SHORT.replace(old, new, 1))
        return load(tmp_path / "workbook.yaml").experiments

    return write


def test_the_four_tests_of_the_requirement_are_ready():
    tests = load(ROOT / "workbook.yaml").experiments.tests
    assert {key: test.metrics for key, test in tests.items()} == {
        "algorithm": ["ctr", "conversion", "revenue_per_session"],
        "display_format": ["ctr", "scroll_depth", "time_to_click"],
        "placement": ["viewability", "ctr", "primary_action"],
        "volume": ["ctr_total", "ctr", "conversion"],
    }
    assert all(list(test.arms) == ["A", "B", "C"] and test.control == "A" for test in tests.values())
    assert all(sum(test.shares.values()) == pytest.approx(1) for test in tests.values())


def test_a_section_with_a_log_alone_is_enough(written):
    found = written(SHORT[SHORT.index("  metrics:    ") : SHORT.index("kpis:")])
    assert (found.control, found.tests, found.decision.min_days, found.holdout) == ("random", {}, 14, 0)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("      control: A", "      control: D", "control: D",
         "tests.algorithm.control: expected one of the arms A, B, C, found 'D'$"),
        ("similar products}", "similar products, share: 0.2}", "arms:",
         "tests.algorithm.arms: expected shares in all arms or in none, which add up to 1, found 0.2 in 1 of 3$"),
        ("{name: Hybrid, shows: both combined}", "{name: Hybrid}", "C: {name: Hybrid", "tests.algorithm.arms.C.shows: "
         "this key is missing"),
        ("        B: {name: Content", "        a : {name: Content", "arms:",
         "tests.algorithm.arms: A, a, C are too alike"),
        ("metrics: [ctr, conversion, revenue", "metrics: [ctr, conversions, revenue", "metrics: [ctr, conversions",
         "tests.algorithm.metrics: no such metric; expected one of ctr, ctr_total, .*, found 'conversions'$"),
        ("metrics: [ctr, conversion, revenue", "metrics: [ctr, ctr, revenue", "metrics: [ctr, ctr",
         "tests.algorithm.metrics: expected each once, found ctr, ctr, revenue_per_session$"),
        ("guardrails: {revenue_per_session: 0.05}", "guardrails: {revenue: 0.05}", "guardrails: {revenue",
         "tests.algorithm.guardrails: no such metric; .*, found 'revenue'$"),
        ("guardrails: {revenue_per_session: 0.05}", "guardrails: {time_to_click: 0.05}", "guardrails: {time",
         "tests.algorithm.guardrails: expected metrics of which more is better, found 'time_to_click'$"),
        ("guardrails: {revenue_per_session: 0.05}", "guardrails: {revenue_per_session: 1}", "guardrails: {revenue",
         "tests.algorithm.guardrails.revenue_per_session: Input should be less than 1, found 1$"),
        ("lift: 0.10", "lift: 0", "lift: 0", "tests.algorithm.lift: Input should be greater than 0, found 0$"),
        ("ramp_up: {0: 0.1, 1: 0.5", "ramp_up: {0: 0.6, 1: 0.5", "ramp_up:",
         "tests.algorithm.ramp_up: expected shares that never fall"),
        ("ramp_up: {0: 0.1, 1: 0.5, 2", "ramp_up: {1: 0.1, 3: 0.5, 5", "ramp_up:",
         "tests.algorithm.ramp_up: expected a share from day 0"),
        ("slot: [0, 0.34]", "slot: [0, 0.5]", "slot: [0.34", "tests.placement.slot: it overlaps that of display_format "
         "in layer 'presentation'"),
        ("slot: [0, 0.34]", "slot: [0.34, 0]", "slot: [0.34, 0]", "tests.display_format.slot: expected a part"),
        ("layer: presentation ", "salt: x ", "slot: [0, 0.34", "tests.display_format.slot: 0 to 0.34 is a part of "
         "no layer$"),
        ("      control: A", "      salt: volume\n      control: A", "    volume:",
         "tests.volume: expected a salt of its own, found that of algorithm$"),
        ("context: product_page\n      arms", "context: checkout\n      arms", "context: checkout",
         "tests.algorithm.context: no such context; expected one of product_page, .*, found 'checkout'$"),
        ("total: clicks, per: impressions,", "any: clicks, total: clicks,", "    ctr: ",
         "metrics.ctr: expected either any or total$"),
        ("any: ordered,", "any: ordered, sd: 1,", "    conversion: ",
         "metrics.conversion: expected neither per nor sd"),
        ("any: ordered, counts: customers who order, baseline: 0.05",
         "any: ordered, counts: customers who order, baseline: 5", "    conversion: ",
         "metrics.conversion.baseline: expected a rate below 1, found 5$"),
        ("baseline: 0.10, sd: 0.15", "baseline: 0.10", "    ctr: ", "metrics.ctr: expected an sd beside the baseline"),
        ("conversions: conversion ", "conversions: ctr ", "    conversions: ",
         "decision.conversions: expected a rate among metrics \\(conversion, primary_action\\), found 'ctr'$"),
        ("max_days: 90", "max_days: 9", "max_days: 9",
         "decision.max_days: expected at least the 14 of min_days, found 9$"),
        ("worth: 0.01", "worth: 1", "worth: 1", "decision.worth: Input should be less than 1, found 1$"),
        ("looks: sequential", "looks: daily", "looks: daily",
         "decision.looks: Input should be 'sequential', 'open' or 'fixed', found 'daily'$"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line_and_key(written, tmp_path, old, new, line, message):
    with pytest.raises(InputError) as caught:
        written(old, new)
    lines = (tmp_path / "workbook.yaml").read_text().splitlines()
    number = next(at for at, text in enumerate(lines, 1) if line in text)
    assert re.search(f"^workbook.yaml:{number}: experiments.{message}", str(caught.value), re.MULTILINE), caught.value
