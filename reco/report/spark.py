"""A small drawing of a figure's past, with a sentence that stands for it; plain SVG attributes, since pages allow no
style that is not their own."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from reco.report.kpi import Kpi

_WIDTH: Final = 120
_HEIGHT: Final = 28
_EDGE: Final = 4


def spark(past: Sequence[Kpi]) -> Markup:
    """Values of one figure from the oldest to the newest, the band of their intervals behind; empty below two."""
    known = [kpi for kpi in past if kpi.enough]
    if len(known) < 2:
        return Markup()
    lows, highs = ([getattr(kpi, side) for kpi in known] for side in ("low", "high"))
    least, most = min(*lows, *(k.value for k in known)), max(*highs, *(k.value for k in known))
    span = most - least or 1.0
    step = (_WIDTH - 2 * _EDGE) / (len(known) - 1)

    def points(values: Sequence[float]) -> list[str]:
        return [
            f"{_EDGE + place * step:.1f},{_HEIGHT - _EDGE - (value - least) / span * (_HEIGHT - 2 * _EDGE):.1f}"
            for place, value in enumerate(values)
        ]

    line = points([kpi.value for kpi in known])
    band = [*points(lows), *reversed(points(highs))]
    x, y = line[-1].split(",")
    return Markup(
        '<svg class="spark" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}">'
        '<polygon class="band" points="{}"/><polyline class="past" points="{}"/><circle cx="{}" cy="{}" r="2.5"/></svg>'
    ).format(told(known), _WIDTH, _HEIGHT, _WIDTH, _HEIGHT, " ".join(band), " ".join(line), x, y)


def told(past: Sequence[Kpi]) -> str:
    """The past of a figure in words.

    >>> told([Kpi.counted(name="Orders", value=value, format="integer") for value in (3, 9, 5)])
    'Orders in 3 results: first 3, lowest 3, highest 9, now 5'
    """
    first, last = past[0], past[-1]
    values = [kpi.value for kpi in past]
    lowest, highest = last.said(min(values)), last.said(max(values))
    words = f"first {first.said(first.value)}, lowest {lowest}, highest {highest}, now {last.said(last.value)}"
    return f"{last.name} in {len(past)} results: {words}"
