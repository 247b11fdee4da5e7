"""What may reach a report: an allow-list of MIME types, HTML tags and attributes. Everything else is left out."""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

import nh3
from markupsafe import Markup
from nbconvert.filters import markdown2html

from reco.report import ACTIONS, CARDS, DARK, DATA, PREVIEW, RECORD
from reco.report.text import scrub


def _words(text: str) -> set[str]:
    return set(text.split())


_TAGS: Final = _words(
    "a abbr b blockquote br caption code col colgroup dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 "
    "h6 hr i kbd li mark ol p pre q s samp section small span strong sub summary sup table tbody td tfoot th thead "
    "time tr u ul var wbr"
)
_ATTRIBUTES: Final = {
    "*": {"class", "id", "lang", "dir", "title", "role", "aria-label", "aria-labelledby", "aria-hidden"},
    "a": {"href"},
    "col": {"span"},
    "colgroup": {"span"},
    "details": {"open"},
    "ol": {"start", "type"},
    "td": {"colspan", "rowspan", "headers"},
    "th": {"colspan", "rowspan", "headers", "scope"},
    "time": {"datetime"},
}
#: A link may lead to another page of the same run or within the page; no page points outside.
_PAGE_LINK: Final = re.compile(r"(#[\w.-]*|[\w.-]+\.html(#[\w.-]*)?)")

#: What needs a kernel: pickers, and the progress bars of other libraries.
_WIDGET: Final = "application/vnd.jupyter.widget-view+json"

_DROPPED: Final = {"script", "style", "title", "iframe", "noscript", "template", "svg", "math"}


_LOOKS: Final = _words(
    "align-items background-color border border-bottom border-collapse border-color border-left border-radius "
    "border-right border-spacing border-style border-top border-width box-sizing color display flex flex-direction "
    "flex-wrap font font-family font-size font-style font-weight gap grid-template-columns height justify-content "
    "letter-spacing line-height list-style list-style-type margin margin-bottom margin-left margin-right margin-top "
    "max-height max-width min-height min-width opacity overflow overflow-x padding padding-bottom padding-left "
    "padding-right padding-top table-layout text-align text-decoration text-overflow text-transform vertical-align "
    "white-space width word-break"
)


#: What a value of a style may be made of: words, numbers, quoted names, and functions that cannot load anything.
_FUNCTIONS: Final = "rgb|rgba|hsl|hsla|calc|min|max|clamp|minmax|repeat|fit-content|var"
_VALUE: Final = re.compile(
    rf"""(?:(?<![\w-])(?:{_FUNCTIONS})\(|[)]|[#\w.%+*/,\s-]|'[\w\s.-]*'|"[\w\s.-]*")+(?:!\s*important)?"""
)
_CALL: Final = re.compile(r"[\w-]*\([^()]*\)")


def _harmless(value: str) -> bool:
    """Whether a style's value has nothing but allowed characters and functions, each of which is closed."""
    if not _VALUE.fullmatch(value) or "/*" in value:
        return False
    while "(" in value and (called := _CALL.sub("0", value)) != value:
        value = called
    return "(" not in value and ")" not in value


def _style(style: str) -> str | None:
    """The declarations of a style that are known to be harmless; None where there is none."""
    kept = []
    for declaration in style.split(";"):
        name, colon, value = (part.strip() for part in declaration.partition(":"))
        if colon and name.lower() in _LOOKS and _harmless(value):
            kept.append(f"{name.lower()}:{value}")
    return ";".join(kept) or None


