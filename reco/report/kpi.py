"""A key figure as one object: value, interval, what it rests on, target. No way of showing it drops the interval.

Kpi(name="Hit rate", value=0.31, low=0.29, high=0.33, n=1982, of="customers", format="percent", better="higher",
    target=0.25, definition="Share of customers who bought something of their list.")
Kpi.counted(name="Orders", value=1460204, definition="Orders in the store, all counted.")
"""

import math
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple

from markupsafe import Markup, escape
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from reco.report.text import Format


class Sign(NamedTuple):
    """How a status looks: kind for the colour, shape and word; each alone tells it."""

    kind: str
    shape: str
    word: str


class Status(Enum):
    """How a figure stands against its target."""

    ON_TARGET = Sign("good", "▲", "On target")
    WATCH = Sign("old", "◆", "Watch")
    ACT = Sign("bad", "■", "Act")
    NOT_ENOUGH = Sign("none", "○", "Not enough data")
    NO_TARGET = Sign("none", "·", "No target")


#: What each status means, in the words that pages give.
MEANINGS = {
    Status.ON_TARGET: "the whole interval reaches the target",
    Status.WATCH: "the target lies inside the interval, or it is missed by less than calls for action",
    Status.ACT: "the whole interval misses the target",
    Status.NOT_ENOUGH: "too few were observed, or no interval could be had",
}


