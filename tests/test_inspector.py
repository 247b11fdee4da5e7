"""The inspector: its numbers are those of the slates that notebook 04 makes, its words are safe, its panel follows."""

import re
from html import escape, unescape

import nbformat
import pandas as pd
import pytest

from reco import Workbook, contexts, inspector, pipeline
from reco.contexts.requests import Requests
from reco.errors import InputError
from reco.inspector import choices, inspect
from reco.notebooks import NOTEBOOKS, START
from reco.report import display, panel
from reco.report import inspector as views
from reco.report.privacy import pseudonyms

ROOT = START.parents[1]
STANDING = inspector._standing
HOSTILE = '<img src=x onerror="alert(1)">&<script>alert(2)</script>'


@pytest.fixture(scope="module")
def until(wb):
    return pipeline.periods(wb).end


@pytest.fixture(scope="module")
def filled(wb, until):
    return contexts.fill(wb, until)


@pytest.fixture(scope="module", autouse=True)
def filled_once(filled):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inspector, "_standing", lambda wb, context, until: filled[context])
        yield


@pytest.fixture(scope="module")
def who(wb, until):
    return contexts.example_customer(wb, until)


@pytest.fixture(scope="module")
def email(wb, until, who):
    return inspect(wb, who.customer_id, "email", until)


@pytest.fixture(scope="module")
def pickers(wb, until):
    return panel.Panel(wb, until)


