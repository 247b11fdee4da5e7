"""What notebooks call to show an answer, a table, a picture or a caution: plain text and clean HTML of each.

    from reco.report import display as show

    show.headline(f"EASE finds {hits:.1%} of what customers buy next")
    show.table(leaderboard, "Ten algorithms, one test period", formats={"ndcg": "number"})
    show.figure(fig, alt="EASE leads at every list length", caption="NDCG by list length")

All text is escaped: product titles and campaign names come from other people.
"""

import io
import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from numbers import Integral, Real
from typing import Any

import css_inline
import matplotlib as mpl
import pandas as pd
from great_tables import GT
from IPython.display import display
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from reco.report import ACTIONS, CARDS, DATA, HAIR, INK, PALETTE, PAPER, PREVIEW, QUIET, RECORD
from reco.report.kpi import Kpi
from reco.report.privacy import hidden
from reco.report.text import MISSING, Format, label, plain_table


def style() -> None:
    """Set matplotlib to the look of the reports; importing this module does it once."""
    mpl.rcParams.update(
        {
            "figure.figsize": (7.2, 3.8),
            "figure.facecolor": PAPER,
            "figure.constrained_layout.use": True,
            "axes.facecolor": "none",
            "axes.edgecolor": HAIR,
            "axes.labelcolor": QUIET,
            "axes.titlecolor": INK,
            "axes.titlelocation": "left",
            "axes.titlesize": "medium",
            "axes.titleweight": "bold",
            "axes.labelsize": "small",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": mpl.cycler(color=PALETTE),
            "axes.axisbelow": True,
            "text.color": INK,
            "xtick.color": HAIR,
            "ytick.color": HAIR,
            "xtick.labelcolor": QUIET,
            "ytick.labelcolor": QUIET,
            "xtick.labelsize": "small",
            "ytick.labelsize": "small",
            "grid.color": HAIR,
            "grid.linewidth": 0.6,
            "lines.linewidth": 1.8,
            "legend.frameon": False,
            "legend.fontsize": "small",
            "errorbar.capsize": 0,
            "font.family": ["sans-serif"],
            "font.sans-serif": ["DejaVu Sans", "Verdana"],  # as wide as one another, so that what is drawn fits
            "svg.fonttype": "none",  # letters as letters: a third of the size of paths
            "svg.hashsalt": "reco",
        }
    )


class Headline:
    """The sentence that answers the notebook's question."""

    def __init__(self, text: str) -> None:
        self.text = " ".join(text.split())

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f'<p class="headline">{escape(self.text)}</p>'


class Note:
    """A remark beside a result; `kind` is its class in HTML, `lead` the word it opens with."""

    def __init__(self, text: str, kind: str = "note", lead: str = "") -> None:
        self.text, self.kind, self.lead = " ".join(text.split()), kind, lead

    def __repr__(self) -> str:
        return f"{self.lead}: {self.text}" if self.lead else self.text

    def _repr_html_(self) -> str:
        lead = f"<strong>{escape(self.lead)}:</strong> " if self.lead else ""
        return f'<p class="{self.kind}">{lead}{escape(self.text)}</p>'


class Listing:
    """Lines to copy, such as settings."""

    def __init__(self, text: str) -> None:
        self.text = text.rstrip("\n")

    def __repr__(self) -> str:
        return self.text

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.text)}</pre>"


class Table:
    """A table as it is read: cells are formatted text, `formats` says what each column holds."""

    def __init__(
        self,
        cells: pd.DataFrame,
        formats: Mapping[str, Format],
        title: str,
        subtitle: str | None,
        note: str | None,
        id: str,
        rest: "Table | None" = None,
    ) -> None:
        self.cells, self.formats = cells, formats
        self.title, self.subtitle, self.note, self.id = title, subtitle, note, id
        self.rest = rest

    @property
    def numeric(self) -> set[str]:
        """The columns that align right."""
        return {column for column in self.cells if self.formats[column].numeric}

    def __repr__(self) -> str:
        shown = plain_table(self.cells, self.numeric, self.title, self.subtitle, self.note)
        return f"{shown}\n\n{self.rest!r}" if self.rest else shown

    def _repr_html_(self) -> str:
        first = self.cells.columns[0]
        rows_have_names = first not in self.numeric and self.cells.shape[1] > 1
        table = GT(self.cells, id=self.id, rowname_col=first if rows_have_names else None)
        if rows_have_names:
            table = table.tab_stubhead(label=first)
        dates = [column for column in self.cells if self.formats[column].kind == "date"]
        table = table.cols_align("left").cols_align("right", [*self.numeric]).cols_align("center", dates)
        if self.note:
            table = table.tab_source_note(self.note)
        words = f"<strong>{escape(self.title)}</strong>"
        if self.subtitle:
            words += f'<span class="subtitle" style="display:block">{escape(self.subtitle)}</span>'
        # it stands on the page's own ground, which is dark in a dark JupyterLab, and not on the table's
        colour = "var(--jp-content-font-color1,inherit)"
        caption = f'<caption style="text-align:left;color:{colour}">{words}</caption>'
        html = table.as_raw_html().replace("<thead>", f"{caption}<thead>", 1)
        if self.rest is None:
            return html
        folded = f'<details class="data"><summary>More columns</summary>{self.rest._repr_html_()}</details>'
        return html + folded


