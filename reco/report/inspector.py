"""The inspector as readers see it: plain tables where nothing runs, pickers above the same tables in JupyterLab."""

from collections.abc import Sequence
from html import escape
from typing import Final

import ipywidgets as widgets
import pandas as pd

from reco.errors import InputError
from reco.inspector import Inspection, choices, inspect
from reco.pipeline import periods
from reco.report import display
from reco.report.text import Format
from reco.widgets import addressed
from reco.widgets.widget import plain
from reco.workbook import Workbook

#: Rows of the history and products of one rule that are shown; the frames of `inspect` hold all.
MOST_BOUGHT: Final = 12
MOST_NAMED: Final = 6

#: Tabs of the panel, in order.
TABS: Final = ("Slate", "Rules", "Refused", "History")


def tables(found: Inspection) -> dict[str, display.Table | display.Note]:
    """What there is to show, by tab."""
    return {"Slate": _slate(found), "Rules": _rules(found), "Refused": _refused(found), "History": _history(found)}


def show(found: Inspection) -> None:
    """Show an inspection as plain tables, for reports and wherever no kernel runs."""
    for one in tables(found).values():
        display.display(one)


def _slate(found: Inspection) -> display.Table | display.Note:
    if found.slate.empty:
        return display.Note(found.sentence)
    frame = found.slate
    cells = {
        "Product": frame["title"],
        "Category": frame["category"],
        "Price band": frame["price_band"],
        "Under": [addressed(title, None) for title in frame["strategy"]],
        "Because": frame["reason"],
        "Explored": frame["explored"].map({True: "yes", False: ""}),
    }
    beside = list(found.beside)
    more = f" and {len(beside) - 3} more" if len(beside) > 3 else ""
    stands = f"Beside {'; '.join(beside[:3])}{more}" if beside else "Beside nothing: the context knows its customer"
    note = "Explored: drawn among the products that the rules allow, so that something new can be learned of them."
    return _table(cells, f"{found.title}: what is shown", stands, note)


def _rules(found: Inspection) -> display.Table:
    frame = found.rules
    cells = {
        "Rule": frame["title"],
        "Refused": frame["removed"],
        "Places moved": frame["moved"],
        "Gave way": frame["gave_way"].map({True: "yes", False: ""}),
        "Would come without it": [_of_rule(found.swaps, rule, "comes") for rule in frame["rule"]],
        "Would go": [_of_rule(found.swaps, rule, "goes") for rule in frame["rule"]],
    }
    note = (
        "What would be shown without a rule is tried with exploration off; consent and the reset are not tried out. "
        "A rule that refuses much may change nothing, where others refuse the same."
    )
    return _table(cells, f"{found.title}: what each rule did", "From the strongest rule to the weakest", note)


def _refused(found: Inspection) -> display.Table | display.Note:
    if found.refused.empty:
        return display.Note("No rule refused any product that the strategies propose.")
    titles = dict(zip(found.rules["rule"], found.rules["title"], strict=True))
    by_rule = {kind: part["title"].tolist() for kind, part in found.refused.groupby("rule", sort=False)}
    cells = {
        "Rule": [titles[kind] for kind in by_rule],
        "Products": [len(names) for names in by_rule.values()],
        "Which": [_listed(names) for names in by_rule.values()],
    }
    return _table(cells, f"{found.title}: what rules refused", "The best proposals first; a product may be in two rows")


def _history(found: Inspection) -> display.Table:
    frame = found.history.head(MOST_BOUGHT)
    cells = {
        "Product": frame["title"],
        "Category": frame["category"],
        "Orders": frame["orders"],
        "Last bought, days ago": frame["days_ago"],
    }
    left = len(found.history) - len(frame)
    note = f"{left:,} products more." if left else None
    return _table(
        cells, f"{found.customer}: bought before", f"{found.orders:,} orders; the latest products first", note
    )


def _table(cells: dict[str, Sequence], title: str, subtitle: str, note: str | None = None) -> display.Table:
    frame = pd.DataFrame({name: pd.Series(list(values)) for name, values in cells.items()})
    formats = {name: Format.of(frame[name]) for name in frame}
    shown = {name: [plain(formats[name](value)) for value in frame[name]] for name in frame}
    id = "inspector-" + title.rpartition(": ")[2].replace(" ", "-")
    return display.Table(pd.DataFrame(shown, dtype=object), formats, plain(title), plain(subtitle), note, id)


def _of_rule(swaps: pd.DataFrame, rule: str, way: str) -> str:
    return _listed(swaps.loc[(swaps["rule"] == rule) & (swaps["way"] == way), "title"].tolist())


def _listed(names: Sequence[str]) -> str:
    names = ["no title" if pd.isna(name) else str(name) for name in names]
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return "; ".join(names[:MOST_NAMED]) + more


class Panel:
    """Pickers of a customer and a context above the tables of what `inspect` finds; needs a running kernel.

    Attributes:
        customer: picks one of `choices`.
        id: takes any customer's id instead, when Enter is pressed; it is in no table.
        context: picks a context.
        said: the sentence, or what was wrong with the id.
        tabs: HTML of each of `TABS`.
    """

    def __init__(self, wb: Workbook, until: pd.Timestamp | None = None) -> None:
        self.wb, self.until = wb, periods(wb).end if until is None else until
        known = choices(wb, self.until)
        wide = {"style": {"description_width": "7em"}, "layout": {"width": "36em"}}
        options = list(zip(known["words"], known["customer_id"], strict=True))
        contexts = [(plain(one.title), name) for name, one in wb.settings.contexts.items()]
        self.customer = widgets.Dropdown(options=options, description="Customer", **wide)
        self.id = widgets.Text(
            description="or by id", placeholder="an id of the store, then Enter", continuous_update=False, **wide
        )
        self.context = widgets.Dropdown(options=contexts, description="Context", **wide)
        self.said = widgets.HTML()
        self.tabs = widgets.Tab([widgets.HTML() for _ in TABS], titles=TABS)
        self.box = widgets.VBox([self.customer, self.id, self.context, self.said, self.tabs])
        for one in (self.customer, self.id, self.context):
            one.observe(self._changed, "value")
        self.refresh()

    def refresh(self) -> None:
        """Inspect what is picked and show it; the tables are empty where there is no such customer."""
        context = self.wb.settings.contexts[self.context.value].title
        self.said.value = f"<p>Looking at {escape(plain(context))} …</p>"
        try:
            found = inspect(self.wb, self.id.value.strip() or self.customer.value, self.context.value, self.until)
        except InputError as error:
            self._fill(f"Nothing to show: {error}.", [""] * len(TABS))
        else:
            self._fill(found.sentence, [one._repr_html_() for one in tables(found).values()])

    def _changed(self, change: dict) -> None:
        if change["owner"] is self.customer and self.id.value:
            self.id.value = ""  # which refreshes
        else:
            self.refresh()

    def _fill(self, sentence: str, parts: Sequence[str]) -> None:
        self.said.value = f"<p><strong>{escape(sentence)}</strong></p>"
        for tab, html in zip(self.tabs.children, parts, strict=True):
            tab.value = html


def panel(wb: Workbook, until: pd.Timestamp | None = None) -> widgets.VBox:
    """The panel as the last value of a cell: pick a customer and a context, and read why the slate is as it is."""
    return Panel(wb, until).box