def _looks(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "role" and value == "region":
        return "group"
    return _style(value) if attribute == "style" else value


def _link(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "href" and not _PAGE_LINK.fullmatch(value):
        return None
    return value


_STRICT: Final = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags=_DROPPED,
    attributes=_ATTRIBUTES,
    attribute_filter=_link,
    link_rel=None,
)

_WITH_LOOKS: Final = nh3.Cleaner(
    tags=_TAGS - {"a"} | {"button"},
    clean_content_tags=_DROPPED,
    attributes={
        "*": {"style", "role", "aria-label", "align", "valign", "width", "height"},
        "td": {"colspan", "rowspan"},
        "th": {"colspan", "rowspan", "scope"},
        "table": {"cellpadding", "cellspacing"},
    },
    attribute_filter=_looks,
    link_rel=None,
)


def clean(html: str) -> Markup:
    """`html` with what the allow-list knows, all tags closed.

    >>> clean("<p onclick='x()'>Jam<script>x()</script> <a href='https://shop.example'>here</a>")
    Markup('<p>Jam <a>here</a></p>')
    """
    return Markup(_STRICT.clean(html))  # noqa: S704 this is the place that makes it safe


def shown(output: Mapping[str, Any]) -> Markup:
    """One output of a code cell as HTML; empty for warnings, errors, progress bars, and for figures and cards."""
    if output["output_type"] == "stream":
        text = output["text"] if output["name"] == "stdout" else ""
        lines = [line for line in scrub(text).split("\n") if "\r" not in line]
        return _text("\n".join(lines))
    data = output.get("data", {})
    if not data or not {RECORD, CARDS, ACTIONS}.isdisjoint(data) or (_WIDGET in data and "text/html" not in data):
        return Markup()
    if PREVIEW in data:
        return _preview(data[PREVIEW], data.get("text/plain", "Preview"))
    words = output.get("metadata", {})
    if "image/svg+xml" in data:
        svg = _with_dark_mode(data["image/svg+xml"])
        drawn = _picture("image/svg+xml", base64.b64encode(svg.encode()).decode(), words.get("image/svg+xml", {}))
        return drawn + _data(data[DATA]) if DATA in data else drawn
    if "image/png" in data:
        return _picture("image/png", re.sub(r"[^A-Za-z0-9+/=]", "", data["image/png"]), words.get("image/png", {}))
    if "text/html" in data:
        return Markup('<div class="rich">{}</div>').format(clean(data["text/html"]))
    if "text/markdown" in data:
        return clean(markdown2html(data["text/markdown"]))
    if "text/plain" in data:
        return _text(scrub(data["text/plain"]))
    kinds = ", ".join(sorted(data))
    return Markup('<p class="note">A report cannot show this output ({}).</p>').format(kinds)


def _text(text: str) -> Markup:
    text = text.strip("\n")
    pre = Markup('<div class="scroll" tabindex="0" role="group" aria-label="Text output"><pre>{}</pre></div>')
    return pre.format(text) if text.strip() else Markup()


def _picture(kind: str, content: str, words: Mapping[str, str]) -> Markup:
    alt = words.get("alt") or "A picture without a description"
    caption = Markup("<figcaption>{}</figcaption>").format(words["caption"]) if words.get("caption") else ""
    return Markup(
        '<figure><div class="scroll" tabindex="0" role="group" aria-label="Figure">'
        '<img src="data:{};base64,{}" alt="{}"></div>{}</figure>'
    ).format(kind, content, alt, caption)


def _data(html: str) -> Markup:
    """The table behind a picture, folded."""
    table = clean(html)
    return Markup('<details class="data"><summary>Show data</summary><div class="rich">{}</div></details>').format(
        table
    )


def _preview(html: str, title: str) -> Markup:
    html = re.sub(r"(</?)section\b", r"\1div", html)  # what a shop shows is no part of the report's own map,
    html = re.sub(r"(</?)h[12]\b", r"\1h3", html)  # nor of its contents
    inside = Markup(_WITH_LOOKS.clean(html))  # noqa: S704 cleaned in this expression
    return Markup(
        '<figure class="preview"><figcaption>{title}</figcaption>'
        '<div class="scroll" tabindex="0" role="group" aria-label="{title}">{inside}</div></figure>'
    ).format(title=title, inside=inside)


def _with_dark_mode(svg: str) -> str:
    """`svg` with the colours of `DARK` where the reader prefers a dark page."""
    rules = "".join(
        f'[style*="{part}: {ink}"]{{{part}:{swap}!important}}'
        for ink, swap in DARK.items()
        for part in ("fill", "stroke")
    )
    return re.sub(r"(<svg\b[^>]*>)", rf"\1<style>@media(prefers-color-scheme:dark){{{rules}}}</style>", svg, count=1)
