"""Modules for the pages of a shop: HTML that works without scripts, one stylesheet and one script for all of them."""

import re
from functools import cache

from markupsafe import Markup

from reco.widgets.environment import FOLDER, environment
from reco.widgets.widget import Widget


def module(widget: Widget, level: int = 2) -> Markup:
    """The module as HTML, headings at `level`; empty without items. It wants `style` and `script` on its page."""
    if not widget.items:
        return Markup()
    name = re.sub(r"[^a-z0-9]+", "-", f"reco-{widget.context}-{widget.slate_id}".lower()).strip("-")
    template = environment().get_template("module.html.j2")
    return Markup(template.render(widget=widget, name=name, level=level))  # noqa: S704 the template escapes


@cache
def style() -> str:
    """The stylesheet of all modules."""
    css = (FOLDER / "module.css").read_text(encoding="utf-8")
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    return re.sub(r"\s*([{};,])\s*", r"\1", re.sub(r"\s+", " ", css)).replace(";}", "}").strip()


@cache
def script() -> str:
    """The script of all modules: buttons and keys of carousels, impressions and clicks.

    Every item that is half visible for the first time, and every click on an item's link or button, is dispatched on
    the item as `reco:impression` or `reco:click` (bubbling, with the event as `detail`) and handed to
    `window.recoLog(event)` where a page defines it.
    """
    js = (FOLDER / "module.js").read_text(encoding="utf-8")
    return "\n".join(line.strip() for line in js.splitlines() if line.strip() and not line.strip().startswith("//"))


def page(modules: list[Widget], title: str = "Recommendations") -> str:
    """A whole page with modules, to look at and to test."""
    shown = [module(one) for one in modules]
    template = environment().get_template("page.html.j2")
    return template.render(title=title, modules=shown, style=Markup(style()), script=Markup(script()))  # noqa: S704
