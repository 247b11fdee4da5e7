"""The section `experiments`: a log to analyze, what tests are judged by, those to come, and the rule that ends them."""

from itertools import combinations
from typing import Annotated, Literal

from pydantic import Field, model_validator

from reco.settings.base import AnySource, Count, Rate, Section, Share

Inside = Annotated[float, Field(gt=0, lt=1)]


class Goal(Section):
    """What a test can be judged by, as columns of a log of exposures and outcomes.

    Exactly one of `any` (share of units with the outcome), or `total` (per unit, or with `per` per total of another
    column). `counts` is what the total counts, so that a month's worth can be told: `money`, or a word such as clicks.
    `baseline` and `sd` are assumed in plans where no log tells; the sd is that between units, for a ratio of
    (x − r·d) / d̄.
    """

    title: str
    any: str | None = None
    total: str | None = None
    per: str | None = None
    better: Literal["higher", "lower"] = "higher"
    counts: str | None = None
    baseline: Rate | None = None
    sd: Rate | None = None

    @model_validator(mode="after")
    def _one_form(self) -> "Goal":
        if (self.any is None) == (self.total is None):
            raise ValueError("expected either any or total")
        if self.any is not None and (self.per is not None or self.sd is not None):
            raise ValueError("expected neither per nor sd beside any: a rate has its own")
        if self.any is not None and self.baseline is not None and self.baseline >= 1:
            raise ValueError(f"baseline: expected a rate below 1, found {self.baseline:g}")
        if self.total is not None and self.baseline is not None and self.sd is None:
            raise ValueError("expected an sd beside the baseline of a total")
        return self


class Arm(Section):
    """One arm of a test: its name, what shoppers in it see, and its share of the units, equal where no arm has one."""

    name: str
    shows: str
    share: Inside | None = None


class PlannedTest(Section):
    """A test that is ready to run.

    `metrics` are in preferred order, and the first decides; `guardrails` must not lose more than their margin,
    relative to the control. Units of `unit` are assigned by `salt` (the test's key if left out). Tests that share a
    `layer` take `slot`s of it that do not overlap, and never meet. `ramp_up` gives by day, the first being 0, the
    share of units that may enter from then on. `lift` is the smallest relative change worth finding; `baseline`, `sd`
    and `daily_units` replace what the log or the metric says. `min_days` and `min_conversions` are the rule's where
    left out.
    """

    title: str
    context: str | None = None
    arms: dict[str, Arm] = Field(min_length=2)
    control: str
    metrics: list[str] = Field(min_length=1)
    guardrails: dict[str, Inside] = Field(default_factory=dict)
    unit: str = "customer_id"
    lift: Inside = 0.1
    power: Annotated[float, Field(ge=0.5, lt=1)] = 0.8
    correction: Literal["sidak", "dunnett", "none"] = "dunnett"
    baseline: Rate | None = None
    sd: Rate | None = None
    daily_units: Rate | None = None
    salt: Annotated[str, Field(min_length=1)] | None = None
    layer: str | None = None
    slot: tuple[Share, Share] = (0.0, 1.0)
    ramp_up: dict[Annotated[int, Field(ge=0)], Annotated[float, Field(gt=0, le=1)]] = Field(default_factory=dict)
    min_days: Count | None = None
    min_conversions: Count | None = None

    @property
    def shares(self) -> dict[str, float]:
        """Share of the units by arm."""
        return {key: arm.share or 1 / len(self.arms) for key, arm in self.arms.items()}

    @model_validator(mode="after")
    def _arms_agree(self) -> "PlannedTest":
        if self.control not in self.arms:
            raise ValueError(f"control: expected one of the arms {', '.join(self.arms)}, found {self.control!r}")
        given = [arm.share for arm in self.arms.values() if arm.share is not None]
        if given and (len(given) < len(self.arms) or abs(sum(given) - 1) > 1e-6):
            found = f"{sum(given):g}" + f" in {len(given)} of {len(self.arms)}" * (len(given) < len(self.arms))
            raise ValueError(f"arms: expected shares in all arms or in none, which add up to 1, found {found}")
        if len({arm.strip().casefold() for arm in self.arms}) < len(self.arms):
            raise ValueError(f"arms: {', '.join(self.arms)} are too alike to be told apart")
        if len(set(self.metrics)) < len(self.metrics):
            raise ValueError(f"metrics: expected each once, found {', '.join(self.metrics)}")
        return self

    @model_validator(mode="after")
    def _entry_agrees(self) -> "PlannedTest":
        low, high = self.slot
        if low >= high:
            raise ValueError(f"slot: expected a part of 0 to 1, found {low:g} to {high:g}")
        if self.slot != (0.0, 1.0) and self.layer is None:
            raise ValueError(f"slot: {low:g} to {high:g} is a part of no layer")
        shares = [self.ramp_up[day] for day in sorted(self.ramp_up)]
        if shares != sorted(shares):
            raise ValueError(f"ramp_up: expected shares that never fall, found {shares}")
        if self.ramp_up and 0 not in self.ramp_up:
            raise ValueError("ramp_up: expected a share from day 0")
        return self


