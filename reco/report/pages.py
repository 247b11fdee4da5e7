"""Pages of a run: one report a notebook, a page that says why there is none, and the index."""

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from reco.notebooks import Parameters
from reco.parameters import covers
from reco.report.changes import Since, since
from reco.report.kpi import Kpi, legend
from reco.report.policy import PLACE, secured
from reco.report.spark import spark
from reco.runs.history import Kept
from reco.runs.record import Entry, Run, State, moment

if TYPE_CHECKING:  # nbconvert takes long to import, and notebooks that show a gallery need none of it
    from reco.report.html import Body

#: Runs that the history on the index lists at most.
LISTED: Final = 10


class LastGood(NamedTuple):
    """The last report of a notebook that can be relied on: where it is, of which run and when, and what it said."""

    link: str
    run: str
    when: datetime | None = None
    headline: str | None = None


class Card(NamedTuple):
    """A figure on a page: its ids, its definition's, and what changed."""

    kpi: Kpi
    id: str
    note: str
    change: str


def report(run: Run, entry: Entry, body: "Body", parameters: type[Parameters], past: Sequence[Kept] = ()) -> str:
    """The page of a notebook that ran to its end; `past` are the runs before, for what changed since."""
    changed = since([kept.run for kept in past], run, entry)
    return render(
        "report.html.j2",
        run=run,
        entry=entry,
        body=body,
        covered=entry.covers or covers(parameters, entry.parameters),
        mark=mark(entry, run),
        cards=cards(entry.kpis, changed),
        legend=legend(entry.kpis),
        since=changed,
    )


def cards(kpis: Sequence[Kpi], changed: Since | None) -> list[Card]:
    """Figures as cards, numbered so that each leads to its definition and back."""
    changes = changed.changes if changed else {}
    return [
        Card(
            kpi,
            f"card-{number}",
            f"definition-{number}" if kpi.definition else "",
            f"Since the last result: {changes[kpi.name].words}." if kpi.name in changes else "",
        )
        for number, kpi in enumerate(kpis, 1)
    ]


def failure(
    run: Run,
    entry: Entry,
    parameters: type[Parameters],
    partial: "Body | None",
    last_good: LastGood | None,
) -> str:
    """The page of a notebook that has nothing new to say: failed, skipped, or without the data it needs."""
    return render(
        "failure.html.j2",
        run=run,
        entry=entry,
        body=partial,
        covered=entry.covers or covers(parameters, entry.parameters),
        mark=mark(entry, run),
        last_good=last_good,
        nothing=entry.outcome.state == State.NOTHING,
    )


class Row(NamedTuple):
    """One notebook on the index; `since` is what changed, when this run executed it; `last_good` if it failed."""

    entry: Entry
    mark: "Mark"
    since: Since | None
    last_good: LastGood | None


class Trend(NamedTuple):
    """One figure over runs: of which report, how it stands, and its past."""

    entry: Entry
    kpi: Kpi
    past: list[Kpi]

    @property
    def spark(self) -> str:
        """The past as a drawing; empty for a single result."""
        return spark(self.past)


class Listed(NamedTuple):
    """One run in the history: link to its index, or None when its pages are gone."""

    run: Run
    link: str | None
    good: int


def index(run: Run, gallery: str | None = None, past: Sequence[Kept] = ()) -> str:
    """The page that leads to all others, and to the `gallery` where that page is there; `past` are the runs before."""
    earlier = [kept.run for kept in past]
    rows = [
        Row(
            entry,
            mark(entry, run),
            since(earlier, run, entry) if entry.run == run.id else None,
            None if entry.outcome.state.good else last_good(entry.name, past),
        )
        for entry in run.notebooks.values()
    ]
    listed = [
        Listed(one, link, sum(entry.outcome.state.good for entry in one.notebooks.values()))
        for one, link in [
            (run, "index.html"),
            *((kept.run, f"../{kept.folder.name}/index.html" if kept.folder else None) for kept in past),
        ][:LISTED]
    ]
    return render(
        "index.html.j2",
        run=run,
        rows=rows,
        failed=[row for row in rows if row.mark.kind == "bad"],
        gallery=gallery,
        trends=trends(run, earlier),
        listed=listed,
        legend=legend([kpi for row in rows for kpi in row.entry.kpis]),
    )


def last_good(name: str, past: Sequence[Kept]) -> LastGood | None:
    """The newest report of a notebook in the runs before whose pages are there."""
    for run, folder in sorted(past, key=lambda kept: kept.run.id, reverse=True):
        entry = run.notebooks.get(name)
        if folder and entry and entry.outcome.state == State.OK and entry.run:
            return LastGood(f"../{folder.name}/{entry.page}", entry.run, moment(entry.run), entry.headline)
    return None


def trends(run: Run, earlier: Sequence[Run]) -> list[Trend]:
    """Every figure of a run with its past, the oldest result first; a result that was carried over counts once."""
    found: dict[tuple[str, str], dict[str, Kpi]] = {}
    for one in sorted([*earlier, run], key=lambda each: each.id):
        for entry in one.notebooks.values():
            for kpi in entry.kpis if entry.run else ():
                found.setdefault((entry.name, kpi.name), {})[entry.run] = kpi
    return [
        Trend(entry, kpi, [past for _, past in sorted(found[entry.name, kpi.name].items())])
        for entry in run.notebooks.values()
        for kpi in (entry.kpis if entry.run else ())
    ]


class Mark(NamedTuple):
    """A state as readers see it: kind for the colour, shape and word."""

    kind: str
    shape: str
    word: str


def mark(entry: Entry, run: Run) -> Mark:
    """The state of a notebook in the view of `run`."""
    state = entry.state
    if state == State.NOTHING:
        return Mark("none", "○", state.words)
    if not state.good:
        return Mark("bad", {State.SKIPPED: "◆", State.CANCELLED: "◇"}.get(state, "■"), state.words)
    if state == State.STALE:
        return Mark("old", "↺", f"{state.words}: carried over from run {entry.run}")
    if entry.run != run.id:
        return Mark("kept", "↺", f"Carried over from run {entry.run}")
    return Mark("good", "●", state.words)


@cache
def environment() -> Environment:
    """Where the templates of reco/report/templates come from; it escapes, and nothing undefined passes."""
    environment = Environment(
        loader=PackageLoader("reco.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = lambda moment: f"{moment:%-d %B %Y, %H:%M} UTC"
    environment.filters["day"] = lambda moment: f"{moment:%-d %B %Y}"
    return environment


def render(name: str, **values: object) -> str:
    """A page from a template of reco/report/templates, with its policy; it escapes, and nothing undefined passes."""
    return secured(environment().get_template(name).render(policy=PLACE, **values))
