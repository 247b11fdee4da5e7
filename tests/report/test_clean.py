"""Nothing hostile and nothing from outside reaches a report."""

import base64

import pytest

from reco.report import PREVIEW, RECORD
from reco.report.clean import clean, shown


def output(**data):
    metadata = data.pop("metadata", {})
    return {"output_type": "display_data", "data": data, "metadata": metadata}


def of(kind, content):
    return shown({"output_type": "display_data", "data": {kind: content}, "metadata": {}})


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("<p>a<script>alert(1)</script></p>", "<p>a</p>"),
        ("<p onclick='x()'>a</p>", "<p>a</p>"),
        ("<img src=x onerror=alert(1)>a", "a"),
        ("<img src=https://evil.example/pixel.png>a", "a"),
        ("<svg onload=alert(1)><text>x</text></svg>a", "a"),
        ("<iframe src=https://evil.example></iframe>a", "a"),
        ("<style>@import 'https://evil.example/x.css'</style>a", "a"),
        ("<link rel=stylesheet href=https://evil.example/x.css>a", "a"),
        ("<a href='javascript:alert(1)'>a</a>", "<a>a</a>"),
        ("<a href='https://evil.example'>a</a>", "<a>a</a>"),
        ("<a href='//evil.example'>a</a>", "<a>a</a>"),
        ("<a href='../../../etc/passwd'>a</a>", "<a>a</a>"),
        ("<p style='background:url(https://evil.example)'>a</p>", "<p>a</p>"),
        ("<form action=https://evil.example><input name=q>a</form>", "a"),
        ("<base href=https://evil.example><p>a</p>", "<p>a</p>"),
        ("<meta http-equiv=refresh content='0;url=https://evil.example'>a", "a"),
        ("<p>a", "<p>a</p>"),
        ("</div></main>a", "a"),
    ],
)
def test_hostile_html_is_made_harmless(hostile, harmless):
    assert clean(hostile) == harmless
    assert of("text/html", hostile) == f'<div class="rich">{harmless}</div>'
    assert "evil.example" not in of(PREVIEW, hostile)
    assert "alert" not in of(PREVIEW, hostile)


def test_what_reports_are_made_of_is_kept():
    html = (
        '<table id="t"><caption>T</caption><thead><tr><th scope="col" colspan="2">A</th></tr></thead>'
        '<tbody><tr><th scope="row">x</th><td headers="a b">1</td></tr></tbody></table>'
        "<details><summary>S</summary><p>d</p></details><figure><figcaption>F</figcaption></figure>"
        '<a href="04_fill_contexts.html#cart">next</a><a href="#about">about</a>'
    )
    assert clean(html) == html


def test_a_preview_keeps_its_looks_but_loads_nothing():
    html = of(PREVIEW, '<p style="color:red;position:fixed;background:url(https://evil.example/x)">Jam</p>')
    assert '<p style="color:red">Jam</p>' in html


@pytest.mark.parametrize(
    "looks",
    [
        "grid-template-columns:repeat(2, minmax(0, 1fr))",
        "width:calc(100% - max(2px, 1em) * 2);color:rgb(1, 2, 3)",
        "font-family:'Segoe UI', sans-serif;margin:0 -4px !important",
    ],
)
def test_a_preview_keeps_functions_in_its_looks(looks):
    assert f'<p style="{looks}">Jam</p>' in of(PREVIEW, f'<p style="{looks}">Jam</p>')


@pytest.mark.parametrize(
    "looks",
    [
        "list-style:url(https://evil.example/x)",
        "list-style:URL (https://evil.example/x)",
        r"list-style:\75rl(//evil.example)",
        "list-style:u/**/rl(//evil.example)",
        "list-style:image-set('https://evil.example/x' 1x)",
        "width:expression(alert(1))",
        "color:var(--x, url(//evil.example))",
        "width:calc(1px",
        "width:1px)",
        "width:xmin(1px)",
        "font-family:'a;list-style:url(//evil.example)'",
        "-moz-binding:url(//evil.example)",
        "position:fixed",
    ],
)
def test_looks_that_could_load_or_run_anything_are_left_out(looks):
    assert '<p style="color:red">Jam</p>' in of(PREVIEW, f'<p style="{looks};color:red">Jam</p>')


def test_pictures_are_data_with_alt_text():
    html = shown(
        output(
            **{
                "image/svg+xml": "<svg><script>alert(1)</script></svg>",
                "metadata": {"image/svg+xml": {"alt": 'Sales "rise" <b>', "caption": "By <week>"}},
            }
        )
    )
    assert 'src="data:image/svg+xml;base64,' in html
    assert 'alt="Sales &#34;rise&#34; &lt;b&gt;"' in html
    assert "<figcaption>By &lt;week&gt;</figcaption>" in html
    assert "<svg" not in html  # as an image, its script cannot run


def test_pictures_follow_the_dark_page():
    html = of("image/svg+xml", '<svg><path style="fill: #1f2328"/></svg>')
    svg = base64.b64decode(html.split("base64,")[1].split('"')[0]).decode()
    assert '@media(prefers-color-scheme:dark){[style*="fill: #1f2328"]{fill:#e6e9ec!important}' in svg


@pytest.mark.parametrize(
    "quiet",
    [
        {"output_type": "stream", "name": "stderr", "text": "UserWarning: /home/ada/x.py"},
        {"output_type": "stream", "name": "stdout", "text": "\r 10%|#   | 1/10"},
        {"output_type": "error", "ename": "ValueError", "evalue": "x", "traceback": ["x"]},
        output(**{RECORD: {"a": 1}, "text/plain": "a: 1"}),
        output(**{"text/plain": ""}),
        output(**{"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "FloatProgress(0.0)"}),
    ],
)
def test_warnings_progress_errors_and_records_are_left_out(quiet):
    assert shown(quiet) == ""


def test_printed_text_is_escaped_and_has_no_colours():
    html = shown({"output_type": "stream", "name": "stdout", "text": "\x1b[31mJam\x1b[0m <b>\n"})
    assert "<pre>Jam &lt;b&gt;</pre>" in html


def test_markdown_is_rendered_and_cleaned():
    assert of("text/markdown", "**Jam** <script>alert(1)</script>") == "<p><strong>Jam</strong> </p>\n"


@pytest.mark.parametrize("kind", ["application/javascript", "text/vnd.mermaid", "application/vnd.plotly.v1+json"])
def test_other_kinds_are_named_not_shown(kind):
    html = of(kind, "<img src=x onerror=alert(1)>")
    assert html == f'<p class="note">A report cannot show this output ({kind}).</p>'


def test_headings_and_parts_of_a_preview_are_not_the_reports():
    html = "<section aria-label='Shop'><h1>Shop</h1><h2 style='color:red'>Jam</h2></section>"
    out = shown(output(**{PREVIEW: html, "text/plain": "Preview"}))
    assert '<div aria-label="Shop"><h3>Shop</h3><h3 style="color:red">Jam</h3></div>' in out