class Rule(Section):
    """When a test ends and how: fixed before its data.

    Attributes:
        confidence: one minus the chance of any false win of a test over all its variants and looks.
        looks: `sequential` (O'Brien-Fleming limits until the planned end), `open` (a confidence sequence, no planned
            end) or `fixed` (one look, at the planned end).
        min_days, min_conversions: no variant is shipped earlier, nor with fewer conversions in any arm.
        conversions: the metric, a rate, whose hits are counted as conversions.
        max_days: a test that cannot end by then is stopped.
        worth: relative improvement of the first metric below which a better variant is not worth shipping.
        ties: what becomes of a tie at the end: the control is kept, or the variant shipped where it is shown to lose
            less than `tie_margin`.
    """

    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    looks: Literal["sequential", "open", "fixed"] = "sequential"
    min_days: Count = 14
    min_conversions: Count = 500
    conversions: str | None = None
    max_days: Count = 90
    worth: Annotated[float, Field(ge=0, lt=1)] = 0.0
    ties: Literal["keep", "ship"] = "keep"
    tie_margin: Inside = 0.02

    @model_validator(mode="after")
    def _days_agree(self) -> "Rule":
        if self.max_days < self.min_days:
            raise ValueError(f"max_days: expected at least the {self.min_days} of min_days, found {self.max_days}")
        return self


class Experiments(Section):
    """The log of a real experiment that notebook 05 analyzes (any source that fills `impressions`), and tests to come.

    `holdout` is the share of units that no test ever touches. `daily_units`, how many new ones come by each day, is
    an assumption where no log tells, as is a `baseline` of `metrics`.
    """

    title: str
    source: AnySource
    control: str
    metrics: dict[str, Goal] = Field(default_factory=dict)
    tests: dict[str, PlannedTest] = Field(default_factory=dict)
    decision: Rule = Rule()
    holdout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    daily_units: Rate = 2000

    @model_validator(mode="after")
    def _metrics_are_known(self) -> "Experiments":
        known = f"expected one of {', '.join(self.metrics) or 'none, as the section metrics is empty'}"
        for key, test in self.tests.items():
            for place, names in (("metrics", test.metrics), ("guardrails", test.guardrails)):
                for name in names:
                    if name not in self.metrics:
                        raise ValueError(f"tests.{key}.{place}: no such metric; {known}, found {name!r}")
            for name in test.guardrails:
                if self.metrics[name].better == "lower":
                    expected = "expected metrics of which more is better"
                    raise ValueError(f"tests.{key}.guardrails: {expected}, found {name!r}")
        if (name := self.decision.conversions) is None:
            return self
        if name not in self.metrics or self.metrics[name].any is None:
            rates = ", ".join(key for key, goal in self.metrics.items() if goal.any) or "none"
            raise ValueError(f"decision.conversions: expected a rate among metrics ({rates}), found {name!r}")
        return self

    @model_validator(mode="after")
    def _first_metrics_can_be_planned(self) -> "Experiments":
        for key, test in self.tests.items():
            goal = self.metrics[test.metrics[0]]
            if goal.any is not None and test.sd is not None:
                raise ValueError(f"tests.{key}.sd: {test.metrics[0]} is a rate, which has its own")
            if goal.any is not None and (test.baseline or 0) >= 1:
                raise ValueError(f"tests.{key}.baseline: expected a rate below 1, found {test.baseline:g}")
        return self

    @model_validator(mode="after")
    def _slots_do_not_meet(self) -> "Experiments":
        salts: dict[str, str] = {}
        for key, test in self.tests.items():
            if (other := salts.setdefault(test.salt or key, key)) != key:
                raise ValueError(f"tests.{key}: expected a salt of its own, found that of {other}")
        for (key, one), (name, other) in combinations(self.tests.items(), 2):
            meet = max(one.slot[0], other.slot[0]) < min(one.slot[1], other.slot[1])
            if one.layer is not None and one.layer == other.layer and meet:
                raise ValueError(f"tests.{name}.slot: it overlaps that of {key} in layer {one.layer!r}")
        return self
