"""Messages when the state changes, and secrets that come up nowhere."""

import json
import logging
import smtplib
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import ModuleType, SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco.runs.children import Children
from reco.runs.notify import message, send
from reco.runs.record import Outcome, State
from reco.runs.secrets import MASK, Secrets
from reco.settings import Smtp
from reco.settings.runs import Notify
from tests.runs.test_history import entry, record

URL = "json://user:hush-hush@chat.example/?a=<b>&'c'"
PASSWORD = 'pass"word\\é'  # noqa: S105 it opens nothing
ENVIRONMENT = {"CHAT_URL": URL, "MAIL_USER": "reports", "MAIL_PASSWORD": PASSWORD}


def failed(*names):
    return record(0, *(entry(name, State.TIMED_OUT) for name in names), entry("fine", headline="Tea leads"))


WELL = record(1, entry("first"), entry("fine"))
ALERTS = record(0, entry("first", figures={"alerts": 2}), entry("fine"))


@pytest.mark.parametrize(
    ("before", "after", "subject"),
    [
        (None, WELL, None),
        (WELL, WELL, None),
        (None, failed("first"), "Corner: reports not all up to date"),
        (WELL, failed("first"), "Corner: reports not all up to date (before: up to date)"),
        (failed("first"), failed("first"), None),
        (failed("first"), failed("first", "second"), "Corner: reports not all up to date"),
        (failed("first"), WELL, "Corner: reports up to date (before: not all up to date)"),
        (WELL, ALERTS, "Corner: reports up to date, with alerts (before: up to date)"),
        (ALERTS, ALERTS, None),
    ],
)
def test_only_a_change_is_told(before, after, subject):
    told = message(before, after, None)
    assert (told and told.subject) == subject


def test_a_message_has_headlines_what_failed_and_the_link():
    run = failed("first")
    assert message(WELL, run, "https://reports.example/").text == (
        "first: time-out. It took longer than it may, and was ended.\n\n"
        f"fine: Tea leads\n\nhttps://reports.example/corner/{run.id}/index.html\n"
    )


def test_a_title_cannot_add_headers():
    run = failed("first")
    run = run.model_copy(update={"facts": run.facts.model_copy(update={"title": "Corner\r\nBcc: all@x"})})
    assert message(WELL, run, None).subject.startswith("Corner Bcc: all@x: reports")


@pytest.fixture
def outside(monkeypatch):
    """Stands for Apprise and a mail server, both of which fail when `broken` is set, with the secret in their words."""
    seen = SimpleNamespace(told=[], logins=[], mails=[], broken=False, logged=[])

    class Apprise:
        def add(self, url):
            self.url = url
            logging.getLogger("apprise").error("added %s", url)
            return not seen.broken

        def notify(self, **told):
            seen.told.append((self.url, told))
            return True

    module = ModuleType("apprise")
    module.Apprise, module.NotifyFormat = Apprise, SimpleNamespace(TEXT="text")
    monkeypatch.setitem(sys.modules, "apprise", module)

    class Server:
        def __init__(self, host, port, timeout):
            assert timeout == 10

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def starttls(self, context):
            assert context.check_hostname

        def login(self, *login):
            if seen.broken:
                raise smtplib.SMTPAuthenticationError(535, f"{login} is wrong".encode())
            seen.logins.append(login)

        def send_message(self, mail):
            seen.mails.append(mail)
            return {}

    monkeypatch.setattr(smtplib, "SMTP", Server)
    handler = logging.Handler()
    handler.emit = lambda line: seen.logged.append(line.getMessage())
    logging.getLogger("apprise").addHandler(handler)
    yield seen
    logging.getLogger("apprise").removeHandler(handler)


SETTINGS = Notify(
    services=["CHAT_URL"],
    email=Smtp(
        host="mail.example",
        sender="a@x.example",
        recipients=["b@x.example"],
        user="MAIL_USER",
        password="MAIL_PASSWORD",  # noqa: S106 the name of a variable
    ),
)
TOLD = message(WELL, failed("first"), None)


