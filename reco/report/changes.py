"""What changed since an earlier run: differences of key figures with intervals, and what lay behind them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from reco.report.kpi import Kpi
from reco.report.text import Format, scrub
from reco.runs.compare import flat
from reco.runs.record import Entry, Run, State, moment

#: Settings that are named at most; the rest is counted.
_MOST = 5


class Change(NamedTuple):
    """One figure in two runs.

    Attributes:
        verdict: `better`, `worse`, `up`, `down`, `tie`, `same`, or `not compared`.
        difference: after less before, `low` to `high` its interval; None where they are not compared.
        why: why they are not compared.
    """

    before: Kpi
    after: Kpi
    verdict: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    why: str = ""

    @property
    def moved(self) -> bool:
        """Whether it moved by more than noise."""
        return self.verdict in {"better", "worse", "up", "down"}

    @property
    def words(self) -> str:
        """The change in words, with its interval.

        >>> before = Kpi(name="Rate", value=0.30, low=0.28, high=0.32, n=900, format="percent", better="higher")
        >>> change(before, before.model_copy(update={"value": 0.36, "low": 0.34, "high": 0.38})).words
        'up 6.00 points (3.17 to 8.83): better'
        """
        if self.verdict == "not compared":
            return f"not compared: {self.why}"
        if self.verdict == "same":
            return "as before"
        form = Format.parse(self.after.format)
        finer = form._replace(decimals=form.decimals + 1) if form.kind in {"number", "percent"} else form
        shown = [finer(value).removesuffix("%") for value in (abs(self.difference), self.low, self.high)]
        points = " points" if form.kind == "percent" else ""
        interval = "" if self.low == self.high else f" ({shown[1]} to {shown[2]})"
        verdict = "" if self.verdict in {"up", "down"} else f": {'a tie' if self.verdict == 'tie' else self.verdict}"
        return f"{'up' if self.difference > 0 else 'down'} {shown[0]}{points}{interval}{verdict}"


def change(before: Kpi, after: Kpi) -> Change:
    """A figure of two runs compared.

    The interval takes the two as independent and adds the squares of their half widths, each side by its own
    (Newcombe 1998, Statistics in Medicine 17, method 10). On the same customers in both runs it is wider than it
    need be: what it calls a move is one, what it calls a tie may be a small move.
    """
    if why := _incomparable(before, after):
        return Change(before, after, "not compared", why=why)
    difference = after.value - before.value
    down = math.hypot(max(after.value - after.low, 0), max(before.high - before.value, 0))
    up = math.hypot(max(after.high - after.value, 0), max(before.value - before.low, 0))
    low, high = difference - down, difference + up
    if (before.value, before.low, before.high) == (after.value, after.low, after.high):
        verdict = "same"
    elif low <= 0 <= high:
        verdict = "tie"
    elif after.better == "neither":
        verdict = "up" if difference > 0 else "down"
    else:
        verdict = "better" if (difference > 0) == (after.better == "higher") else "worse"
    return Change(before, after, verdict, difference, low, high)


def _incomparable(before: Kpi, after: Kpi) -> str:
    """Why two figures cannot be compared; empty when they can."""
    if before.simulated != after.simulated:
        return "one of the two is simulated"
    if (before.format, before.definition) != (after.format, after.definition):
        return "it was defined in another way"
    if before.full != after.full or before.level != after.level:
        return "its interval was made in another way"
    if not (before.enough and after.enough):
        return "not enough data in one of the two"
    return ""


class Since(NamedTuple):
    """What changed for one report since the run before.

    Attributes:
        run: id of the earlier run; `when` it started.
        changes: figures that both runs have, by name.
        new: names that only the later run has; `gone` those that only the earlier has.
        causes: what differs in what the two rest on, a line each, by kind: data, parameters, settings, code, versions.
        headline: the earlier headline, where the later is another.
    """

    run: str
    when: datetime | None
    changes: dict[str, Change]
    new: list[str]
    gone: list[str]
    causes: dict[str, list[str]]
    headline: str | None = None

    @property
    def moved(self) -> list[Change]:
        """What moved by more than noise."""
        return [one for one in self.changes.values() if one.moved]

    @property
    def summary(self) -> str:
        """How many figures moved, in a sentence."""
        ties = sum(one.verdict in {"tie", "same"} for one in self.changes.values())
        if not self.changes:
            return "The earlier run kept none of these figures."
        if not self.moved:
            return "No key figure moved by more than noise." if ties else "No key figure could be compared."
        return f"{len(self.moved)} of {len(self.changes)} key figures moved by more than noise."

    @property
    def reason(self) -> str:
        """What can be said of the cause, in a sentence."""
        if not self.causes:
            return "Nothing that is on record differs between the two runs: data, parameters, settings, code, versions."
        if len(self.causes) > 1:
            kinds = list(self.causes)
            listed = f"{', '.join(kinds[:-1])} and {kinds[-1]}"
            return f"Between the two runs {listed} changed, so no single one can be named as the cause."
        return f"Between the two runs only the {next(iter(self.causes))} changed."


def since(earlier: Sequence[Run], run: Run, entry: Entry) -> Since | None:
    """What changed for an entry of `run` since the newest of the `earlier` runs that has another result of it.

    `earlier` may come in any order. None when no run has one, or when the entry has nothing to compare.
    """
    if entry.outcome.state != State.OK:
        return None
    kept = {one.id: one for one in earlier}
    found = [
        (known.run, one, known)
        for one in earlier
        if one.id < run.id
        and (known := one.notebooks.get(entry.name))
        and known.outcome.state == State.OK
        and known.run
        and known.run < entry.run
    ]
    if not found:
        return None
    _, carrier, known = max(found, key=lambda each: each[0])
    own = kept.get(known.run, carrier)
    before, after = ({kpi.name: kpi for kpi in one.kpis} for one in (known, entry))
    return Since(
        run=known.run,
        when=moment(known.run),
        changes={name: change(before[name], after[name]) for name in after if name in before},
        new=[name for name in after if name not in before] if before else [],
        gone=[name for name in before if name not in after],
        causes=dict(causes(own, run, known, entry)),
        headline=known.headline if known.headline != entry.headline else None,
    )


def causes(before: Run, after: Run, known: Entry, entry: Entry) -> Iterator[tuple[str, list[str]]]:
    """What two results of a notebook rest on and differ in: a kind, and a line for each difference."""
    first, second = before.facts, after.facts
    if first.fingerprint != second.fingerprint:
        rows = [f"{table.replace('_', ' ')}: {was} → {now}" for table, was, now in _moved(before.rows, after.rows)]
        yield "data", rows or ["other raw files, as many rows as before"]
    kinds: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
        ("parameters", _without_config(known.parameters), _without_config(entry.parameters)),
        ("settings", flat(before.settings), flat(after.settings)),
    ]
    for kind, one, other in kinds:
        if lines := [f"{key}: {was} → {now}" for key, was, now in _moved(one, other)]:
            rest = len(lines) - _MOST
            yield kind, lines[:_MOST] + ([f"and {rest} more"] if rest > 0 else [])
    if first.commit != second.commit:
        yield "code", [f"{_commit(before)} → {_commit(after)}"]
    elif first.commit and False in (first.clean, second.clean):
        yield "code", [f"commit {second.commit[:10]} with changes that are not committed"]
    if lines := [f"{key}: {was} → {now}" for key, was, now in _moved(first.versions, second.versions)]:
        yield "versions", lines


def _without_config(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameters.items() if key != "config"}


def _moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for key in dict.fromkeys([*before, *after]):
        was, now = before.get(key), after.get(key)
        if was != now:
            yield key, _said(was), _said(now)


def _said(value: object) -> str:
    text = "none" if value is None else f"{value:,}" if type(value) is int else scrub(str(value))
    return text if len(text) <= 60 else f"{text[:57]}…"


def _commit(run: Run) -> str:
    return f"{(run.facts.commit or 'unknown')[:10]}{' with changes' if run.facts.clean is False else ''}"
