"""Alerts reach a command, a mail server and a webhook of this machine; failures are told and hold no secret."""

import json
import socketserver
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from reco.monitoring import Check
from reco.monitoring.alerts import COLUMNS, Delivery, alert_table, deliver, write_alerts
from reco.settings import Alerting, Monitoring

MOMENT = "2026-03-02T06:00:00+00:00"
SECRET = "hunter2-very-secret"  # noqa: S105 nobody's
FRAME = pd.DataFrame(
    [("act", "CTR", 0.04, 0.06, "a cause\nof two lines", "näher ansehen"), ("watch", "traffic", 0.1, 0.1, "c", "a")],
    columns=COLUMNS,
)


class Mails(socketserver.StreamRequestHandler):
    """As much of SMTP as a client needs; a recipient called `nobody` is refused."""

    def handle(self):
        self.wfile.write(b"220 here\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper()
            self.server.seen.append(line.decode().strip())
            if word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                while (text := self.rfile.readline()) != b".\r\n":
                    self.server.seen.append(text.decode().rstrip())
            self.wfile.write(
                b"550 unknown\r\n" if b"nobody" in line else b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n"
            )
            if word == b"QUIT":
                break


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted; `/moved` points elsewhere, `/broken` fails."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, self.headers["Authorization"], json.loads(body)))
        self.send_response({"/moved": 302, "/broken": 500}.get(self.path, 204))
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_):
        pass


@contextmanager
def serving(kind, handler):
    with kind(("127.0.0.1", 0), handler) as server:
        server.seen = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture
def mails():
    with serving(socketserver.TCPServer, Mails) as server:
        yield server


@pytest.fixture
def hook():
    with serving(HTTPServer, Hook) as server:
        yield server


def send(environment=None, frame=FRAME, **settings):
    return deliver(frame, Alerting(**settings), "corner", MOMENT, environment or {})


def mail(server, **more):
    return {
        "host": "127.0.0.1",
        "port": server.server_address[1],
        "security": "none",
        "sender": "a@shop.example",
        **more,
    }


def url(server, path=""):
    return f"http://127.0.0.1:{server.server_address[1]}/{path}"


def test_nothing_is_sent_unless_somebody_is_named(hook):
    assert Monitoring().alerts == Alerting()
    assert send() == []
    assert send({"HOOK": url(hook)}, FRAME.head(0), webhook={"url": "HOOK"}) == []
    assert send({"HOOK": url(hook)}, FRAME.tail(1), webhook={"url": "HOOK"}) == []  # to watch, and `least` is act
    assert hook.seen == []


def test_a_command_gets_the_alerts_and_no_shell(tmp_path):
    out = tmp_path / "got $(id).json"
    script = "import sys; open(sys.argv[1], 'wb').write(sys.stdin.buffer.read())"
    assert send(command={"run": [sys.executable, "-c", script, str(out)]}, least="watch") == [
        Delivery("command", True, "")
    ]
    got = json.loads(out.read_text(encoding="utf-8"))
    assert (got["store"], got["moment"], got["version"]) == ("corner", MOMENT, 1)
    assert [one["about"] for one in got["alerts"]] == ["CTR", "traffic"]


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (
            [sys.executable, "-c", f"import sys; print('{SECRET}', file=sys.stderr); sys.exit(3)"],
            "ended with exit code 3",
        ),
        (["/nowhere/to/be/found"], "failed with FileNotFoundError"),
        (["sleep", "5"], "took too long"),
    ],
)
def test_a_command_that_fails_is_told(run, reason):
    assert send(command={"run": run}, timeout=0.3) == [Delivery("command", False, reason)]


def test_a_mail_has_subject_and_words(mails):
    assert send(email=mail(mails, recipients=["b@shop.example", "c@shop.example"])) == [Delivery("email", True, "")]
    seen = "\n".join(mails.seen)
    assert "Subject: Recommendations of corner: 1 alert\n" in seen
    assert "rcpt TO:<b@shop.example>" in seen and "rcpt TO:<c@shop.example>" in seen
    assert "act: CTR, 0.04 (limit 0.06)" in seen
    assert "traffic" not in seen


def test_a_recipient_who_is_refused_is_counted_and_no_address_is_told(mails):
    assert send(email=mail(mails, recipients=["b@shop.example", "nobody@shop.example"])) == [
        Delivery("email", False, "1 of 2 recipients were refused")
    ]


