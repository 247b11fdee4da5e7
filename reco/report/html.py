"""An executed notebook as the body of a page: results and prose, code folded away, nothing from outside."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from bs4 import BeautifulSoup, Tag
from markupsafe import Markup, escape
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode

from reco.report import ACTIONS, CARDS, RECORD
from reco.report.clean import clean, shown
from reco.report.footnotes import Footnote, mark
from reco.report.kpi import Kpi
from reco.report.slim import slim

TEMPLATES: Final = Path(__file__).parent / "templates"

#: Cells with one of these tags are not part of what readers see.
_HIDDEN: Final = {"parameters", "injected-parameters", "papermill-error-cell-tag", "hide"}

#: Ids that the page itself has.
_OF_THE_PAGE: Final = {"main", "about", "about-title", "what-changed", "what-to-do", "definitions"}


class Section(NamedTuple):
    """A heading that the contents lead to."""

    id: str
    title: str


class Body(NamedTuple):
    """What a notebook says.

    Attributes:
        html: prose and results, clean.
        headline: the sentence that answers its question, or None when it never came.
        sections: its headings of the second level.
        figures: the decisive figures it recorded.
        kpis: the key figures it showed as cards.
        actions: what it tells readers to do.
        simulated: whether any of it comes from simulated shoppers.
        answer: the headline as HTML, with the marks of its footnotes.
        notes: the footnotes of headline and `html`, in the order of their marks.
    """

    html: Markup
    headline: str | None
    sections: list[Section]
    figures: dict[str, object]
    kpis: tuple[Kpi, ...] = ()
    actions: tuple[str, ...] = ()
    simulated: bool = False
    answer: Markup = Markup()
    notes: tuple[Footnote, ...] = ()


def read(notebook: NotebookNode, question: str = "", until: int | None = None) -> Body:
    """The body of an executed notebook.

    Args:
        notebook: as executed; it is not changed.
        question: the page shows it at the top, so the notebook's own copy of it is left out.
        until: position of the first cell that is left out, with all after it.
    """
    cells = [cell for cell in notebook.cells[:until] if not _HIDDEN & set(cell.metadata.get("tags", ()))]
    outputs = [output for cell in cells for output in cell.get("outputs", ())]
    headline = next(filter(None, map(_headline, outputs)), None)
    readable = NotebookNode(
        nbformat=4, nbformat_minor=5, metadata=notebook.metadata, cells=_fold_silent_code(_without_lead_ins(cells))
    )
    exporter = HTMLExporter(
        template_name="cells",
        extra_template_basedirs=[str(TEMPLATES)],
        exclude_anchor_links=True,
        filters={"clean": clean, "shown": lambda output: "" if _headline(output) else shown(output)},
    )
    html, _ = exporter.from_notebook_node(readable)
    soup = BeautifulSoup(html, "html.parser")
    _arrange(soup, question)
    slim(soup)
    sections = [Section(heading["id"], heading.get_text()) for heading in soup.find_all("h2", id=True)]
    kpis = tuple(Kpi.model_validate(kpi) for kpi in _last(outputs, CARDS, []))
    answer = BeautifulSoup(escape(headline or ""), "html.parser")
    notes = mark([answer, soup])
    return Body(
        Markup(str(soup)),  # noqa: S704 made of cleaned parts
        headline,
        sections,
        dict(_last(outputs, RECORD, {})),
        kpis,
        tuple(map(str, _last(outputs, ACTIONS, []))),
        any(kpi.simulated for kpi in kpis) or soup.find("p", class_="simulated") is not None,
        Markup(str(answer)),  # noqa: S704 escaped above
        tuple(notes),
    )


def _last(outputs: Sequence[NotebookNode], kind: str, otherwise: Any) -> Any:
    """What the last output of a MIME type holds."""
    return next((output.data[kind] for output in reversed(outputs) if kind in output.get("data", {})), otherwise)


def _headline(output: NotebookNode) -> str | None:
    data = output.get("data", {})
    return data.get("text/plain") if data.get("text/html", "").startswith('<p class="headline">') else None


def _without_lead_ins(cells: Sequence[NotebookNode]) -> list[NotebookNode]:
    """The cells without text that leads to cards or actions alone, since the page shows these at the top."""

    def leads_away(cell: NotebookNode, after: NotebookNode) -> bool:
        if cell.cell_type != "markdown" or re.search(r"^#", cell.source, re.MULTILINE) or after.cell_type != "code":
            return False
        return bool(after.outputs) and all({CARDS, ACTIONS} & set(output.get("data", {})) for output in after.outputs)

    return [cell for cell, after in zip(cells, [*cells[1:], *cells[-1:]], strict=True) if not leads_away(cell, after)]


def _fold_silent_code(cells: Iterable[NotebookNode]) -> list[NotebookNode]:
    """The cells, with code that shows nothing moved to the next code cell that does, or else to the last one."""
    kept: list[NotebookNode] = []
    waiting: list[str] = []
    for cell in cells:
        if cell.cell_type != "code":
            kept.append(cell)
        elif any(shown(output) and not _headline(output) for output in cell.outputs):
            kept.append(NotebookNode({**cell, "source": "\n\n".join([*waiting, cell.source])}))
            waiting = []
        elif cell.source.strip():
            waiting.append(cell.source)
    last = next((cell for cell in reversed(kept) if cell.cell_type == "code"), None)
    if last:
        last.source = "\n\n".join([last.source, *waiting])
    return kept


def _arrange(soup: BeautifulSoup, question: str) -> None:
    """Fit the body into the page.

    Its first title goes and no second h1 stays; a section whose one result moved to the top goes with it; tables get
    a box to scroll in, which the keyboard reaches like all else that scrolls; ids are unique.
    """
    for position, title in enumerate(soup.find_all("h1")):
        if position == 0 and title.find_previous(["h2", "p", "table", "figure"]) is None:
            title.decompose()
        else:
            title.name = "h2"
    opening = soup.find("p")
    if opening and question and " ".join(opening.get_text().split()) == question:
        opening.decompose()
    for heading in soup.find_all("h2"):
        following = heading.find_next_sibling()
        if following is None or following.name == "h2":
            heading.decompose()
    for heading in soup.find_all(["h2", "h3"]):
        heading["id"] = re.sub(r"\W+", "-", heading.get_text().lower()).strip("-") or "section"
    for table in soup.find_all("table"):
        if not table.find_parent("div", class_="scroll"):
            table.wrap(_scroll_box(soup, table))
    for text in soup.select("pre"):
        if not text.find_parent("div", class_="scroll"):
            name = "Code" if text.find_parent("details", class_="code") else "Text"
            text.attrs |= {"tabindex": "0", "role": "group", "aria-label": name}
    for row in soup.select(".preview [style*='overflow']"):
        row.attrs |= {"tabindex": "0", "role": "group", "aria-label": "Part that scrolls"}
    seen: set[str] = set(_OF_THE_PAGE)
    for tag in soup.find_all(id=True):
        name, number = tag["id"], 2
        while tag["id"] in seen:
            tag["id"], number = f"{name}-{number}", number + 1
        seen.add(tag["id"])
        if tag["id"] != name and (table := tag.find_parent("table")):
            _follow(table, name, tag["id"])


def _follow(table: Tag, name: str, renamed: str) -> None:
    """Let the cells of a table name their headings as they are called now."""
    for cell in table.find_all(headers=True):
        cell["headers"] = [renamed if one == name else one for one in cell.get_attribute_list("headers")]


def _scroll_box(soup: BeautifulSoup, table: Tag) -> Tag:
    caption = table.find("caption")
    name = caption.get_text(" ") if caption else "Table"
    return soup.new_tag("div", attrs={"class": "scroll", "tabindex": "0", "role": "group", "aria-label": name})
