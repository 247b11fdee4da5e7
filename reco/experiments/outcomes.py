"""What a decision says: in a sentence, what it is worth in a month, and which test comes next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Final, Literal, NamedTuple

import pandas as pd

from reco.experiments.analysis import Analysis
from reco.experiments.design import Arms, Plan, Spread, plan, unit_sd
from reco.experiments.metrics import Metric, Rate
from reco.settings import Rule

#: Days of a month.
MONTH: Final = 30
Action = Literal["ship", "keep", "continue", "stop"]


class Reading(NamedTuple):
    """How the metric that decides is read.

    Attributes:
        title: how readers call it.
        better: whether higher or lower values are an improvement.
        counts: what its total counts, `money` or a word such as clicks; None where a total means nothing.
        currency: of money.
        lift: smallest relative improvement worth finding, which the next test is planned for.
        power: chance to find it.
        correction: how the next test corrects for several arms, as `plan` takes it.
    """

    title: str
    better: Literal["higher", "lower"] = "higher"
    counts: str | None = None
    currency: str = ""
    lift: float = 0.1
    power: float = 0.8
    correction: Arms = "dunnett"


class Progress(NamedTuple):
    """How far a test is: days of data so far, days planned, and conversions by arm, None where none are counted."""

    days: float
    planned_days: float
    conversions: Mapping[str, float] | None = None


class Worth(NamedTuple):
    """What a variant is worth in a month of the test's traffic, if all of it saw the variant, with its interval."""

    value: float
    low: float
    high: float
    unit: str


class Arm(NamedTuple):
    """What is known of one variant, turned so that more is better; bounds are infinite while nothing can be told."""

    verdict: str
    effect: float
    low: float
    high: float
    relative: float
    relative_low: float
    relative_high: float
    guard: str = "safe"


