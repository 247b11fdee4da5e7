"""The digest that people are sent: what it says, that nothing in it is loaded or runs, and that a server takes it."""

import email
import email.policy
import socketserver

import pytest
from bs4 import BeautifulSoup

from reco.report.digest import digest
from reco.report.kpi import Kpi
from reco.runs.notify import message, tell
from reco.runs.outcomes import State
from reco.settings import Smtp
from reco.settings.runs import Notify
from tests.monitoring.test_alerts import Mails, serving
from tests.runs.test_history import entry, record

HOSTILE = "<script>x</script> & \"sons\" 'n' {{ 7 * 7 }}"
RATE = Kpi(
    name=f"Rate {HOSTILE}", value=0.3, low=0.28, high=0.32, n=400, format="percent", better="higher", target=0.25
)
SIX = [RATE.model_copy(update={"name": f"Rate {number}"}) for number in range(6)]
RUN = record(
    0,
    entry("first", headline=f"Tea leads {HOSTILE}", kpis=[RATE], figures={"alerts": 2}),
    entry("second", State.TIMED_OUT, headline="Old news", kpis=SIX),
    entry("third", headline="Jam", kpis=SIX),
)
LINK = "https://reports.example/all"
PLACE = f"{LINK}/corner/{RUN.id}"


@pytest.fixture(scope="module")
def page():
    return BeautifulSoup(digest(RUN, "Corner: up to date", PLACE), "html.parser")


def test_it_says_what_the_reports_say(page):
    words = " ".join(page.get_text(" ").split())
    assert f"Tea leads {HOSTILE}" in words
    assert f"▲ Rate {HOSTILE}: 30.0% (28.0% to 32.0%) – On target" in words
    assert "alerts: 2" in words
    assert "Time-out. It took longer than it may, and was ended." in words
    assert "Old news" not in words
    assert len(page.find_all("ul")[-1].find_all("li")) == 5


def test_it_leads_to_the_run_and_nowhere_else(page):
    pages = ["index.html", "first.html", "second.html", "third.html"]
    assert [link["href"] for link in page.find_all("a")] == [f"{PLACE}/{name}" for name in pages]
    assert BeautifulSoup(digest(RUN, "Corner", None), "html.parser").find("a") is None


def test_nothing_in_it_is_loaded_or_runs_and_styles_are_inlined(page):
    assert page.find(["script", "img", "link", "style", "form"]) is None
    assert page.find("h1")["style"].startswith("margin")
    assert not [name for tag in page.find_all() for name in tag.attrs if name.startswith("on")]
    assert len(str(page)) < 40_000


def test_a_server_gets_both_forms(capsys):
    with serving(socketserver.TCPServer, Mails) as server:
        smtp = Smtp(
            host="127.0.0.1",
            port=server.server_address[1],
            security="none",
            sender="a@x.example",
            recipients=["b@x.example"],
        )
        settings = Notify(email=smtp, link=LINK, digest="run")
        tell(RUN, RUN, settings, print)  # nothing changed
        told = server.seen.copy()
        tell(RUN, RUN, settings.model_copy(update={"digest": "change"}), print)
        assert server.seen == told
    assert capsys.readouterr().out == "  ● told mail\n"
    source = "\n".join(told[told.index("data") + 1 : told.index("QUIT") if "QUIT" in told else None])
    mail = email.message_from_string(source, policy=email.policy.default)
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert [text.get_content_type(), html.get_content_type()] == ["text/plain", "text/html"]
    expected = message(None, RUN, LINK)
    assert mail["Subject"] == expected.subject
    assert text.get_content().split() == expected.text.split()
    assert f"first: Tea leads {HOSTILE} Alerts: 2.\n▲ Rate {HOSTILE}: 30.0%" in expected.text
    assert expected.text.endswith(f"\n\n{PLACE}/index.html\n")
    shown = BeautifulSoup(html.get_content(), "html.parser")
    assert shown.h1.get_text() == expected.subject
    assert shown.find("script") is None
