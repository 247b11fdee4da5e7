"""Whole pages: self-contained, accessible in structure, true about what they show."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from reco.notebooks import CompareAlgorithms
from reco.report import ACTIONS, CARDS, RECORD, html, pages
from reco.report.kpi import Kpi
from reco.report.spark import spark
from reco.runs.history import Kept
from reco.runs.record import Entry, Facts, Outcome, Run, State

HOSTILE = "<script>alert('x')</script> & \"sons\""


def shows(**data):
    return new_output("display_data", data=data)


def code(source, *outputs, tags=()):
    return new_code_cell(source, outputs=list(outputs), execution_count=1, metadata={"tags": list(tags)})


NOTEBOOK = new_notebook(
    cells=[
        new_markdown_cell("# Algorithms\n\n**Which one?**\n\nFor merchandisers."),
        code("k: int = 10", tags=["parameters"]),
        code("k = 20\nsecret = 'abc'", tags=["injected-parameters"]),
        code("import pandas as quiet_import"),
        new_markdown_cell("## The answer"),
        code(
            "show.headline()",
            shows(**{"text/html": '<p class="headline">EASE &lt;b&gt;</p>', "text/plain": "EASE <b>"}),
        ),
        new_markdown_cell(f"## Results of {HOSTILE}\n\n[outside](https://evil.example) $x^2$"),
        code(
            "show.table()",
            shows(**{"text/html": "<table><caption>Lists</caption><tr><td>1</td></tr></table>", "text/plain": "1"}),
        ),
        code("show.figure()", shows(**{"image/png": "iVBORw0KGgo=", "text/plain": "Figure"})),
        new_markdown_cell("# Second title\n\nMore."),
        code("warn()", new_output("stream", name="stderr", text="UserWarning: private")),
        code("show.record()", shows(**{RECORD: {"ndcg": 0.1}, "text/plain": "ndcg: 0.1"})),
    ]
)
RATE = Kpi(
    name=f"Rate {HOSTILE}",
    value=0.36,
    low=0.34,
    high=0.38,
    n=900,
    of=f"customers {HOSTILE}",
    format="percent",
    better="higher",
    target=0.3,
    definition=f"Share that buys {HOSTILE}",
)
SPENT = Kpi(name="Spent", value=2, low=1, high=3, n=50, definition="Pounds a head.", simulated=True)
NOW = datetime(2026, 11, 24, 20, 15, 30, tzinfo=UTC)
ENTRY = Entry(
    name="02_compare_algorithms",
    title=f"Algorithms {HOSTILE}",
    question="Which one?",
    key="0" * 64,
    parameters={"config": "/home/me/workbook.yaml", "k": 20, "confidence": 0.95, "seed": 0},
    outcome=Outcome(state=State.OK, seconds=3),
    run="20261124-201530-abcdef",
    headline=HOSTILE,
    kpis=(RATE, SPENT),
    actions=(f"Ask {HOSTILE}",),
)
RUN = Run(
    id="20261124-201530-abcdef",
    created_at=NOW,
    finished_at=NOW,
    facts=Facts(
        store="corner",
        title=f"Corner shop {HOSTILE}",
        settings_file="workbook.yaml",
        about=["Simulated on real shopping patterns, or so they say."],
        fingerprint="f" * 64,
        overrides={"kpis.implementation_cost": HOSTILE},
        commit="a" * 40,
        clean=False,
        versions={"Python": "3.11.7"},
    ),
    rows={"order_lines": 1469307},
    data_until=date(2017, 12, 31),
    notebooks={"02_compare_algorithms": ENTRY},
)
BEFORE = RUN.model_copy(
    update={
        "id": "20261123-060000-abcdef",
        "facts": RUN.facts.model_copy(update={"fingerprint": "0" * 64}),
        "notebooks": {
            ENTRY.name: ENTRY.model_copy(
                update={
                    "run": "20261123-060000-abcdef",
                    "kpis": (RATE.model_copy(update={"value": 0.3, "low": 0.28, "high": 0.32}), SPENT),
                    "headline": f"Before {HOSTILE}",
                }
            )
        },
    }
)
PAST = [Kept(BEFORE, Path("reports/20261123-060000-abcdef"))]
FAILED = ENTRY.model_copy(
    update={
        "outcome": Outcome(
            state=State.CELL_ERROR, sentence=f"It broke: {HOSTILE}", cell=4, heading="Results", traceback=HOSTILE
        )
    }
)


@pytest.fixture(scope="module")
def body():
    return html.read(NOTEBOOK, "Which one?")


@pytest.fixture(scope="module")
def every_page(body):
    link = "../20261123-201530-abcdef/02_compare_algorithms.html"
    last = pages.LastGood(link, "20261123-201530-abcdef", NOW - timedelta(days=1), f"Then {HOSTILE}")
    return {
        "report": pages.report(RUN, ENTRY, body, CompareAlgorithms, PAST),
        "failure": pages.failure(RUN, FAILED, CompareAlgorithms, body, last),
        "nothing": pages.failure(
            RUN,
            ENTRY.model_copy(update={"outcome": Outcome(state=State.NOTHING, sentence="No events.")}),
            CompareAlgorithms,
            None,
            None,
        ),
        "index": pages.index(RUN, None, PAST),
    }


@pytest.fixture(params=["report", "failure", "nothing", "index"])
def page(request, every_page):
    return BeautifulSoup(every_page[request.param], "html.parser")


def test_nothing_runs_and_nothing_is_loaded(page):
    assert page.find(["script", "link", "iframe", "object", "embed", "base", "form"]) is None
    assert all(tag["src"].startswith("data:image/") for tag in page.find_all(src=True))
    assert all(not tag["href"].startswith(("http", "//", "data", "javascript")) for tag in page.find_all(href=True))
    assert not [name for tag in page.find_all() for name in tag.attrs if name.startswith("on")]
    assert "http://" not in str(page)
    assert "https://" not in str(page)
    assert "url(" not in page.style.string
    policy = page.find("meta", attrs={"http-equiv": "Content-Security-Policy"})["content"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'sha256-")
    assert "unsafe-inline" not in policy


def test_hostile_words_are_text(page):
    assert "alert(&#39;x&#39;)" in str(page) or "alert('x')" in page.get_text()
    assert page.find("script") is None


def test_structure_for_screen_readers(page):
    assert page.html["lang"] == "en"
    assert len(page.find_all("h1")) == 1
    assert len(page.find_all("main")) == 1
    assert page.find("a", class_="skip")["href"] == "#main"
    assert page.find(id="main").name == "main"
    levels = [int(tag.name[1]) for tag in page.find_all(["h1", "h2", "h3", "h4"])]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert all(tag.get("alt") for tag in page.find_all("img"))
    ids = [tag["id"] for tag in page.find_all(id=True)]
    assert len(ids) == len(set(ids))
    assert all(tag["tabindex"] == "0" and tag["aria-label"] for tag in page.select(".scroll"))
    targets = [link["href"][1:] for link in page.find_all("a", href=True) if link["href"].startswith("#")]
    assert set(targets) <= set(ids)


def test_the_foot_says_what_the_page_rests_on(page):
    foot = " ".join(page.find("footer").get_text().split())
    for words in (
        "or so they say.",
        "Results marked “Simulated” come from simulated shoppers",
        "1,469,307 order lines",
        "f" * 16,
        "commit " + "a" * 12 + ", with changes not committed",
        "Python 3.11.7",
        "20261124-201530-abcdef",
        "24 November 2026, 20:15 UTC",
        "kpis.implementation_cost",
        "Data up to 31 December 2017",
    ):
        assert words in foot
    assert "/home/me" not in str(page)
    assert f'content: "Run {RUN.id}"' in page.style.string  # at the foot of every printed page


def test_the_first_screen_is_state_question_and_answer(every_page):
    head = BeautifulSoup(every_page["report"], "html.parser").select_one("main > .head")
    assert [tag.get_text(" ", strip=True) for tag in head.find_all("p", recursive=False)][:3] == [
        "● Complete 24 November 2026, 20:15 UTC",
        "Which one?",
        "EASE <b>",
    ]


def test_the_body_has_results_not_machinery(body):
    soup = BeautifulSoup(body.html, "html.parser")
    assert soup.find(class_="headline") is None  # it is at the top of the page
    assert "For merchandisers." in soup.get_text()
    for absent in ("Which one?", "secret", "k = 20", "k: int", "UserWarning", "ndcg: 0.1", "The answer", "¶"):
        assert absent not in soup.get_text()
    assert [heading.name for heading in soup.find_all(["h1", "h2"])] == ["h2", "h2"]
    assert soup.find("table").parent["aria-label"] == "Lists"


def test_code_is_folded_away_and_complete(body):
    soup = BeautifulSoup(body.html, "html.parser")
    folded = [" ".join(each.get_text().split()) for each in soup.select("details.code")]
    assert len(folded) == 2
    assert "quiet_import" in folded[0]
    assert "show.table" in folded[0]
    assert "show.record" in folded[1]
    assert all(not each.has_attr("open") for each in soup.select("details"))
    assert all(pre.find_parent("details") for pre in soup.select(".highlight"))


def test_contents_lead_to_every_section(body):
    assert [section.title for section in body.sections] == ['Results of  & "sons"', "Second title"]


def test_figures_are_read(body):
    assert body.figures == {"ndcg": 0.1}
    assert body.headline == "EASE <b>"


def test_parameters_are_told_with_their_meaning(every_page):
    foot = BeautifulSoup(every_page["report"], "html.parser").find("footer").get_text(" ", strip=True)
    assert "k = 20 length of the recommendation lists that are judged" in foot
    assert "config =" not in foot


def test_a_failure_page_is_for_readers(every_page):
    soup = BeautifulSoup(every_page["failure"], "html.parser")
    text = " ".join(soup.get_text(" ").split())
    assert "Not updated on 24 November 2026. Last good report: 23 November 2026, 20:15 UTC ." in text
    assert f"It said: Then {HOSTILE}" in text
    assert text.index("It broke") < text.index("For analysts")
    assert soup.find("a", href="../20261123-201530-abcdef/02_compare_algorithms.html")
    assert "code cell 4, “Results”" in text
    assert "They are incomplete and nobody should decide on them." in text
    assert soup.select_one("details.traceback pre").get_text() == HOSTILE
    assert not soup.select_one("details.traceback").has_attr("open")


def test_a_page_without_results_says_so(every_page):
    assert "Nothing to report." in every_page["nothing"]
    assert "No events." in every_page["nothing"]
    assert "Not updated" not in every_page["nothing"]


def test_reading_does_not_change_the_notebook():
    before = str(NOTEBOOK)
    html.read(NOTEBOOK)
    assert str(NOTEBOOK) == before


def test_what_comes_after_a_failure_is_left_out():
    body = html.read(NOTEBOOK, until=8)
    assert "Lists" in body.html
    assert "<img" not in body.html


@pytest.mark.parametrize(
    ("outcome", "run", "word"),
    [
        (Outcome(state=State.OK), RUN.id, "Complete"),
        (Outcome(state=State.OK), "20261101-000000-aaaaaa", "Carried over from run 20261101-000000-aaaaaa"),
        (Outcome(state=State.TIMED_OUT), RUN.id, "Ended by time-out"),
        (Outcome(state=State.DATA_CHECK), RUN.id, "Data check failed"),
        (Outcome(state=State.KERNEL_DIED), RUN.id, "Kernel died"),
        (Outcome(state=State.CANCELLED), RUN.id, "Cancelled"),
        (Outcome(state=State.SKIPPED), RUN.id, "Skipped"),
        (Outcome(state=State.NOTHING), RUN.id, "Nothing to report"),
    ],
)
def test_every_state_has_a_word_and_a_shape(outcome, run, word):
    mark = pages.mark(ENTRY.model_copy(update={"outcome": outcome, "run": run}), RUN)
    assert mark.word == word
    assert mark.shape
    stale = ENTRY.model_copy(update={"outdated": True, "run": "20261101-000000-aaaaaa"})
    assert pages.mark(stale, RUN).word == "Stale: carried over from run 20261101-000000-aaaaaa"


def test_cells_name_their_headings_in_tables_that_share_ids():
    table = '<table><tr><th id="a">A</th><th id="b">B</th></tr><tr><td headers="a b">1</td></tr></table>'
    cells = [code("show.table()", shows(**{"text/html": table, "text/plain": "1"})) for _ in range(2)]
    body = BeautifulSoup(html.read(new_notebook(cells=cells)).html, "html.parser")
    assert [cell["headers"] for cell in body.find_all("td")] == [["a", "b"], ["a-2", "b-2"]]


def words(tag):
    return " ".join(tag.get_text(" ").split())


def test_cards_lead_to_their_definitions_and_back(every_page):
    page = BeautifulSoup(every_page["report"], "html.parser")
    cards = page.select(".head .cards > .card")
    assert [words(card) for card in cards] == [
        f"Rate {HOSTILE} 36.0% 34.0% to 38.0% 95% interval, 900 customers {HOSTILE} ▲ On target "
        "Target: at least 30.0% Since the last result: up 6.00 points (3.17 to 8.83): better.",
        "Spent 2.000 1.000 to 3.000 95% interval, 50 observations ◇ Simulated · No target "
        "Since the last result: as before.",
    ]
    for card in cards:
        note = page.find(id=card.a["href"][1:])
        assert note.parent["class"] == ["definitions"]
        assert note.a["href"] == f"#{card['id']}"
    assert "Holds results of simulated shoppers" not in words(page.footer)  # this is of the body, which has none


def test_terms_lead_to_their_definitions_and_back_also_where_a_notebook_failed():
    found = html.read(new_notebook(cells=[new_markdown_cell("## Text\n\nNDCG on the test weeks.")]))
    report = pages.report(RUN, ENTRY, found, CompareAlgorithms)
    failed = pages.failure(RUN, FAILED, CompareAlgorithms, found, None)
    for page, cards in ((report, 2), (failed, 0)):
        soup = BeautifulSoup(page, "html.parser")
        marks, notes = soup.select(".noteref a"), soup.select("ol.definitions > li")
        assert [words(note.strong) for note in notes[:2]] == ["NDCG", "Test weeks"]  # numbered as the marks are
        assert len(notes) == 2 + cards
        for number, (link, note) in enumerate(zip(marks, notes, strict=False), 1):
            assert (link["href"], link["role"], words(link)) == (f"#{note['id']}", "doc-noteref", f"[{number}]")
            assert (note.a["href"], note.a["role"]) == (f"#{link['id']}", "doc-backlink")


def test_what_changed_and_what_to_do_stand_before_the_evidence(every_page):
    page = BeautifulSoup(every_page["report"], "html.parser")
    assert [heading.get("id") for heading in page.select("article h2")][:2] == ["what-changed", "what-to-do"]
    told = words(page.article)
    assert "Set against run 20261123-060000-abcdef of 23 November 2026. 1 of 2 key figures moved" in told
    assert "Between the two runs data and code changed, so no single one can be named as the cause." in told
    assert f"The earlier headline: Before {HOSTILE}" in told
    assert words(page.find(id="what-to-do").find_next("ul")) == f"Ask {HOSTILE}"
    index = BeautifulSoup(every_page["index"], "html.parser")
    assert words(index.find(id="what-to-do").find_next("li")) == f"{ENTRY.title} : Ask {HOSTILE}"


def test_figures_that_miss_their_target_are_among_what_to_do(body):
    missed = RATE.model_copy(update={"target": 0.5})
    entry = ENTRY.model_copy(update={"kpis": (missed, SPENT), "actions": ()})
    page = BeautifulSoup(pages.report(RUN, entry, body, CompareAlgorithms), "html.parser")
    index = BeautifulSoup(pages.index(RUN.model_copy(update={"notebooks": {entry.name: entry}})), "html.parser")
    assert [words(line) for line in page.select("ul.actions li")] == [missed.call]
    assert [words(line) for line in index.select("ul.actions li")] == [f"{ENTRY.title} : {missed.call}"]


def test_the_index_sums_up_every_report_and_the_runs_before(every_page):
    page = BeautifulSoup(every_page["index"], "html.parser")
    assert words(page.select_one(".reports .answer")) == HOSTILE
    assert [words(line) for line in page.select(".reports .brief li")] == [
        f"Rate {HOSTILE} 36.0% (34.0% to 38.0%) ▲ On target",
        "Spent 2.000 (1.000 to 3.000) simulated",
    ]
    assert page.find("a", href="../20261123-060000-abcdef/index.html").get_text() == "24 November 2026, 20:15 UTC"
    assert page.find("a", href=f"{ENTRY.page}#what-changed")
    assert words(page.main).count("Between the two runs data and code changed") == 1
    drawing = page.find("svg", attrs={"role": "img"})
    assert drawing["aria-label"] == f"Rate {HOSTILE} in 2 results: first 30.0%, lowest 30.0%, highest 36.0%, now 36.0%"


def test_the_index_leads_to_the_last_good_report_of_what_failed():
    failed = RUN.model_copy(update={"notebooks": {FAILED.name: FAILED}})
    page = BeautifulSoup(pages.index(failed, None, [Kept(failed, Path("x")), *PAST]), "html.parser")
    answer = page.select_one(".answer")
    assert answer.a["href"] == f"../20261123-060000-abcdef/{ENTRY.page}"
    assert words(answer) == f"It broke: {HOSTILE} Last good report: 23 November 2026, 06:00 UTC ."
    gone = BeautifulSoup(pages.index(failed, None, [Kept(BEFORE, None)]), "html.parser")
    assert gone.select_one(".answer").a is None


def test_an_index_without_a_past_has_no_history():
    page = BeautifulSoup(pages.index(RUN), "html.parser")
    assert {heading.get("id") for heading in page.find_all("h2")}.isdisjoint({"history", "over-time", "what-changed"})


def test_a_result_that_was_carried_over_counts_once():
    carried = BEFORE.model_copy(update={"id": "20261124-060000-abcdef"})
    (rate, _) = pages.trends(RUN, [carried, BEFORE])
    assert [kpi.value for kpi in rate.past] == [0.3, 0.36]


def test_a_drawing_keeps_within_its_frame_and_stands_still():
    up = [RATE.model_copy(update={"value": v, "low": v - 0.1, "high": v + 0.1}) for v in (0.1, 0.2, 0.4)]
    soup = BeautifulSoup(spark(up), "html.parser")
    points = [tuple(map(float, pair.split(","))) for pair in soup.polyline["points"].split()]
    assert [x for x, _ in points] == [4, 60, 116]
    assert points[0][1] > points[1][1] > points[2][1]
    band = [float(pair.split(",")[1]) for pair in soup.polygon["points"].split()]
    assert (min(band), max(band)) == (4, 24)
    still = BeautifulSoup(spark([Kpi.counted(name="a", value=1)] * 2), "html.parser")
    assert len({pair.split(",")[1] for pair in still.polyline["points"].split()}) == 1
    assert spark(up[:1]) == spark([RATE, RATE.model_copy(update={"low": None})]) == ""


def test_cards_and_actions_are_read_from_the_notebook_and_not_shown_twice():
    kept = [kpi.model_dump(mode="json") for kpi in (RATE, SPENT)]
    cells = [
        new_markdown_cell("The figures that decide."),
        code("show.cards()", shows(**{CARDS: kept, "text/html": "<ul><li>card</li></ul>", "text/plain": "card"})),
        code("show.actions()", shows(**{ACTIONS: ["Wait."], "text/html": "<ul><li>x</li></ul>", "text/plain": "x"})),
        new_markdown_cell("## What changed\n\nText."),
        code("1", shows(**{"text/plain": "1"})),
    ]
    body = html.read(new_notebook(cells=cells))
    assert (body.kpis, body.actions, body.simulated) == ((RATE, SPENT), ("Wait.",), True)
    assert "<li>" not in body.html
    assert "that decide" not in body.html  # what leads to cards has nothing to lead to
    assert body.sections[0].id == "what-changed-2"  # the page has that id for its own


def test_cells_of_a_simple_table_say_only_what_readers_use():
    simple = (
        '<table><caption>A</caption><thead><tr><th id="a" class="gt_col_heading gt_right" scope="col">A</th>'
        '<th id="b" class="gt_col_heading" scope="col">B</th></tr></thead><tbody><tr>'
        '<th id="r" class="gt_row gt_stub" scope="row">x</th><td class="gt_row gt_right" headers="r b">1</td></tr>'
        "</tbody>"
        '<tfoot><tr><td colspan="2">Note</td></tr></tfoot></table>'
    )
    spanned = simple.replace('scope="col">A', 'scope="colgroup" colspan="2">A')
    for table, kept in [(simple, None), (spanned, ["r", "b"])]:
        cell = code("show.table()", shows(**{"text/html": table, "text/plain": "1"}))
        body = BeautifulSoup(html.read(new_notebook(cells=[cell])).html, "html.parser")
        assert body.select_one("tbody td").get("headers") == kept
        assert body.select_one("tbody td")["class"] == ["gt_right"]
        assert not body.select_one("tbody th").has_attr("class")
        assert body.select_one("tbody th").has_attr("id") == bool(kept)
