"""Pages of a run: one report a notebook, a page that says why there is none, and the index."""

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from reco.notebooks import Parameters
from reco.report.policy import PLACE, secured
from reco.runs.record import Entry, Run, State

if TYPE_CHECKING:  # nbconvert takes long to import, and notebooks that show a gallery need none of it
    from reco.report.html import Body


class LastGood(NamedTuple):
    """The last report of a notebook that can be relied on: where it is, and of which run."""

    link: str
    run: str


class Covered(NamedTuple):
    """One line of “This report covers”."""

    name: str
    meaning: str
    value: str


def report(run: Run, entry: Entry, body: "Body", parameters: type[Parameters]) -> str:
    """The page of a notebook that ran to its end."""
    return render(
        "report.html.j2", run=run, entry=entry, body=body, covered=covers(entry, parameters), mark=mark(entry, run)
    )


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
        covered=covers(entry, parameters),
        mark=mark(entry, run),
        last_good=last_good,
        nothing=entry.outcome.state == State.NOTHING,
    )


def index(run: Run, gallery: str | None = None) -> str:
    """The page that leads to all others, and to the `gallery` where that page is there."""
    rows = [(entry, mark(entry, run)) for entry in run.notebooks.values()]
    return render("index.html.j2", run=run, rows=rows, failed=[e for e, m in rows if m.kind == "bad"], gallery=gallery)


class Mark(NamedTuple):
    """A state as readers see it: kind for the colour, shape and word."""

    kind: str
    shape: str
    word: str


def mark(entry: Entry, run: Run) -> Mark:
    """The state of a notebook in the view of `run`."""
    state = entry.outcome.state
    if state == State.NOTHING:
        return Mark("none", "○", "Nothing to report")
    if state == State.SKIPPED:
        return Mark("bad", "◆", "Skipped")
    if not state.good:
        return Mark("bad", "■", f"Failed: {state}")
    if entry.run != run.id:
        return Mark("old" if entry.outdated else "kept", "↺", f"Carried over from run {entry.run}")
    return Mark("good", "●", "Complete")


def covers(entry: Entry, parameters: type[Parameters]) -> list[Covered]:
    """The parameters of a notebook with their meaning; the settings file stands elsewhere on the page."""
    return [
        Covered(name, field.description or "", str(entry.parameters[name]))
        for name, field in parameters.model_fields.items()
        if name in entry.parameters and name != "config"
    ]


@cache
def _environment() -> Environment:
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
    return secured(_environment().get_template(name).render(policy=PLACE, **values))