def words(html):
    """What a reader sees of HTML, without its styles."""
    return unescape(re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<style.*?</style>", "", html)))


# what is found


@pytest.mark.parametrize("context", ["product_page", "cart", "email", "homepage", "post_purchase", "abandoned_cart"])
def test_the_slate_is_the_one_that_notebook_04_shows(wb, until, filled, who, context):
    found = inspect(wb, who.customer_id, context, until)
    mine, beside = contexts.slate_of(filled[context], wb.settings.contexts[context].anchor, who)
    columns = ["position", "item_id", "strategy", "reason", "fallback", "propensity"]
    pd.testing.assert_frame_equal(found.slate[columns], mine.sort_values("position")[columns].reset_index(drop=True))
    assert len(found.slate) > 0
    assert found.remark == ""
    titles = wb.connection.to_pandas(wb.table("products")).set_index("product_id")["title"]
    assert found.slate["title"].tolist() == titles[found.slate["item_id"]].tolist()
    assert sorted(found.beside) == sorted(titles[beside["item_id"]])
    said = set(", ".join(mine["gave_way"]).split(", ")) - {""}
    assert set(found.rules.loc[found.rules["gave_way"], "rule"]) == said
    assert found.slate["explored"].tolist() == (found.slate["propensity"] <= 0.1).tolist()


def test_the_page_is_that_of_the_product_in_most_orders_and_of_two_the_lower_id():
    lines = pd.DataFrame({"product_id": ["c", "b", "b", "a", "a", "a"], "order_id": ["1", "1", "2", "1", "2", "2"]})
    assert inspector._usual(lines) == "a"


def test_the_slates_of_one_context_are_those_of_all_contexts_filled(wb, until, filled):
    found = STANDING(wb, "cart", until)
    pd.testing.assert_frame_equal(found.slates, filled["cart"].slates)


def test_what_rules_refused_adds_up_to_the_report_of_many_slates(wb, until, filled):
    requests = filled["email"].requests
    some = requests.frame.iloc[[0, 7, 50]]
    report = contexts.make_slates(wb, "email", Requests(some, requests.anchors), until).report.set_index("rule")
    each = [inspect(wb, customer, "email", until) for customer in some["customer_id"]]
    summed = pd.concat([one.rules for one in each]).groupby("rule")["removed"].sum()
    assert summed.to_dict() == report["removed"].to_dict()
    assert summed.sum() > 0
    named = pd.concat([one.refused for one in each])["rule"].value_counts()
    assert named.to_dict() == {kind: count for kind, count in summed.items() if count}


def test_what_was_bought_lately_is_refused_and_not_shown(email):
    lately = email.refused.loc[email.refused["rule"] == "not_bought_within", "item_id"]
    days = email.history.set_index("item_id")["days_ago"]
    assert len(lately) > 0
    assert (days[lately] < 30).all()
    assert not email.slate["item_id"].isin(email.refused["item_id"]).any()


def test_what_would_come_without_a_rule_is_what_all_slates_without_it_show(wb, until, who, email):
    """Each rule that acted on this slate, against the whole context filled under the changed rules."""
    requests = contexts.standing_requests(wb, "email", until)
    plain = wb.settings.rules.changed(exploration=None)

    def shown(rules):
        frame = contexts.make_slates(wb, "email", requests, until, rules).frame
        return set(frame.loc[frame["customer_id"] == who.customer_id, "item_id"])

    now = shown(plain)
    tried = ["not_bought_within", "margin"]
    for kind in tried:
        other = shown(plain.changed(**{kind: None}))
        swaps = email.swaps[email.swaps["rule"] == kind].groupby("way")["item_id"].agg(set)
        assert swaps.get("comes", set()) == other - now
        assert swaps.get("goes", set()) == now - other
    assert email.swaps["rule"].isin(tried).any()
    counts = email.rules.set_index("rule")[["comes", "goes"]]
    assert counts.sum().sum() == len(email.swaps)


def test_nobody_is_shown_a_slate_without_consent_even_to_try(wb, until, monkeypatch, who):
    tried, real = [], inspector.make_slates
    acted = pd.DataFrame({"rule": wb.settings.rules.order, "removed": 1, "moved": 1, "gave_way": 1})

    def make(wb, context, requests, until, rules=None):
        tried.append(wb.settings.rules if rules is None else rules)
        return real(wb, context, requests, until, rules)._replace(report=acted)

    monkeypatch.setattr(inspector, "make_slates", make)
    inspect(wb, who.customer_id, "email", until)
    assert len(tried) > 5
    assert all(rules.consent is not None and rules.reset is not None for rules in tried)


def test_history_is_what_was_bought_of_what_may_be_recommended(wb, until, who, email):
    lines = pipeline.sold(wb)
    mine = wb.connection.to_pandas(lines.filter(lines.customer_id == who.customer_id))
    mine = mine[mine["ordered_at"] < until]
    assert email.orders == mine["order_id"].nunique()
    assert email.revenue == pytest.approx(float(mine["revenue"].sum()))
    found = email.history.set_index("item_id")
    assert found["orders"].to_dict() == mine.groupby("product_id")["order_id"].nunique().to_dict()
    assert found["last"].to_dict() == mine.groupby("product_id")["ordered_at"].max().to_dict()
    assert email.history["last"].is_monotonic_decreasing


def test_who_wants_no_mail_has_no_slate_and_the_inspector_says_so(wb, until, who, monkeypatch):
    refused = pd.Series([who.customer_id])
    monkeypatch.setattr("reco.contexts.requests.refused_mail", lambda wb: refused)
    monkeypatch.setattr(inspector, "refused_mail", lambda wb: refused)
    monkeypatch.setattr(inspector, "_standing", STANDING.__wrapped__)
    found = inspect(wb, who.customer_id, "email", until)
    assert found.slate.empty
    assert found.remark == "this customer wants no mail"
    assert found.sentence.endswith("sees nothing in E-mail: this customer wants no mail.")
    assert repr(views.tables(found)["Slate"]) == found.sentence


def test_says_what_there_cannot_be(wb, until, who):
    with pytest.raises(InputError, match="no context 'kiosk'; expected one of product_page, cart"):
        inspect(wb, who.customer_id, "kiosk", until)
    with pytest.raises(InputError, match="no customer 'nobody' who bought anything before"):
        inspect(wb, "nobody", "email", until)


def test_customers_to_look_at_are_the_best_the_middle_and_the_newest(wb, until, who):
    found = choices(wb, until, best=3, middle=2, newest=2)
    assert found["customer_id"].iloc[0] == who.customer_id
    assert found["customer_id"].is_unique
    assert 5 <= len(found) <= 7
    assert found["words"].str.contains("number 1 by revenue")[0]
    assert found["words"].iloc[-1].split(", ")[1] == "among the newest"
    assert pseudonyms(wb, found["customer_id"]) == found["words"].str.split(",").str[0].tolist()
    assert found["words"].str.split(",").str[0].is_unique


# what is shown


def test_tables_say_what_was_found_without_naming_the_customer(email, who):
    shown = views.tables(email)
    html = " ".join(one._repr_html_() for one in shown.values())
    for title in email.slate["title"]:
        assert title in words(shown["Slate"]._repr_html_())
    assert [row[0] for row in shown["Rules"].cells.to_numpy()] == email.rules["title"].tolist()
    assert [int(count) for count in shown["Refused"].cells["Products"]] == email.rules["removed"][
        email.rules["removed"] > 0
    ].tolist()
    assert len(shown["History"].cells) == views.MOST_BOUGHT
    assert email.customer in words(html)
    assert who.customer_id not in re.findall(r"\w+", words(html))


def test_hostile_titles_stay_text(wb, email):
    bad = {"title": HOSTILE, "category": HOSTILE, "strategy": HOSTILE, "reason": HOSTILE}
    found = email._replace(
        title=HOSTILE,
        beside=(HOSTILE,),
        history=email.history.assign(title=HOSTILE, category=HOSTILE),
        slate=email.slate.assign(**bad),
        refused=email.refused.assign(title=HOSTILE),
        swaps=email.swaps.assign(title=HOSTILE),
    )
    seen = views.preview(wb, found)
    for html in [seen.html, seen._repr_html_(), *(one._repr_html_() for one in views.tables(found).values())]:
        assert "<img" not in html
        assert "<script" not in html
    assert HOSTILE in words(views.tables(found)["Slate"]._repr_html_())


def test_show_gives_every_table_once_with_ids_of_their_own(email, monkeypatch):
    found = []
    monkeypatch.setattr(display, "display", found.append)
    views.show(email)
    assert len(found) == len(panel.TABS) - 1 == 4  # the other tab is what shoppers see
    assert len({one.id for one in found}) == 4


def test_notebook_04_explains_a_slate_or_says_that_there_is_no_such_context(wb, until, who, email, monkeypatch):
    found = []
    monkeypatch.setattr(display, "display", found.append)
    views.explain(wb, who.customer_id, "kiosk", until)
    views.explain(wb, who.customer_id, "email", until)
    said = ["The settings declare no context kiosk.", email.sentence, *map(repr, views.tables(email).values())]
    assert [repr(one) for one in found] == said


# the panel


def test_the_panel_opens_with_the_best_customer_and_follows_the_pickers(wb, until, pickers, who):
    seen, slate, rules, _, history = pickers.tabs.children
    assert pickers.customer.value == who.customer_id
    assert pickers.tabs.titles == panel.TABS
    for name in ("cart", "email"):
        pickers.context.value = name
        expected, title = inspect(wb, who.customer_id, name, until), wb.settings.contexts[name].title
        assert expected.sentence in words(pickers.said.value)
        assert f"{title}: what is shown" in words(slate.value)
        assert all(title in words(slate.value) for title in expected.slate["title"])
        assert f"{title}: what each rule did" in words(rules.value)
        assert seen.value.startswith(f'<iframe sandbox title="{title}: {len(expected.slate)} products')
        widget = words(unescape(seen.value))
        assert all(title in widget for title in expected.slate["title"])
        assert all(f", beside {escape(title)}" in seen.value for title in expected.beside[:1])
    pickers.customer.value = other = pickers.customer.options[-1][1]
    assert pseudonyms(wb, [other])[0] in words(pickers.said.value)
    assert f"{pseudonyms(wb, [other])[0]}: bought before" in words(history.value)


def test_the_panel_takes_an_id_and_says_when_there_is_no_such_customer(wb, until, pickers, who, filled):
    pickers.context.value = "email"
    other = filled["email"].requests.frame["customer_id"].iloc[20]
    pickers.id.value = f" {other} "
    assert inspect(wb, other, "email", until).sentence in words(pickers.said.value)
    pickers.id.value = HOSTILE
    assert "<img" not in pickers.said.value
    assert "Nothing to show: no customer '<img src=x" in words(pickers.said.value)
    assert [tab.value for tab in pickers.tabs.children] == [""] * 5
    pickers.customer.value = next(id for _, id in pickers.customer.options if id != pickers.customer.value)
    assert pickers.id.value == ""
    assert pseudonyms(wb, [pickers.customer.value])[0] in words(pickers.said.value)


# the start notebook


def cells(kind):
    return [cell for cell in nbformat.read(START, 4).cells if cell.cell_type == kind]


def test_make_lab_opens_the_start_notebook_and_no_run_touches_it():
    target = re.search(r"(?m)^lab:.*\n\t(.*)$", (ROOT / "Makefile").read_text())[1]
    assert f"--LabApp.default_url=/lab/tree/{START.relative_to(ROOT).as_posix()}" in target
    assert "--ServerApp.root_dir=." in target
    assert START.stem not in NOTEBOOKS


def test_the_map_names_every_notebook_with_its_question_in_order():
    text = "\n".join(cell.source for cell in cells("markdown"))
    rows = re.findall(r"(?m)^\| \[(\w+)\]\((\w+)\.ipynb\) \| (.*?) \|", text)
    assert rows == [(name, name, book.question) for name, book in NOTEBOOKS.items()]


def test_links_of_the_start_notebook_lead_to_files():
    links = re.findall(r"\]\(([^)]+)\)", "\n".join(cell.source for cell in cells("markdown")))
    assert len(links) > 12
    assert [link for link in links if not (START.parent / link).is_file()] == []


def test_keeps_the_static_tables_and_nothing_of_the_machine_or_the_panel():
    notebook = nbformat.read(START, 4)
    nbformat.validate(notebook)
    assert set(notebook.metadata) == {"kernelspec", "language_info"}
    (kept,) = (cell for cell in cells("code") if "keep_output" in cell.metadata.get("tags", []))
    assert [cell.id for cell in cells("code") if cell.outputs] == [kept.id]
    html = [output.data["text/html"] for output in kept.outputs]
    assert html[0].startswith('<p class="headline">Customer ')
    assert sum("<table" in one for one in html) == 4
    assert "widget-view" not in str(kept.outputs)
    assert not re.search(r"(?<![\w/])/(home|root|tmp|work)/\w", str(kept.outputs))
    assert [cell.execution_count for cell in cells("code")] == list(range(1, len(cells("code")) + 1))


def test_the_start_notebook_runs_on_another_store(wb, until, email, monkeypatch):
    """Cell after cell in this process, with the settings of the sample."""
    shown, space = [], {}
    monkeypatch.setattr(display, "display", shown.append)
    monkeypatch.setattr(Workbook, "load", classmethod(lambda cls, path: wb))
    for cell in cells("code"):
        exec(compile(cell.source, cell.id, "exec"), space)  # noqa: S102 our own notebook
    said = [repr(one) for one in shown]
    assert [line.split()[1] for line in said[0].splitlines()[:7]] == list(NOTEBOOKS)
    assert said[1] == email.sentence
    assert said[2:] == [repr(one) for one in views.tables(email).values()]
    assert len(space["wb"].settings.contexts) == 6
