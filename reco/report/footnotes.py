"""Footnotes of a page: a mark where a term of the trade is first used, which leads to its definition and back."""

import re
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from bs4 import BeautifulSoup, NavigableString, Tag

from reco.evaluation import GLOSSARY

#: Metrics whose names stand for nothing else in prose.
_METRICS: Final = {"ndcg", "recall", "precision", "map", "mrr", "hit_rate", "gini", "serendipity", "unexpectedness"}

#: What readers may not know, as the pages write it (a regular expression), and what it means.
TERMS: Final[dict[str, tuple[str, str]]] = {
    **{one.title: (rf"{one.title}(?:@\d+)?", one.meaning) for one in GLOSSARY if one.name in _METRICS},
    "95% interval": (
        r"\d+(?:\.\d+)?\s?% (?:bootstrap )?intervals?",
        "The range of values that the data allow: of a hundred such ranges, about 95 hold the true value.",
    ),
    "Tie": ("(?:[Aa] )?[Tt]ie|[Tt]ies with", "A difference so small that the data cannot tell it from none."),
    "Bootstrap": (
        "[Bb]ootstrap",
        "An interval found by drawing the customers again and again, with replacement, and looking how far the figure "
        "moves.",
    ),
    "Holm’s correction": (
        "(?:by )?Holm(?:['’]s)?(?: correction)?",
        "Raises p-values where several comparisons are made, so that one false finding among all of them stays as "
        "unlikely as in a single test.",
    ),
    "p-value": ("p-values?", "How often chance alone brings a difference at least as large as the one found."),
    "Slate": ("[Ss]lates?", "What one place in the shop shows one customer: products in their order, with reasons."),
    "Quarantine": ("[Qq]uarantined?", "Where rows are kept that were set aside, each with its file, line and reason."),
    "Test weeks": ("[Tt]est weeks", "The last weeks of the data, which no model has seen and by which all are judged."),
    "Validation weeks": ("[Vv]alidation weeks", "The weeks before the test weeks, by which models are tuned."),
    "Holdout": (
        "[Hh]oldout",
        "Customers drawn at random who see no recommendations, to compare the others with.",
    ),
    "CTR": ("CTR|[Cc]lick-through rates?", "Clicks divided by impressions."),
    "Stability index": (
        "[Ss]tability index",
        "How far shares have moved: 0 when all stayed, about 0.1 for a shift that can be seen, 0.25 for a large one.",
    ),
    "Thompson sampling": (
        "Thompson sampling",
        "Shows each item about as often as it is, by all clicks so far, likely to be the best one.",
    ),
    "O’Brien-Fleming limits": (
        "O['’]Brien-Fleming(?: limits)?",
        "Limits for looking at a running test: very wide early on, close to those of a single look at the end.",
    ),
}

#: Where no mark may stand: links, code, headings, what is folded away, and what a shopper would see.
_NOT_IN: Final = ["a", "button", "code", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "details", "style"]


class Footnote(NamedTuple):
    """A definition at the end of a page: its number, what its ids end with, the term and what it means."""

    number: int
    slug: str
    term: str
    meaning: str


def mark(parts: Sequence[BeautifulSoup]) -> list[Footnote]:
    """Put a mark behind the first use of each of `TERMS` in the parts of a page, in their order; gives the notes."""
    left, notes = dict(TERMS), []
    for part in parts:
        for text in part.find_all(string=True):
            for term, after in _first_uses(text, left):
                note = Footnote(len(notes) + 1, re.sub(r"\W+", "-", term.lower()), term, left.pop(term)[1])
                after.insert_before(_reference(part, note))
                notes.append(note)
    return notes


def _first_uses(text: NavigableString, left: dict[str, tuple[str, str]]) -> Iterator[tuple[str, NavigableString]]:
    """Each term of `left` that `text` uses, with the rest of the text after it; whoever takes one removes it."""
    while type(text) is NavigableString and left:
        names = {f"term{number}": term for number, term in enumerate(left)}
        either = "|".join(f"(?P<{name}>{left[term][0]})" for name, term in names.items())
        found = re.search(rf"(?<![\w-])(?:{either})(?![\w-])", text)
        if found is None or text.find_parent(_NOT_IN) or text.find_parent(class_="preview"):
            return
        before, after = NavigableString(text[: found.end()]), NavigableString(text[found.end() :])
        text.replace_with(before, after)
        text = after
        yield names[found.lastgroup], after


def _reference(part: BeautifulSoup, note: Footnote) -> Tag:
    link = part.new_tag("a", attrs={"href": f"#term-{note.slug}", "id": f"use-{note.slug}", "role": "doc-noteref"})
    link.string = f"[{note.number}]"  # in brackets, so that no number before it reads as if raised to a power
    link["aria-label"] = f"{link.string} what {note.term} means"
    sup = part.new_tag("sup", attrs={"class": "noteref"})
    sup.append(link)
    return sup