class Decision(NamedTuple):
    """What to do with a test.

    Attributes:
        action: `ship` a variant, `keep` the control, `continue`, or `stop` before the end.
        variant: the arm that is shown from now on; None while the test goes on or where checks failed.
        reason: why, in a few words, the same for every such case.
        sentence: all of it for people who read nothing else.
        worth: in a month, of the variant that ships or comes nearest to it; None where nothing can be said.
        next_test: its plan; None while the test goes on.
        next_step: what the next test should be, in words.
        failed: the checks that failed.
        tied: variants that would ship, too, and that the test cannot tell from the one that does.
    """

    action: Action
    variant: str | None
    reason: str
    sentence: str
    worth: Worth | None = None
    next_test: Plan | None = None
    next_step: str = ""
    failed: tuple[str, ...] = ()
    tied: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """A test that is to be decided, and how its outcome is told."""

    analysis: Analysis
    rule: Rule
    metric: Metric
    control: str
    progress: Progress
    reading: Reading
    names: dict[str, str] = field(default_factory=dict)

    @property
    def rows(self) -> pd.DataFrame:
        """The metric that decides, by variant."""
        return self.analysis.table[self.analysis.table["metric"] == self.metric.name]

    @property
    def correction(self) -> str:
        """How false wins are held down, in words."""
        rivals = len(self.analysis.moments) - 1
        looks = {"sequential": "O'Brien-Fleming limits over the looks", "open": "confidence sequence over all looks"}
        family = "Dunnett" if self.rule.looks == "fixed" else "Bonferroni"
        parts = [looks.get(self.rule.looks, "one look"), f"{family} over {rivals} variants" if rivals > 1 else ""]
        return ", ".join(filter(None, parts))

    def broken(self, failed: Sequence[str]) -> Decision:
        """Checks failed: no effect is told."""
        step = "Find the cause, mend it, and run the same test again with new customers in its arms (another salt)."
        sentence = f"Stop and fix first: the test failed {_listed(failed, 'check')}, so its numbers mean nothing."
        return Decision("stop", None, "checks failed", sentence, next_step=step, failed=tuple(failed))

    def shipped(self, reason: str, fit: Mapping[str, Arm], arms: Mapping[str, Arm], out: Sequence[str]) -> Decision:
        """The best of those that may ship does."""
        best = max(fit, key=lambda name: fit[name].effect)
        tied = tuple(name for name in fit if name != best and not self._apart(best, name))
        won, other = fit[best], self.name(self.control)
        verb = "beats" if won.verdict == "better" else "ties with"
        also = (
            f" {_listed([self.name(n) for n in tied])} would do, too: the test cannot tell them apart." if tied else ""
        )
        worth = self.worth(won)
        sentence = (
            f"Ship {self.name(best)}: it {verb} {other} on {self.reading.title} by {self.size(won)}{_told(worth)}."
            f"{also}{self._out(out, arms)}"
        )
        following, level = self.following(best, 2), self.reading.lift
        step = f"{self.name(best)} becomes the control; {_needs(following, level)}"
        return Decision("ship", best, reason, sentence, worth, following, step, tied=tied)

    def kept(self, reason: str, arms: Mapping[str, Arm], early: bool = False) -> Decision:
        """The control stays."""
        nearest = max(arms, key=lambda name: (arms[name].guard != "harmed", arms[name].effect))
        one, named, other = arms[nearest], self.name(nearest), self.name(self.control)
        following = self.following(self.control, len(arms) + 1)
        finds = self.could_find(following)
        could = (
            ""
            if finds is None
            else f" It could have found {_percent(finds)} with a chance of {self.reading.power:.0%}."
        )
        told = f"{named} against {other} on {self.reading.title}: {self.size(one)}{_told(self.worth(one))}."
        broke = [name for name, arm in arms.items() if arm.guard == "harmed"]
        fewest = min((self.progress.conversions or {"": 0}).values())
        why = {
            "tie": f"no variant is better on {self.reading.title}; the nearest, {told}{could}",
            "worse": f"every variant is worse; the least bad, {told}",
            "guardrail broken": f"{_listed([self.name(n) for n in broke])} broke a guardrail"
            + ("." if len(broke) == len(arms) else ", and the others are worse.")
            + self._guards(broke),
            "guardrail not shown to hold": f"a better variant is not shown to keep the guardrails. {told}",
            "better by too little": f"the gain is smaller than the {_percent(self.rule.worth)} that it must be. {told}",
            "too few conversions": f"after {self.progress.days:g} days the poorest arm has {fewest:,.0f} of "
            f"{self.rule.min_conversions:,} conversions, and {self.rule.max_days} days will not bring the rest.",
        }[reason]
        opening = f"Stop, and keep {other}" if early else f"Keep {other}"
        again = finds is not None and finds > self.reading.lift
        step = {
            "guardrail not shown to hold": "the same test on more customers, until the guardrail is told; ",
            "too few conversions": "a test with fewer arms, or where more customers come by; ",
        }.get(reason, "the same test, larger; " if reason == "tie" and again else "another, bolder variant; ")
        step = step[0].upper() + step[1:] + _needs(following, self.reading.lift)
        return Decision("stop" if early else "keep", self.control, reason, f"{opening}: {why}", self.worth(one),
                        following, step)  # fmt: skip

    def going_on(self, ahead: Mapping[str, Arm], arms: Mapping[str, Arm], out: Sequence[str], left: float) -> Decision:
        """The test goes on."""
        wait = (
            f"for another {left:,.0f} {'day' if left == 1 else 'days'}"
            if isfinite(left)
            else "until conversions come in"
        )
        leader = max(arms, key=lambda name: (name not in out, arms[name].effect))
        one = arms[leader]
        if ahead:
            best = max(ahead, key=lambda name: ahead[name].effect)
            one, leader = ahead[best], best
            reason, so_far = "ahead, not all asked for is there", f"{self.name(best)} is ahead by {self.size(one)}"
        elif isfinite(one.low):
            other = self.name(self.control)
            so_far = f"{self.name(leader)} against {other} stands at {self.size(one)}, which decides nothing"
            reason = "undecided"
        else:
            reason, so_far = "undecided", "it is too early for any effect to be told"
        sentence = f"Continue {wait}: {so_far}.{self._out(out, arms)}"
        return Decision("continue", None, reason, sentence, self.worth(one), next_step="The test that is running.")

    def name(self, arm: str) -> str:
        """How readers call an arm."""
        return self.names.get(arm, arm)

    def size(self, arm: Arm) -> str:
        """An effect with its interval and the correction behind it; relative where the control is known well enough."""
        relative = isfinite(arm.relative) and isfinite(arm.relative_low) and isfinite(arm.relative_high)
        values = (arm.relative, arm.relative_low, arm.relative_high) if relative else (arm.effect, arm.low, arm.high)
        if not isfinite(arm.low):
            return f"{_percent(arm.relative) if isfinite(arm.relative) else _plain(arm.effect)} (no interval yet)"
        value, low, high = map(_percent if relative else _plain, values)
        return f"{value} ({self.rule.confidence:.0%} interval {low} to {high}; {self.correction})"

    def worth(self, arm: Arm) -> Worth | None:
        """The effect over a month of the traffic of all arms."""
        if self.reading.counts is None or not isfinite(arm.low):
            return None
        below = None if isinstance(self.metric, Rate) else self.metric.quotient.below
        sizes = (m.n if below is None else m.total(below) for m in self.analysis.moments.values())
        month = sum(sizes) / self.progress.days * MONTH
        unit = self.reading.currency if self.reading.counts == "money" else self.reading.counts
        return Worth(month * arm.effect, month * arm.low, month * arm.high, unit)

    def following(self, arm: str, variants: int) -> Plan | None:
        """Plan of a test against `arm` at the traffic of this one; None where it has no baseline to plan from."""
        moments = self.analysis.moments
        m, units = moments[arm], sum(one.n for one in moments.values())
        value = self.metric.values(m, m)[0]
        sd = None if isinstance(self.metric, Rate) else unit_sd(self.metric, m)
        if not 0 < value < inf or (value * (1 + self.reading.lift) >= 1 if sd is None else not sd > 0):
            return None
        conversions = sum((self.progress.conversions or {}).values())
        return plan(
            value,
            self.reading.lift,
            self.reading.power,
            variants,
            units / self.progress.days,
            1 - self.rule.confidence,
            sd=sd,
            correction=self.reading.correction,
            conversion_rate=conversions / units if conversions else None,
            min_days=self.rule.min_days,
            min_conversions=self.rule.min_conversions,
        )

    def could_find(self, like: Plan | None) -> float | None:
        """Relative improvement that this test, at its size, finds with the reading's power."""
        if like is None:
            return None
        moments = self.analysis.moments
        base = moments[self.control]
        fewest = min(m.n for name, m in moments.items() if name != self.control)
        sd = None if isinstance(self.metric, Rate) else unit_sd(self.metric, base)
        spread = Spread(self.metric.values(base, base)[0], sd, fewest / base.n, like.alpha)
        found = spread.mde(base.n, self.reading.power)
        return found if isfinite(found) else None

    def _apart(self, one: str, other: str) -> bool:
        """Whether the test tells two variants apart."""
        moments = self.analysis.moments
        found = self.metric.compare(moments[one], moments[other], self.rule.confidence)
        return bool(found.effect_low > 0 or found.effect_high < 0)

    def _out(self, out: Sequence[str], arms: Mapping[str, Arm]) -> str:
        """Which variants have lost already."""
        broke = [name for name in out if arms[name].guard == "harmed"]
        lost = [name for name in out if name not in broke]
        told = f" {_listed([self.name(n) for n in lost])} lost to {self.name(self.control)}: take out." if lost else ""
        return told + (f" {_listed([self.name(n) for n in broke])} broke a guardrail: take out." if broke else "")

    def _guards(self, broke: Sequence[str]) -> str:
        """The guardrails that are broken, in numbers."""
        rows = self.analysis.guardrails
        if not broke:
            return ""
        rows = rows[rows["variant"].isin(broke) & (rows["verdict"] == "harmed")]
        return "".join(
            f" {self.name(row['variant'])} on {row['metric']}: {_percent(row['relative'])}, at best "
            f"{_percent(row['relative_high'])}, where {_percent(-row['margin'])} was allowed."
            for row in rows.to_dict("records")
        )


def _needs(following: Plan | None, lift: float) -> str:
    if following is None:
        return "its size cannot be told from this one."
    return (
        f"to find an improvement of {_percent(lift)} a test needs {following.units_per_arm:,} units in each arm and "
        f"{following.days:,} days."
    )


def _told(worth: Worth | None) -> str:
    if worth is None:
        return ""
    digits = 0 if max(abs(worth.low), abs(worth.high)) >= 10 else 2
    value, low, high = (f"{amount:+,.{digits}f}".replace("-", "−") for amount in worth[:3])
    return f", in a month {value} {worth.unit} ({low} to {high})"


def _percent(share: float) -> str:
    return f"{share:+.1%}".replace("-", "−")


def _plain(value: float) -> str:
    return f"{value:+.4g}".replace("-", "−")


def _listed(names: Sequence[str], kind: str = "") -> str:
    """Names in a row.

    >>> _listed(["A", "B", "C"]), _listed(["sample ratio"], "check")
    ('A, B and C', 'the check sample ratio')
    """
    listed = " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
    return f"the {kind}{'s' * (len(names) > 1)} {listed}" if kind else listed
