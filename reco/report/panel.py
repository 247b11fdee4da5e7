"""The inspector in JupyterLab: pickers of a customer and a context above the tables of what is found."""

from collections.abc import Sequence
from html import escape
from typing import Final

import ipywidgets as widgets
import pandas as pd

from reco.errors import InputError
from reco.inspector import choices, inspect
from reco.pipeline import periods
from reco.report.inspector import preview, tables
from reco.widgets.widget import plain
from reco.workbook import Workbook

#: Tabs of the panel, in order: the slate as shoppers see it, then the tables of what is behind it.
TABS: Final = ("As shoppers see it", "Slate", "Rules", "Refused", "History")


class Panel:
    """Pickers of a customer and a context above what `inspect` finds: the widget and tables; needs a running kernel.

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
            parts = [preview(self.wb, found), *tables(found, "panel").values()]
            self._fill(found.sentence, [one._repr_html_() for one in parts])

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
