"""E-mails: tables of 600 px with inlined styles, a text alternative, a subject and a preheader."""

import re
from typing import Final, NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

import css_inline
from markupsafe import Markup

from reco.widgets.environment import environment
from reco.widgets.widget import Item, Section, Widget, plain

#: What mail tools replace: a title must not be able to say it.
_TAGS: Final = re.compile(r"(?<=[{%*|$\[#])(?=[{%|*}#\[<])|(?<=[%|}])(?=[}])")
_SUBJECT: Final = 120


class Email(NamedTuple):
    """One mail of recommendations.

    Attributes:
        subject: one line of at most 120 characters.
        preheader: what inboxes show behind the subject.
        html: the whole document; `block` is the part between the shop's own head and foot.
        text: the alternative without HTML.
    """

    subject: str
    preheader: str
    html: str
    block: str
    text: str


def email(
    widget: Widget,
    subject: str | None = None,
    greeting: str = "",
    sender: str = "",
    unsubscribe: str = "{{ unsubscribe_url }}",
) -> Email:
    """The widget as an e-mail.

    Args:
        widget: raises `ValueError` without items: there is nothing to send.
        subject: by the widget's title when left out.
        greeting: the paragraph above the products.
        sender: name of the shop, for the foot.
        unsubscribe: placeholder that the mail tool replaces by an address; it is kept as it is.

    Addresses of products carry what a click must log: reco_slate, reco_position, reco_strategy, reco_propensity and
    reco_product.
    """
    if not widget.items:
        raise ValueError("an e-mail without products is not sent")
    shown = widget._replace(
        title=inert(widget.title),
        incentive=inert(widget.incentive),
        sections=tuple(Section(inert(part.title), tuple(map(_logged, part.items))) for part in widget.sections),
    )
    first = shown.sections[0].title or shown.title
    line = inert(plain(subject)) if subject else first
    names = [item.title for item in shown.items]
    said = {
        "widget": shown,
        "subject": line if len(line) <= _SUBJECT else line[: _SUBJECT - 1].rstrip() + "…",
        "preheader": ", ".join(names[:3]) + (" and more" if len(names) > 3 else ""),
        "greeting": inert(plain(greeting)),
        "sender": inert(plain(sender)),
        "unsubscribe": unsubscribe,
    }
    return Email(
        subject=said["subject"],
        preheader=said["preheader"],
        html=_inlined("email.html.j2", **said, whole=True),
        block=_inlined("email.html.j2", **said, whole=False),
        text=environment().get_template("email.txt.j2").render(said),
    )


def _inlined(template: str, whole: bool, **said: object) -> str:
    html = environment().get_template(template).render(**said, whole=True)
    inlined = css_inline.inline(html, keep_style_tags=True, load_remote_stylesheets=False)
    if whole:
        return inlined
    start, end = "<!-- block -->", "<!-- /block -->"
    return Markup(inlined.partition(start)[2].partition(end)[0].strip())  # noqa: S704 the template escapes


def inert(text: str) -> str:
    """`text` that no mail tool takes for one of its tags: an invisible word joiner stands between their signs.

    >>> inert("50 % {{ secret }} *|FNAME|*").encode("ascii", "replace")
    b'50 % {?{ secret }?} *?|FNAME|?*'
    """
    return _TAGS.sub("\u2060", text)


def _logged(item: Item) -> Item:
    """The item with texts that are inert and an address that tells what was clicked."""
    return item._replace(
        title=inert(item.title),
        reason=inert(item.reason),
        url=item.url and _marked(item.url, item),
        image_url=item.image_url and _encoded(item.image_url),
    )


def _marked(url: str, item: Item) -> str:
    parts = urlsplit(url)
    own = [(key, value) for key, value in parse_qsl(parts.query, keep_blank_values=True) if not key.startswith("reco_")]
    marks = {
        "reco_slate": item.slate_id,
        "reco_position": item.position,
        "reco_strategy": item.strategy,
        "reco_propensity": "" if item.propensity is None else f"{item.propensity:.6g}",
        "reco_product": item.product_id,
    }
    return _encoded(urlunsplit(parts._replace(query=urlencode([*own, *marks.items()], quote_via=quote))))


def _encoded(url: str) -> str:
    """`url` with the signs of mail tools' tags percent-encoded."""
    return re.sub(r"[{}|*\[\]]", lambda found: quote(found[0], safe="") if found[0] != "*" else "%2A", url)
