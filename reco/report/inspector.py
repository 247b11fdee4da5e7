"""The inspector as plain tables: what a slate shows, what the rules did to it, what was bought before."""

from collections.abc import Sequence
from typing import Final

import pandas as pd

from reco.columns import Columns
from reco.inspector import Inspection, inspect
from reco.report import display
from reco.report.gallery import shown_of
from reco.report.text import Format
from reco.report.views import as_seen
from reco.widgets import addressed
from reco.widgets.widget import plain
from reco.workbook import Workbook

#: Rows of the history and products of one rule that are shown; the frames of `inspect` hold all.
MOST_BOUGHT: Final = 12
MOST_NAMED: Final = 6


def tables(found: Inspection, id: str = "inspector") -> dict[str, display.Table | display.Note]:
    """What there is to show, by name; the HTML ids of tables begin with `id`."""
    parts = {"Slate": _slate(found), "Rules": _rules(found), "Refused": _refused(found), "History": _history(found)}
    for name, part in parts.items():
        if isinstance(part, display.Table):
            part.id = f"{id}-{name.lower()}"
    return parts


def preview(wb: Workbook, found: Inspection) -> display.Preview | display.Note:
    """The slate as the widget that shoppers see, without a name, or why there is none."""
    if found.slate.empty:
        return display.Note(found.sentence)
    one = {Columns.SLATE: found.context, Columns.CONTEXT: found.context, Columns.CUSTOMER: found.customer}
    products = shown_of(wb, found.slate[Columns.ITEM])
    return as_seen(wb, found.context, found.slate.assign(**one), products, found.beside)


def show(found: Inspection) -> None:
    """Show an inspection as plain tables, for reports and wherever no kernel runs."""
    for one in tables(found).values():
        display.display(one)


def explain(wb: Workbook, customer: str, context: str, until: pd.Timestamp) -> None:
    """Inspect and show, or say that the settings have no such context."""
    if context not in wb.settings.contexts:
        display.note(f"The settings declare no context {context}.")
        return
    found = inspect(wb, customer, context, until)
    display.note(found.sentence)
    show(found)


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
    return display.Table(pd.DataFrame(shown, dtype=object), formats, plain(title), plain(subtitle), note, "")


def _of_rule(swaps: pd.DataFrame, rule: str, way: str) -> str:
    return _listed(swaps.loc[(swaps["rule"] == rule) & (swaps["way"] == way), "title"].tolist())


def _listed(names: Sequence[str]) -> str:
    names = ["no title" if pd.isna(name) else str(name) for name in names]
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return "; ".join(names[:MOST_NAMED]) + more
