"""What notebooks show: plain text for terminals and tests, escaped HTML for reports."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from IPython.core.formatters import DisplayFormatter
from matplotlib import pyplot as plt

from reco.report import PREVIEW, RECORD, clean, display


@pytest.fixture
def shown(monkeypatch):
    """Collects what is displayed: (data, metadata) as a kernel would send it."""
    formatter, seen = DisplayFormatter(), []
    monkeypatch.setattr(display, "display", lambda thing: seen.append(formatter.format(thing)))
    return seen


FRAME = pd.DataFrame(
    {
        "product": ["Jam <b>", "Tea"],
        "orders": [1234, 5],
        "ndcg": [0.12345, np.nan],
        "low": [0.115, np.nan],
        "high": [0.131, np.nan],
        "lift": [0.021, -0.5],
        "revenue": [1234.5, -3.0],
        "day": pd.to_datetime(["2017-01-05", None]),
        "sold": [True, False],
    }
)


def show_frame(**options):
    display.table(
        FRAME,
        "Jam <i>leads",
        formats={"lift": "percent+", "revenue": "money:GBP", "day": "date"},
        intervals={"ndcg": ("low", "high")},
        labels={"ndcg": "NDCG@10"},
        **options,
    )


def test_a_table_in_plain_text(shown):
    show_frame(subtitle="Of 2017", note="Returns <off>")
    [(data, _)] = shown
    assert data["text/plain"].splitlines() == [
        "Jam <i>leads",
        "Of 2017",
        "Product  Orders                 NDCG@10    Lift    Revenue  Day         Sold",
        "----------------------------------------------------------------------------",
        "Jam <b>   1,234  0.123 (0.115 to 0.131)   +2.1%  £1,234.50  2017-01-05  yes",
        "Tea           5                       –  −50.0%     −£3.00  –           no",
        "Note: Returns <off>",
    ]


def test_a_table_in_html_is_escaped_and_has_headers(shown):
    show_frame(id="leaders", note="Returns <off>")
    html = shown[0][0]["text/html"]
    assert 'id="leaders"' in html
    assert "<caption" in html
    for raw, escaped in [("Jam <b>", "Jam &lt;b&gt;"), ("<i>leads", "&lt;i&gt;leads"), ("<off>", "&lt;off&gt;")]:
        assert raw not in html
        assert escaped in html
    assert len(re.findall(r'<th [^>]*scope="col"', html)) == 7
    assert len(re.findall(r'<th scope="row"', html)) == 2
    assert re.search(r'gt_right">1,234<', html)


def test_two_tables_of_the_same_frame_are_the_same_bytes(shown):
    show_frame()
    show_frame()
    assert shown[0] == shown[1]


def test_a_named_index_becomes_the_first_column(shown):
    display.table(FRAME.set_index("product")[["orders"]], "Orders")
    assert shown[0][0]["text/plain"].splitlines()[1].split() == ["Product", "Orders"]


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"formats": {"orders": "currency"}}, ValueError),
        ({"formats": {"orders": "money:usd"}}, ValueError),
        ({"formats": {"nope": "text"}}, KeyError),
        ({"intervals": {"ndcg": ("low", "nope")}}, KeyError),
        ({"labels": {"ndcg": "Orders"}}, ValueError),
    ],
)
def test_mistakes_in_a_table_are_refused(options, error):
    with pytest.raises(error):
        display.table(FRAME, "Any", **options)


def test_a_headline_is_plain_text_and_escaped_html(shown):
    display.headline("Tea <b>wins</b>\n by 2%")
    data, _ = shown[0]
    assert data["text/plain"] == "Tea <b>wins</b> by 2%"
    assert data["text/html"] == '<p class="headline">Tea &lt;b&gt;wins&lt;/b&gt; by 2%</p>'


def test_what_is_simulated_says_so_in_text_and_html(shown):
    display.simulated("clicks <x>")
    data, _ = shown[0]
    assert data["text/plain"] == "Simulated: clicks <x>"
    assert data["text/html"] == '<p class="simulated"><strong>Simulated:</strong> clicks &lt;x&gt;</p>'


def draw():
    fig, ax = plt.subplots()
    ax.plot([1, 2], [3, 4])
    return fig


def test_a_figure_is_an_svg_with_alt_text_and_closed(shown):
    fig = draw()
    display.figure(fig, alt="Sales rise", caption="By week")
    data, metadata = shown[0]
    assert data["text/plain"] == "Sales rise"
    assert data["image/svg+xml"].startswith("<svg")
    assert metadata["image/svg+xml"] == {"alt": "Sales rise", "caption": "By week"}
    assert not plt.fignum_exists(fig.number)


def test_a_figure_is_drawn_with_letters(shown):
    display.figure(draw(), alt="Sales rise")
    svg = shown[0][0]["image/svg+xml"]
    assert ">1.0</text>" in svg
    assert "Verdana" in svg


def test_the_same_figure_is_the_same_bytes(shown):
    display.figure(draw(), alt="Sales rise")
    display.figure(draw(), alt="Sales rise")
    assert shown[0] == shown[1]


def test_the_numbers_of_a_figure_lie_under_it_as_a_table(shown):
    frame = FRAME[["product", "ndcg", "low", "high"]]
    display.figure(draw(), "Sales rise", data=frame, title="Sales <i>", intervals={"ndcg": ("low", "high")})
    [(data, metadata)] = shown
    page = BeautifulSoup(
        clean.shown({"output_type": "display_data", "data": data, "metadata": metadata}), "html.parser"
    )
    assert [tag.name for tag in page.find_all(recursive=False)] == ["figure", "details"]
    assert page.summary.get_text() == "Show data"
    assert page.caption.get_text() == "Sales <i>"
    assert [cell.get_text() for cell in page.select("tbody tr:first-child > *")] == [
        "Jam <b>",
        "0.123 (0.115 to 0.131)",
    ]
    assert not page.details.has_attr("open")


def test_a_figure_without_alt_text_is_refused():
    with pytest.raises(ValueError, match="alt text"):
        display.figure(draw(), alt=" ")
    plt.close("all")


def test_recorded_figures_are_json_and_six_digits(shown):
    display.record(third=np.float64(1 / 3), count=np.int64(7), best="EASE", sure=np.True_, none=np.nan)
    data, _ = shown[0]
    assert json.loads(json.dumps(data[RECORD])) == {
        "third": 1 / 3,
        "count": 7,
        "best": "EASE",
        "sure": True,
        "none": None,
    }
    assert data["text/plain"] == "third: 0.333333\ncount: 7\nbest: EASE\nsure: True\nnone: None"


def test_only_figures_can_be_recorded():
    with pytest.raises(TypeError, match="frame"):
        display.record(frame=FRAME)


def test_a_preview_has_its_styles_inlined_and_cannot_run_in_a_notebook(shown):
    display.preview("<style>p{color:red}</style><p>Jam</p>", "E-mail")
    data, _ = shown[0]
    assert '<p style="color: red;">Jam</p>' in data[PREVIEW]
    assert data["text/html"].startswith('<iframe sandbox title="E-mail" srcdoc="&lt;html&gt;')
    assert data["text/plain"] == "E-mail"


def test_columns_that_decide_less_are_folded_under_the_table_beside_its_first_column(shown):
    show_frame(rest=["orders", "day"])
    data, _ = shown[0]
    page = BeautifulSoup(data["text/html"], "html.parser")
    heads = [[cell.get_text() for cell in table.select("thead th")] for table in page.find_all("table")]
    assert "Orders" not in heads[0]
    assert heads[1] == ["Product", "Orders", "Day"]
    assert page.find_all("table")[1].find_parent("details").summary.get_text() == "More columns"
    assert data["text/plain"].count("Jam <b>") == 2
    assert len({tag["id"] for tag in page.find_all(id=True)}) == len(page.find_all(id=True))


def test_small_groups_stay_hidden_where_their_count_is_in_another_table(shown):
    frame = pd.DataFrame({"segment": ["a", "b"], "customers": [9, 10], "revenue": [1.5, 2.5]})
    display.table(frame, "Segments", rest=["revenue"])
    page = BeautifulSoup(shown[0][0]["text/html"], "html.parser")
    folded = page.find_all("table")[1]
    assert [cell.get_text() for cell in folded.select("tbody td")] == ["–", "2.500"]