class Picture:
    """A figure as SVG, with the sentence that stands for it where it cannot be seen, and the table behind it."""

    def __init__(self, svg: str, alt: str, caption: str | None, data: Table | None = None) -> None:
        self.svg, self.alt, self.caption, self.data = svg, alt, caption, data

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, **_: object) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
        words = {"alt": self.alt} | ({"caption": self.caption} if self.caption else {})
        behind = {DATA: self.data._repr_html_()} if self.data else {}
        return {"image/svg+xml": self.svg, "text/plain": self.alt} | behind, {"image/svg+xml": words}


class Preview:
    """HTML as a shopper would see it, with its own look: styles are inlined, and nothing in its frame runs."""

    def __init__(self, html: str, title: str) -> None:
        self.html = css_inline.inline(html, load_remote_stylesheets=False, resolve_css_variables=True)
        self.title = title

    def __repr__(self) -> str:
        return self.title

    def _repr_html_(self) -> str:
        return (
            f'<iframe sandbox title="{escape(self.title)}" srcdoc="{escape(self.html)}" '
            f'style="width:100%;height:20rem;border:1px solid {HAIR};background:{PAPER}"></iframe>'
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {PREVIEW: self.html, "text/html": self._repr_html_(), "text/plain": self.title}


class Cards:
    """Key figures, each with its interval and status; `CARDS` holds them for the record of the run."""

    def __init__(self, kpis: Sequence[Kpi]) -> None:
        self.kpis = list(kpis)

    def __repr__(self) -> str:
        return "\n".join(line for kpi in self.kpis for line in kpi.lines())

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        cards = "".join(kpi.html() for kpi in self.kpis)
        html = f'<ul class="cards">{cards}</ul>'
        return {CARDS: [kpi.model_dump(mode="json") for kpi in self.kpis], "text/html": html, "text/plain": repr(self)}


class Actions:
    """What readers are told to do."""

    def __init__(self, sentences: Sequence[str]) -> None:
        self.sentences = [" ".join(sentence.split()) for sentence in sentences]

    def __repr__(self) -> str:
        return "\n".join(f"- {sentence}" for sentence in self.sentences)

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in self.sentences)
        return {ACTIONS: self.sentences, "text/html": f'<ul class="actions">{items}</ul>', "text/plain": repr(self)}


class Record:
    """Decisive figures by name, for tests, the index and comparisons between runs."""

    def __init__(self, figures: Mapping[str, object]) -> None:
        self.figures = {name: _plain(name, value) for name, value in figures.items()}

    def __repr__(self) -> str:
        return "\n".join(
            f"{name}: {f'{value:.6g}' if isinstance(value, float) else value}" for name, value in self.figures.items()
        )

    def _repr_mimebundle_(self, **_: object) -> dict[str, object]:
        return {RECORD: self.figures, "text/plain": repr(self)}


def headline(text: str) -> None:
    """Show the sentence that answers the notebook's question; call it in the first result cell."""
    display(Headline(text))


def note(text: str) -> None:
    """Show a remark beside a result."""
    display(Note(text))


def listing(text: str) -> None:
    """Show lines to copy, such as settings, as they are."""
    display(Listing(text))


def simulated(
    text: str = "views and clicks come from simulated shoppers, not from customers. Read these numbers as an "
    "illustration.",
) -> None:
    """Show the banner that must stand beside every number from a simulation."""
    display(Note(text, kind="simulated", lead="Simulated"))


def origin(is_simulated: bool) -> None:
    """Say where impressions and clicks come from: the banner of `simulated`, or that they are the store's own."""
    if is_simulated:
        simulated()
    else:
        note("Impressions and clicks are the store's own log.")


def table(
    frame: pd.DataFrame,
    title: str,
    note: str | None = None,
    formats: Mapping[str, str] | None = None,
    id: str | None = None,
    labels: Mapping[str, str] | None = None,
    subtitle: str | None = None,
    intervals: Mapping[str, tuple[str, str]] | None = None,
    rest: Sequence[str] = (),
) -> None:
    """Show `frame` as a table; a named index becomes its first column.

    Args:
        frame: one row a line, columns in the order shown.
        title: what the table says; `subtitle` says what the data are; `note` stands below.
        formats: `integer`, `number`, `percent`, `money:USD`, `date` or `text` by column; a `+` after the word
            shows the sign, a number after a colon sets the decimals (`percent+:2`, `money:USD:0`). Columns left
            out are shown by their type.
        id: HTML id, unique in the notebook; made from the title when left out.
        labels: heading by column; made from the column's name when left out.
        intervals: by column, the two columns that hold its bounds: shown in one cell, as
            `0.123 (0.115 to 0.131)`.
        rest: columns that decide less, shown beside the first one in a table that is folded under this one.

    Of groups of fewer than ten customers (rows of a column “Customers”, “Users” and the like), no number is shown.

    Raises `ValueError` for a format that is not known, `KeyError` for a column that the frame does not have.
    """
    display(_table(frame, title, note, formats, id, labels, subtitle, intervals, rest))


