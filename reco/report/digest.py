"""The digest of a run for people's inboxes: what each report says, its key figures, and the way there."""

from typing import Final

import css_inline

from reco.report.pages import environment, mark
from reco.runs.record import Entry, Run

#: Key figures of a report that a digest shows.
MOST: Final = 5


def digest(run: Run, subject: str, link: str | None) -> str:
    """The digest as HTML for mail programs: tables, styles in attributes, nothing to load.

    `link` is the address of the run's folder, without which nothing in it leads anywhere. All text is escaped.
    """
    rows = [(entry, mark(entry, run), answer(entry), figures(entry)) for entry in run.notebooks.values()]
    html = environment().get_template("digest.html.j2").render(run=run, subject=subject, rows=rows, link=link)
    return css_inline.inline(html, load_remote_stylesheets=False)


def answer(entry: Entry) -> str:
    """What a report says, or why it says nothing, in a sentence."""
    if entry.state == "ok":
        return entry.headline or "up to date"
    return f"{entry.state}. {entry.sentence}"


def figures(entry: Entry) -> list[str]:
    """The key figures of a report that is up to date, each with its interval and its status in words."""
    if entry.state != "ok":
        return []
    return [f"{kpi.status.value.shape} {kpi} – {kpi.status.value.word}" for kpi in entry.kpis[:MOST]]