def _plain(value: object) -> object:
    """numpy's scalars as Python's; what is not finite is None."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_plain)]


class Kpi(BaseModel):
    """A figure that somebody decides on.

    Attributes:
        name: as readers see it, the same in every run.
        value: None when there is none to tell.
        low: lower bound of the interval; `high` is the upper one.
        level: level of the interval; None when all was counted, so that chance has no part in the value.
        n: how many `of` it rests on; None when nobody can tell.
        least: n below which there is not enough data.
        format: as in `show.table`: `integer`, `number`, `percent`, `money:USD`; decimals after a colon.
        better: the direction that is hoped for.
        target: the value to reach, or not to pass when lower is better; None without one.
        act_at: a value on the wrong side of the target from which on to act; missing the target less far is to watch.
        definition: what it is, in a sentence.
        simulated: it comes from simulated shoppers.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    value: Number
    low: Number = None
    high: Number = None
    level: Annotated[float, Field(gt=0, lt=1)] | None = 0.95
    n: Annotated[int | None, BeforeValidator(_plain)] = None
    of: str = "observations"
    least: int = 30
    format: str = "number"
    better: Literal["higher", "lower", "neither"] = "neither"
    target: Number = None
    act_at: Number = None
    definition: str = ""
    simulated: bool = False

    @classmethod
    def counted(cls, *, name: str, value: object, **more: Any) -> "Kpi":
        """A figure that counts all there is: its interval is the value itself.

        >>> str(Kpi.counted(name="Orders", value=12, format="integer"))
        'Orders: 12 (counted in full)'
        """
        return cls(name=name, value=value, low=value, high=value, level=None, **{"n": None} | more)

    @model_validator(mode="after")
    def _sound(self) -> "Kpi":
        Format.parse(self.format)
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"{self.name}: the interval {self.low:g} to {self.high:g} is upside down")
        if self.better == "neither" and (self.target, self.act_at) != (None, None):
            raise ValueError(f"{self.name}: a target needs a direction; say whether higher or lower is better")
        if self.act_at is not None and (self.target is None or self._signed(self.act_at) > self._signed(self.target)):
            raise ValueError(f"{self.name}: act_at must lie on the wrong side of the target")
        return self

    def _signed(self, value: float) -> float:
        """`value` so that more is better."""
        return -value if self.better == "lower" else value

    @property
    def full(self) -> bool:
        """Whether all was counted."""
        return self.level is None

    @property
    def enough(self) -> bool:
        """Whether there is a value with an interval that rests on enough."""
        known = None not in (self.value, self.low, self.high)
        return known and (self.full if self.n is None else self.n >= self.least)

    @property
    def status(self) -> Status:
        """How it stands.

        >>> rate = Kpi(name="Rate", value=0.3, low=0.2, high=0.4, n=100, better="higher", target=0.25)
        >>> rate.status.name, rate.model_copy(update={"target": 0.5}).status.name
        ('WATCH', 'ACT')
        """
        if not self.enough:
            return Status.NOT_ENOUGH
        if self.target is None:
            return Status.NO_TARGET
        worst, best = sorted((self._signed(self.low), self._signed(self.high)))
        if worst >= self._signed(self.target):
            return Status.ON_TARGET
        limit = self.target if self.act_at is None else self.act_at
        beyond = best < self._signed(limit) if self.act_at is None else best <= self._signed(limit)
        return Status.ACT if beyond else Status.WATCH

    def said(self, value: float | None) -> str:
        """Any value in the figure's own format."""
        return Format.parse(self.format)(value)

    @property
    def interval(self) -> str:
        """The interval in words.

        >>> Kpi(name="Rate", value=0.3, low=0.2, high=0.4, n=100, format="percent").interval
        '20.0% to 40.0%'
        """
        if self.full:
            return "counted in full"
        if None in (self.low, self.high):
            return "no interval"
        return f"{self.said(self.low)} to {self.said(self.high)}"

    @property
    def basis(self) -> str:
        """What the interval is of and what it rests on, in words; empty for what was counted without more."""
        parts = [] if self.full or None in (self.low, self.high) else [f"{self.level * 100:g}% interval"]
        if self.n is not None:
            parts.append(f"{self.n:,} {self.of}")
        return ", ".join(parts)

    @property
    def aim(self) -> str:
        """The target in words; empty without one."""
        if self.target is None:
            return ""
        return f"target: at {'most' if self.better == 'lower' else 'least'} {self.said(self.target)}"

    @property
    def call(self) -> str:
        """What its status asks of readers, in a sentence; empty where it asks nothing."""
        if self.status not in {Status.ACT, Status.WATCH}:
            return ""
        sign = self.status.value
        simulated = ", simulated" if self.simulated else ""
        return f"{sign.shape} {sign.word}: {self.name} is {self.text}, {self.aim}{simulated}."

    @property
    def text(self) -> str:
        """Value and interval, never one alone."""
        return f"{self.said(self.value)} ({self.interval})"

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"

    def lines(self) -> list[str]:
        """The card in plain text: name, value and interval, what it rests on, status and target."""
        sign = self.status.value
        status = ", ".join(filter(None, [f"{sign.shape} {sign.word}", self.aim]))
        return [
            f"{self.name}{' (simulated)' if self.simulated else ''}",
            "  " + ", ".join(filter(None, [self.text, self.basis])),
            f"  {status}",
        ]

    def html(self, id: str = "", note: str = "", change: str = "", spark: str | Markup = "") -> Markup:
        """The card as a list item.

        Args:
            id: its HTML id; with it the name links to `note`, the id of its definition.
            change: what changed since the last run, in words.
            spark: a drawing of its past.
        """
        sign = self.status.value
        named = Markup('<a href="#{}" role="doc-noteref">{}</a>').format(note, self.name) if note else escape(self.name)
        parts = [
            Markup('<p class="name">{}</p>').format(named),
            Markup('<p class="value">{}</p><p class="interval">{}</p>').format(self.said(self.value), self.interval),
            Markup('<p class="basis">{}</p>').format(self.basis) if self.basis else "",
            Markup('<p class="mark simulated-mark"><span aria-hidden="true">◇</span> Simulated</p>')
            if self.simulated
            else "",
            Markup('<p class="mark"><span class="state {}"><span aria-hidden="true">{}</span> {}</span></p>').format(
                *sign
            ),
            Markup('<p class="aim">{}</p>').format(self.aim.capitalize()) if self.aim else "",
            Markup('<p class="change">{}</p>').format(change) if change else "",
            spark,
        ]
        attribute = Markup(' id="{}"').format(id) if id else ""
        return Markup('<li class="card"{}>{}</li>').format(attribute, Markup("").join(parts))

    def brief(self) -> Markup:
        """The figure as one line of a list: name, value, interval, status where it has a target."""
        sign = self.status.value
        state = Markup(' <span class="state {}"><span aria-hidden="true">{}</span> {}</span>').format(*sign)
        return Markup(
            '<li><span class="name">{}</span> <strong>{}</strong> <span class="interval">({})</span>{}{}</li>'
        ).format(
            self.name,
            self.said(self.value),
            self.interval,
            "" if self.status == Status.NO_TARGET else state,
            Markup(" <em>simulated</em>") if self.simulated else "",
        )


def legend(kpis: list[Kpi]) -> str:
    """What the statuses of some figures mean, in one line; empty when none has a target and all have enough data.

    >>> legend([Kpi.counted(name="Orders", value=12)])
    ''
    """
    met = {kpi.status for kpi in kpis} - {Status.NO_TARGET}
    if not met:
        return ""
    return ". ".join(f"{s.value.shape} {s.value.word}: {MEANINGS[s]}" for s in MEANINGS) + "."
