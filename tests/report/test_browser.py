"""Every page of a run in Chromium: what axe finds, requests, the console, headings, the keyboard, a phone's width."""

import importlib.util
import io
from contextlib import nullcontext, redirect_stdout
from copy import deepcopy
from datetime import date
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib import pyplot as plt
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from reco.notebooks import Notebook, UnifyData
from reco.report import display
from reco.report.kpi import Kpi
from reco.runs.children import Children
from reco.runs.outcomes import Outcome, State
from reco.runs.runner import run
from tests.runs.conftest import ORDERS, SETTINGS
from tests.widgets.made import made

ROOT = Path(__file__).resolve().parents[2]


def script():
    """scripts/check_pages.py as a module."""
    spec = importlib.util.spec_from_file_location("check_pages", ROOT / "scripts" / "check_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


check_pages = script()

FRAME = pd.DataFrame(
    {
        "segment": ["loyal <&>", "new"],
        "customers": [400, 3],
        "revenue": [1.5, 2.25],
        "low": [1.0, 2.0],
        "high": [2.0, 3.0],
        "first day": [date(2026, 1, 2), None],
    }
    | {f"a column with a long name, number {number}": ["some words in a cell", "more"] for number in range(9)}
)


def everything(value: float) -> None:
    """One output of every kind."""
    figure, axes = plt.subplots()
    axes.plot([1, 2, 3])
    axes.set_title("Drawn words")
    display.headline("Tea leads with 12 % (10 % to 14 %)")
    rate = Kpi(name="Rate <&>", value=value, low=value - 0.1, high=value + 0.1, n=99, better="higher", target=0.5)
    few = rate.model_copy(update={"name": "Few", "n": 3, "definition": "What it is."})
    display.cards([rate, few, Kpi.counted(name="Orders", value=1200, format="integer", simulated=True)])
    display.actions(["Wait & see.", "Look again."])
    display.note("A remark")
    display.simulated()
    display.listing("k: 1\n" + "word " * 60)
    for _ in range(2):  # the same id twice
        display.table(FRAME, "Segments", "A note", intervals={"revenue": ("low", "high")}, subtitle="In 2026")
    display.figure(figure, "A line that climbs", "Captions", data=FRAME)
    from reco.widgets import module, style

    for _ in range(2):
        display.preview(f"<style>{style()}</style>{module(made('scroll'))}", "What a shopper sees")
    print("printed " * 40)
    display.record(ndcg=0.25, alerts=0)


def cells(value: float) -> list[NotebookNode]:
    """A notebook that says all that a notebook can say."""
    objects, said = [], io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(said):
        patch.setattr(display, "display", objects.append)
        everything(value)
    made = [new_markdown_cell("# Book\n\n**Which?**\n\nSome `code`, a list:\n\n- one\n- two\n\n> quoted")]
    for number, one in enumerate(objects):
        data, metadata = DisplayFormatter().format(one)
        source = "x = 'a string' + str(1)  # why\ncall(" + "argument, " * 30 + ")"
        made += [
            new_markdown_cell(f"## Part {number}\n\nWhat comes now."),
            new_code_cell(source, outputs=[new_output("display_data", data=data, metadata=metadata)]),
        ]
    return [*made, new_code_cell("print()", outputs=[new_output("stream", text=said.getvalue())])]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Notebooks without kernels: whole, failed halfway, skipped, with nothing to report; and a gallery."""
    root = tmp_path_factory.mktemp("shown")
    (root / "workbook.yaml").write_text(SETTINGS)
    (root / "orders.csv").write_text(ORDERS)
    (root / "books").mkdir()
    states = {"whole": State.OK, "failed": State.OK, "skipped": State.OK, "trial": State.OK}
    table = {"skipped": {"after": ("failed",)}, "trial": {"needs": ("experiment",)}}
    notebooks = {
        name: Notebook(
            name=name,
            title=name.title(),
            question="Which?",
            folder=root / "books",
            parameters=UnifyData,
            **table.get(name, {}),
        )
        for name in states
    }
    for name in states:
        nbformat.write(
            new_notebook(cells=[new_code_cell("k = 1", metadata={"tags": ["parameters"]})]), notebooks[name].path
        )

    told = cells(0.2)

    def execute(_, source, target, parameters):
        notebook, state = new_notebook(cells=deepcopy(told)), states[source.stem]
        if state != State.OK:
            notebook.cells[8].metadata["papermill"] = {"status": "running"}
        nbformat.write(notebook, target)
        if state == State.OK:
            return Outcome(state=state)
        return Outcome(state=state, sentence="It took too long.", cell=3, traceback="Traceback " * 30)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Children, "execute", execute)
        patch.setattr("reco.runs.runner.started", lambda _: nullcontext())  # nothing is executed
        patch.setattr("reco.runs.execution.FILLS", "whole")
        patch.setattr("reco.runs.execution.gallery", lambda *_, **__: gallery_page())
        run(root / "workbook.yaml", notebooks=notebooks, say=lambda _: None)
        told, states["failed"] = cells(0.9), State.TIMED_OUT
        run(root / "workbook.yaml", notebooks=notebooks, say=lambda _: None, force=True)
    found = sorted((root / "reports" / "corner").glob("2*"))[-1]
    assert len([*found.glob("*.html")]) == 6
    index, whole = ((found / name).read_text() for name in ("index.html", "whole.html"))
    assert all(words in index for words in ("What changed", "What to do", "Figures over time", "gallery.html"))
    assert all(words in whole for words in ("Show data", "Not enough data", "under 10", "Part that scrolls"))
    assert "Last good report" in (found / "failed.html").read_text()
    return found


def gallery_page() -> str:
    from reco.report import gallery
    from tests.widgets.test_gallery import UNTIL, scene

    return gallery.page([scene("carousel"), scene("sections", channel="email")], "Shop", UNTIL, index=True)


def test_nothing_is_wrong_with_any_page_of_a_run(folder, browser):
    findings = [one for path in sorted(folder.glob("*.html")) for one in check_pages.check(browser, path)]
    assert findings == []


def test_the_policy_lets_every_style_in_and_no_other(folder, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto((folder / "whole.html").as_uri())
    colour = "getComputedStyle(document.querySelector('.preview .scroll > div')).color"
    assert page.evaluate(colour) == "rgb(27, 33, 38)"
    assert page.evaluate(
        "document.querySelectorAll('img').length && [...document.images].every((one) => one.naturalWidth)"
    )
    said = []
    page.on("console", lambda message: said.append(message.text))
    page.evaluate("document.querySelector('h1').setAttribute('style', 'color: red')")
    page.evaluate(
        "document.head.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))"
    )
    assert page.evaluate("window.ran") is None
    assert len([text for text in said if "Content Security Policy" in text]) == 2
    summary = page.locator("details.code summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("details.code pre").first.is_visible()
    context.close()


def test_what_is_wrong_is_found(browser, tmp_path):
    page = tmp_path / "bad.html"
    page.write_text(
        "<html><body><h1>A</h1><h3>B</h3><img src='https://out.example/a.png'>"
        "<p style='color:#eee;background:#fff'>C</p>"
        "<div style='overflow:auto;width:100px'><p style='width:900px'>D</p></div><p style='width:700px'>E</p>"
        "<a href='#a' style='outline:none'>F</a><script>console.log('said')</script></body></html>"
    )
    found = {(one.check, one.words.split(":")[0]) for one in check_pages.check(browser, page)}
    assert {check for check, _ in found} == {"axe", "request", "console", "headings", "keyboard", "width"}
    assert {("keyboard", "cannot scroll at 360"), ("keyboard", "focus is not to be seen")} <= found