def test_no_mail_goes_out_unencrypted_where_encryption_is_asked_for(mails):
    found = send(email=mail(mails, recipients=["b@shop.example"], security="starttls"))
    assert found == [Delivery("email", False, "failed with SMTPNotSupportedError")]
    assert not any("rcpt" in line.lower() for line in mails.seen)


def test_a_webhook_is_posted_to_with_its_token(hook):
    environment = {"HOOK": url(hook, "in"), "TOKEN": SECRET}
    assert send(environment, webhook={"url": "HOOK", "token": "TOKEN"}) == [Delivery("webhook", True, "")]
    [(path, authorization, body)] = hook.seen
    assert (path, authorization) == ("/in", f"Bearer {SECRET}")
    assert body["alerts"][0] == dict(zip(COLUMNS, FRAME.iloc[0], strict=True))


@pytest.mark.parametrize(
    ("path", "reason"), [("broken", "answered with status 500"), ("moved", "answered with status 302")]
)
def test_a_webhook_that_fails_is_told_and_a_redirect_gets_no_token(hook, path, reason):
    found = send({"HOOK": url(hook, path), "TOKEN": SECRET}, webhook={"url": "HOOK", "token": "TOKEN"})
    assert found == [Delivery("webhook", False, reason)]
    assert len(hook.seen) == 1


@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({}, "the environment variable HOOK is not set"),
        ({"HOOK": f"http://shop.example/{SECRET}"}, "HOOK holds no address that begins with https://"),
        ({"HOOK": f"file:///etc/{SECRET}"}, "HOOK holds no address that begins with https://"),
        ({"HOOK": f"https://[{SECRET}"}, "failed with ValueError"),
    ],
)
def test_an_address_that_will_not_do_is_told_without_repeating_it(environment, reason):
    assert send(environment, webhook={"url": "HOOK"}) == [Delivery("webhook", False, reason)]


def test_one_way_that_fails_does_not_stop_the_others(hook):
    found = send({"HOOK": url(hook)}, command={"run": ["false"]}, webhook={"url": "HOOK"})
    assert [(one.way, one.sent) for one in found] == [("command", False), ("webhook", True)]


@pytest.mark.parametrize(
    "email",
    [
        {"host": "mail.example", "security": "none", "user": "A", "password": "B"},
        {"host": "mail.example", "user": "A"},
        {"host": "mail.example", "user": "name@shop.example", "password": "B"},  # the secret itself
    ],
)
def test_settings_that_would_give_a_password_away_are_refused(email):
    with pytest.raises(ValidationError):
        Alerting(email={"sender": "a@b", "recipients": ["c@d"], **email})


def test_all_that_asks_for_attention_is_in_one_table():
    drift = pd.DataFrame(
        {
            "name": ["mix", "mix", "prices", "scores"],
            "measure": ["psi", "js", "psi", "psi"],
            "effect": [0.2, 0.06, 0.01, np.nan],
            "watch": [0.1, 0.02, 0.1, 0.1],
            "act": [0.25, 0.05, 0.25, 0.25],
            "verdict": ["watch", "act", "fine", "not enough data"],
            "cause": ["season", "season", "", ""],
            "action": ["retrain", "retrain", "", ""],
        }
    )
    checks = [
        Check("Age", 5, 4, "due"),
        Check("Loss", 0.06, 0.1, "watch"),
        Check("Drift", None, 0.2, "not enough data"),
    ]
    ctr = pd.DataFrame(
        {
            "day": pd.date_range("2026-03-01", periods=4),
            "rate": [0.01, 0.05, 0.02, 0.09],
            "low": 0.03,
            "high": 0.08,
            "z": [-9.0, 0.1, -5.0, 4.0],
            "learned": [True, False, False, False],
            "verdict": ["below", "inside", "below", "above"],
        }
    )
    table = alert_table(drift, checks, {"CTR": ctr})
    assert table["level"].tolist() == ["act", "act", "act", "watch"]
    assert table["about"].tolist() == ["mix", "Age", "CTR", "Loss"]
    assert table["limit"].tolist() == [0.05, 4, 0.03, 0.1]
    assert table["cause"][2] == "CTR was below its limits on 2026-03-03, 2 of 3 days"
    assert alert_table().columns.tolist() == COLUMNS and alert_table().empty


def test_the_file_is_replaced_whole(tmp_path):
    path = tmp_path / "reports" / "alerts.json"
    write_alerts(FRAME, path, "corner", MOMENT)
    write_alerts(FRAME.head(0), path, "corner", MOMENT)
    assert json.loads(path.read_text())["alerts"] == []
    assert [one.name for one in path.parent.iterdir()] == ["alerts.json"]
