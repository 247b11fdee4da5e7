"""Tables without what readers have no use for, so that pages stay small."""

from typing import Final

from bs4 import BeautifulSoup, Tag

#: Classes of cells that the stylesheet knows.
_USED: Final = {"gt_right", "gt_center"}


def slim(soup: BeautifulSoup) -> None:
    """Take off the cells of tables what repeats their scope: `headers`, ids of rows, and classes without a look.

    A table whose headings stand in one row and one column tells them by `scope` alone (WCAG technique H63); others
    keep their `headers`.
    """
    for table in soup.find_all("table"):
        cells = table.find_all(["td", "th"])
        for cell in cells:
            if kept := _USED.intersection(cell.get("class", ())):
                cell["class"] = sorted(kept)
            elif cell.has_attr("class"):
                del cell["class"]
        if _simple(table):
            for cell in cells:
                del cell["headers"]
                del cell["id"]


def _simple(table: Tag) -> bool:
    """Whether every heading says what it is of, and no cell of head or body spans several."""
    if len(table.select("thead tr")) > 1 or table.find("table") or table.find_parent("table"):
        return False
    cells = table.select("thead th, tbody th, tbody td")
    spans = any(cell.get(name, "1") != "1" for cell in cells for name in ("colspan", "rowspan"))
    return not spans and all(cell.get("scope") in {"col", "row"} for cell in cells if cell.name == "th")