def _table(
    frame: pd.DataFrame,
    title: str,
    note: str | None = None,
    formats: Mapping[str, str] | None = None,
    id: str | None = None,
    labels: Mapping[str, str] | None = None,
    subtitle: str | None = None,
    intervals: Mapping[str, tuple[str, str]] | None = None,
    rest: Sequence[str] = (),
) -> Table:
    """What `table` shows."""
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    formats, labels, intervals = dict(formats or {}), dict(labels or {}), dict(intervals or {})
    bounds = {bound for pair in intervals.values() for bound in pair}
    for column in [*formats, *labels, *intervals, *bounds, *rest]:
        if column not in frame.columns:
            raise KeyError(f"table {title!r} has no column {column!r}; it has {', '.join(map(str, frame.columns))}")
    shown: dict[str, list[str]] = {}
    kinds: dict[str, Format] = {}
    for column in [name for name in frame.columns if name not in bounds]:
        form = Format.parse(formats[column]) if column in formats else Format.of(frame[column])
        cells = [form(value) for value in frame[column]]
        if column in intervals:
            low, high = ([form(value) for value in frame[bound]] for bound in intervals[column])
            cells = [
                cell if MISSING in (cell, a, b) else f"{cell} ({a} to {b})"
                for cell, a, b in zip(cells, low, high, strict=True)
            ]
        heading = labels.get(column) or label(str(column))
        if heading in shown:
            raise ValueError(f"table {title!r} has two columns that read {heading!r}")
        shown[heading], kinds[heading] = cells, form
    numeric = {heading for heading, form in kinds.items() if form.numeric}
    values = frame[[column for column in frame.columns if column not in bounds]].set_axis([*shown], axis=1)
    shown = hidden(shown, numeric, values)
    slug = id or "table-" + re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    cells, later = pd.DataFrame(shown, dtype=object), [labels.get(column) or label(str(column)) for column in rest]
    if not later:
        return Table(cells, kinds, title, subtitle, note, slug)
    folded = Table(cells[[cells.columns[0], *later]], kinds, f"{title}: more columns", subtitle, None, f"{slug}-more")
    return Table(cells.drop(columns=later), kinds, title, subtitle, note, slug, folded)


def figure(fig: Figure, alt: str, caption: str | None = None, data: pd.DataFrame | None = None, **options: Any) -> None:
    """Show a matplotlib figure as SVG and close it; the same figure gives the same bytes.

    `alt` says what the picture shows to those who do not see it, `caption` stands below it. The report folds `data`,
    the numbers that are drawn, under the picture as a table; `options` are those of `table`, `title` among them.
    Raises `ValueError` without `alt`.
    """
    if not alt.strip():
        raise ValueError("a figure needs alt text: one sentence that says what it shows")
    with io.StringIO() as stream:
        fig.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
        svg = stream.getvalue()
    plt.close(fig)
    behind = None if data is None else _table(data, **{"title": "Data of the picture"} | options)
    display(Picture(svg[svg.index("<svg") :], " ".join(alt.split()), caption, behind))


def preview(html: str, title: str) -> None:
    """Show HTML as a shopper would see it; `title` says what it is.

    Styles are inlined. Nothing in it runs: the notebook shows it in a sandboxed frame, the report keeps an allow-list
    of tags and styles.
    """
    display(Preview(html, title))


def record(**figures: object) -> None:
    """Record the notebook's decisive figures by name; call it once, in the last cell.

    Values are numbers, text, booleans or None; numpy's scalars are turned into Python's. Raises `TypeError` for
    anything else.
    """
    display(Record(figures))


def cards(kpis: Sequence[Kpi]) -> None:
    """Show three to five key figures as cards; the report puts them under the headline, the run keeps them.

    Call it once, after the headline. Raises `ValueError` for another number of cards, and for two of one name.
    """
    if not 3 <= len(kpis) <= 5:
        raise ValueError(f"three to five cards tell what matters, found {len(kpis)}")
    names = [kpi.name for kpi in kpis]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two cards have the same name: {', '.join(sorted(twice))}")
    display(Cards(kpis))


def actions(sentences: Sequence[str]) -> None:
    """Show what to do, a sentence each; the report puts it after the cards. Nothing is shown when there is none."""
    if sentences:
        display(Actions(sentences))


def _plain(name: str, value: object) -> Any:
    """`value` as what JSON knows; not-a-number and infinity become None."""
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    raise TypeError(f"cannot record {name!r}: expected a number or text, found {type(value).__name__}")


style()