def test_every_way_is_told(outside):
    lines = []
    send(TOLD, SETTINGS, lines.append, ENVIRONMENT)
    assert lines == ["  ● told the service in CHAT_URL", "  ● told mail"]
    assert outside.told == [(URL, {"title": TOLD.subject, "body": TOLD.text, "body_format": "text"})]
    assert outside.logins == [("reports", PASSWORD)]
    [mail] = outside.mails
    text, html = mail.iter_parts()
    assert (mail["Subject"], mail["To"], text.get_content()) == (TOLD.subject, "b@x.example", TOLD.text)
    assert html.get_content().split() == TOLD.html.split()
    assert outside.logged == []  # Apprise's log may hold addresses


@pytest.mark.parametrize("environment", [ENVIRONMENT, {}])
def test_what_cannot_be_told_is_said_without_the_secret(outside, environment):
    outside.broken = True
    lines = []
    send(TOLD, SETTINGS, lines.append, environment)
    assert len(lines) == 2
    assert all(line.startswith("  ■ could not tell") for line in lines)
    assert not any(secret in line for line in lines for secret in ("hush", PASSWORD))
    assert outside.logged == []
    assert ("CHAT_URL is not set" in lines[0]) == (not environment)


def test_apprise_itself_takes_the_message():
    pytest.importorskip("apprise")
    got = []

    class Chat(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            return None

    lines = []
    with HTTPServer(("127.0.0.1", 0), Chat) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        url = f"json://user:hush-hush@127.0.0.1:{server.server_port}"
        send(TOLD, Notify(services=["CHAT_URL"]), lines.append, {"CHAT_URL": url})
        thread.join(10)
    assert lines == ["  ● told the service in CHAT_URL"]
    assert (got[0]["title"], got[0]["message"].split()) == (TOLD.subject, TOLD.text.split())


def test_nobody_is_told_unless_named(outside):
    send(TOLD, Notify(), pytest.fail, ENVIRONMENT)


@given(st.text(min_size=8), st.text(), st.text())
def test_a_secret_never_stays(secret, before, after):
    assert secret not in Secrets(["S"], {"S": secret}).clear(f"{before}{secret}{after}").replace(MASK, "")


def test_short_values_and_unset_variables_are_left_alone():
    assert Secrets(["A", "B"], {"A": "reports"}).clear("reports") == "reports"


def test_no_file_or_line_of_a_run_holds_a_secret(fresh_shop, monkeypatch, outside, write_notebook):
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    settings = fresh_shop.root / "workbook.yaml"
    settings.write_text(
        settings.read_text()
        + "runs: {notify: {services: [CHAT_URL], email: {host: h, sender: s@x.example, recipients: [r@x.example], "
        + "user: MAIL_USER, password: MAIL_PASSWORD}}}\n"
    )

    def execute(children, source, target, parameters):
        assert set(children.withheld) == {"CHAT_URL", "MAIL_PASSWORD"}
        write_notebook(target, f"# Said\n\n{URL} {PASSWORD}", "k = 1", f"print({URL!r}, {PASSWORD!r})")
        if source.stem == "second":
            words = f"{URL} {PASSWORD} {URL!r} {PASSWORD!r}"
            return Outcome(state=State.CELL_ERROR, sentence=words, heading=words, cell=2, traceback=words)
        return Outcome(state=State.OK)

    monkeypatch.setattr(Children, "execute", execute)
    assert fresh_shop.run().code == 1
    texts = [path.read_text() for path in fresh_shop.store.rglob("*") if path.is_file()]
    assert sum(MASK in text for text in texts) >= 5
    for text in [*texts, *fresh_shop.lines, *(told["body"] for _, told in outside.told)]:
        assert "hush" not in text
        assert "word\\" not in text
        assert "pass&" not in text
    assert "  ● told mail" in fresh_shop.lines
    assert outside.mails[0]["Subject"].startswith("Corner shop <&> sons: reports not all up to date")


def test_notebooks_do_not_see_the_secrets_of_the_run(monkeypatch, tmp_path):
    class StartedError(Exception):
        pass

    def start(_, folder, environment, log):
        raise StartedError(environment)

    monkeypatch.setattr(Children, "_start", start)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(StartedError) as started:
        Children(1, 1, ["CHAT_URL", "MAIL_PASSWORD"]).execute(tmp_path / "a.ipynb", tmp_path / "b.ipynb", {})
    seen = started.value.args[0]
    assert seen["MAIL_USER"] == "reports"
    assert not {"CHAT_URL", "MAIL_PASSWORD"} & set(seen)
