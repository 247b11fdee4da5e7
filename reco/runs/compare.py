"""What differs between two runs: data, code, settings, states, and the figures that notebooks recorded."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from reco.runs.record import Entry, Run

Figures = Mapping[str, Any]


def differences(before: Run, after: Run) -> Iterator[str]:
    """Lines on all that differs, what runs rest on first; one line says so when nothing does."""
    found = [*_grounds(before, after)]
    for name in dict.fromkeys([*before.notebooks, *after.notebooks]):
        own = [*_of_notebook(before.notebooks.get(name), after.notebooks.get(name))]
        found += [name, *(f"  {line}" for line in own)] if own else []
    yield f"From run {before.id} to run {after.id}"
    yield from found or ["Nothing differs."]


def _grounds(before: Run, after: Run) -> Iterator[str]:
    first, second = before.facts, after.facts
    if first.fingerprint != second.fingerprint:
        yield f"data: {first.fingerprint[:12]} → {second.fingerprint[:12]}"
    if (first.commit, first.clean) != (second.commit, second.clean):
        yield f"code: {_commit(before)} → {_commit(after)}"
    for kind, one, other in (
        ("rows", before.rows, after.rows),
        ("version", first.versions, second.versions),
        ("setting", flat(before.settings), flat(after.settings)),
    ):
        for key, was, now in _changed(one, other):
            yield f"{kind} {key}: {_said(was)} → {_said(now)}"


def _commit(run: Run) -> str:
    return f"{(run.facts.commit or 'unknown')[:10]}{' with changes' if run.facts.clean is False else ''}"


def _of_notebook(before: Entry | None, after: Entry | None) -> Iterator[str]:
    if before is None or after is None:
        yield "only in the later run" if before is None else "only in the earlier run"
        return
    if before.state != after.state:
        yield f"state: {before.state} → {after.state}. {after.sentence}"
    for key, was, now in _changed(before.parameters, after.parameters):
        if key != "config":
            yield f"parameter {key}: {_said(was)} → {_said(now)}"
    yield from _key_figures(before, after)
    yield from figures(before.figures, after.figures)


def _key_figures(before: Entry, after: Entry) -> Iterator[str]:
    """A line for each key figure of both that differs, with the interval of the difference."""
    from reco.report.changes import change  # which uses this module

    known = {kpi.name: kpi for kpi in before.kpis}
    for kpi in after.kpis:
        if kpi.name in known and kpi != known[kpi.name]:
            yield f"{kpi.name}: {known[kpi.name].text} → {kpi.text}, {change(known[kpi.name], kpi).words}"


def figures(before: Figures, after: Figures) -> Iterator[str]:
    """A line for each figure that differs; `x_low` and `x_high` are the interval of `x` and stand beside it.

    Sums in another order differ in their last digits; that is no difference. Two values each inside the other's
    interval are called a tie. That is no test: the same customers are in both runs.

    >>> list(figures({"a": 1.0, "a_low": 0.8, "a_high": 1.3}, {"a": 1.1, "a_low": 0.9, "a_high": 1.4}))
    ['a: 1 (0.8 to 1.3) → 1.1 (0.9 to 1.4), +0.1 (+10.0 %), a tie']
    """
    bounds = {f"{name}_{side}" for name in {**before, **after} for side in ("low", "high")}
    for key, was, now in _changed(before, after):
        if key in bounds:
            continue
        one, other = _interval(before, key), _interval(after, key)
        line = f"{key}: {_said(was)}{_shown(one)} → {_said(now)}{_shown(other)}"
        if _number(was) and _number(now):
            relative = f" ({(now - was) / abs(was):+.1%})".replace("%", " %") if was else ""
            line += f", {now - was:+.4g}{relative}"
            if one and other and one[0] <= now <= one[1] and other[0] <= was <= other[1]:
                line += ", a tie"
        yield line


def flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested settings by dotted name.

    >>> flat({"a": {"b": 1, "c": {}}, "d": [2]})
    {'a.b': 1, 'a.c': {}, 'd': [2]}
    """
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= flat(value, f"{before}{key}.") if isinstance(value, dict) and value else {f"{before}{key}": value}
    return found


def _changed(before: Figures, after: Figures) -> Iterator[tuple[str, Any, Any]]:
    for key in dict.fromkeys([*before, *after]):
        was, now = before.get(key), after.get(key)
        sums = isinstance(was, float) and isinstance(now, float)
        if was != now and not (sums and math.isclose(was, now, rel_tol=1e-9)):
            yield key, was, now


def _interval(found: Figures, key: str) -> tuple[float, float] | None:
    low, high = found.get(f"{key}_low"), found.get(f"{key}_high")
    return (low, high) if _number(low) and _number(high) else None


def _shown(interval: tuple[float, float] | None) -> str:
    return f" ({interval[0]:.4g} to {interval[1]:.4g})" if interval else ""


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _said(value: object) -> str:
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
