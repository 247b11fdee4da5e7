"""A page allows the styles that stand in it and nothing else."""

import base64
import hashlib
import re

import pytest

from reco.report.policy import PLACE, secured


def page(body: str, sheet: str = "p{color:red}") -> str:
    return f'<head><meta http-equiv="Content-Security-Policy" content="{PLACE}"><style>{sheet}</style></head>{body}'


def policy(html: str) -> dict[str, list[str]]:
    parts = re.search(r'content="([^"]*)"', html)[1].split("; ")
    return {words[0]: words[1:] for words in map(str.split, parts)}


def digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_nothing_is_allowed_but_what_is_there():
    found = policy(secured(page("<p>Jam</p>")))
    assert found == {
        "default-src": ["'none'"],
        "img-src": ["data:"],
        "style-src": [digest("p{color:red}")],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }


def test_every_style_is_allowed_as_browsers_read_it():
    body = """<p style="font-family:&quot;A&quot;">x</p><p style="font-family:&quot;A&quot;"></p>
        <template shadowrootmode="open"><style>a::after{content:'<&amp;'}
        </style><i style='color:red'></i></template>"""
    styles = policy(secured(page(body, sheet="p{}\r\nq{}")))["style-src"]
    assert styles == [
        digest("p{}\nq{}"),
        digest("a::after{content:'<&amp;'}\n        "),
        "'unsafe-hashes'",
        digest('font-family:"A"'),
        digest("color:red"),
    ]


@pytest.mark.parametrize("body", ["<script>x()</script>", "<p onclick='x()'>", "<svg ONLOAD=x></svg>"])
def test_a_page_with_code_is_none(body):
    with pytest.raises(ValueError, match="no script and no inline handler"):
        secured(page(body))


def test_words_cannot_take_the_place_of_the_policy():
    assert secured(page(f"<p>{PLACE}</p>")).count(PLACE) == 1
