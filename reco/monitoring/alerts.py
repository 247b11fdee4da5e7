"""Alerts as a table, as alerts.json, and to whom the settings name: a command, a mail server or a webhook.

Secrets come from environment variables whose names stand in the settings; no message of this module repeats one. A
delivery that fails is reported and never stops a run.
"""

import json
import os
import subprocess
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pandas as pd

from reco import mail
from reco.monitoring.retraining import DRIFT, Check
from reco.settings import Alerting, Command, Webhook

COLUMNS: Final = ["level", "about", "found", "limit", "cause", "action"]

#: Verdicts of the checks as levels of alerts.
LEVELS: Final = {"act": "act", "due": "act", "above": "act", "below": "act", "watch": "watch"}

#: What to do about a trigger of retraining.
RETRAIN: Final = ("the models know less of the present than they could", "retrain")


class Delivery(NamedTuple):
    """What became of one way to deliver.

    Attributes:
        way: `command`, `email` or `webhook`.
        sent: whether it was delivered.
        reason: why not, else empty.
    """

    way: str
    sent: bool
    reason: str


def alert_table(
    drift: pd.DataFrame | None = None, checks: Iterable[Check] = (), rates: Mapping[str, pd.DataFrame] | None = None
) -> pd.DataFrame:
    """All that asks for attention: level (`act` or `watch`), about, found, limit, cause, action; acts first.

    `drift` is a table of `drift_table`, of whose measures the strongest alone speaks for a mix; with it, the trigger of
    drift is not told again;
    `checks` are the triggers of retraining, `rates` tables of `control_limits` by name, of which the days that the
    limits were not learned from count: one alert a rate, of the day furthest out.
    """
    rows = []
    if drift is not None and len(drift):
        shifted = drift[drift["verdict"].isin(["act", "watch"])].sort_values(["verdict", "measure"], kind="stable")
        for one in shifted.drop_duplicates("name").itertuples():
            rows.append((one.verdict, one.name, one.effect, getattr(one, one.verdict), one.cause, one.action))
    for check in checks:
        if check.verdict in LEVELS and not (check.trigger == DRIFT and drift is not None):
            rows.append((LEVELS[check.verdict], check.trigger, check.found, check.limit, *RETRAIN))
    for name, table in (rates or {}).items():
        out = table[~table["learned"] & table["verdict"].isin(["above", "below"])]
        if len(out):
            worst = out.loc[out["z"].abs().idxmax()]
            side = worst["verdict"]
            days = f"{len(out)} of {(~table['learned']).sum()} days"
            cause = f"{name} was {side} its limits on {worst['day']:%Y-%m-%d}, {days}"
            action = "look at what changed that day: slates, page, tracking, campaigns, stock"
            rows.append(("act", name, worst["rate"], worst["low" if side == "below" else "high"], cause, action))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.sort_values("level", kind="stable", ignore_index=True)


def write_alerts(frame: pd.DataFrame, path: Path, store: str, moment: str) -> None:
    """Write alerts.json, replaced whole: version, store, moment (ISO), and a list of alerts as objects."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.write_text(_document(frame, store, moment) + "\n", encoding="utf-8")
    part.replace(path)


def deliver(
    frame: pd.DataFrame, settings: Alerting, store: str, moment: str, environment: Mapping[str, str] = os.environ
) -> list[Delivery]:
    """Send the alerts that are at least `settings.least` every way that the settings name, and say what became of each.

    Nothing is sent where nothing is named or no alert is left. Never raises for what happens outside.
    """
    chosen = frame[frame["level"].isin(["act", "watch"] if settings.least == "watch" else ["act"])]
    if chosen.empty:
        return []
    body = _document(chosen, store, moment)
    ways: list[tuple[str, Callable[[], None]]] = []
    if settings.command:
        ways.append(("command", lambda: _run(settings.command, body, settings.timeout)))
    if settings.email:
        text = _text(chosen, store, moment)
        ways.append(("email", lambda: mail.send(settings.email, *text, settings.timeout, environment)))
    if settings.webhook:
        ways.append(("webhook", lambda: _post(settings.webhook, body, settings.timeout, environment)))
    return [_tried(way, send) for way, send in ways]


def _tried(way: str, send: Callable[[], None]) -> Delivery:
    try:
        send()
    except mail.RefusedError as error:
        return Delivery(way, False, str(error))
    except HTTPError as error:
        return Delivery(way, False, f"answered with status {error.code}")
    except (subprocess.TimeoutExpired, TimeoutError):
        return Delivery(way, False, "took too long")
    except Exception as error:  # servers and commands fail in ways nobody lists; their words may hold a secret
        return Delivery(way, False, f"failed with {type(error).__name__}")
    return Delivery(way, True, "")


def _document(frame: pd.DataFrame, store: str, moment: str) -> str:
    records = json.loads(frame.to_json(orient="records"))
    return json.dumps({"version": 1, "store": store, "moment": moment, "alerts": records}, indent=2, ensure_ascii=False)


def _text(frame: pd.DataFrame, store: str, moment: str) -> tuple[str, str]:
    """Subject and plain text of a mail."""
    count = len(frame)
    lines = [
        f"{one.level}: {one.about}, {one.found:.4g} (limit {one.limit:.4g})\n"
        f"  Likely cause: {one.cause}\n  To do: {one.action}"
        for one in frame.itertuples()
    ]
    subject = f"Recommendations of {store}: {count} alert{'s' if count > 1 else ''}"
    return " ".join(subject.split()), f"As of {moment}\n\n" + "\n\n".join(lines) + "\n"


def _run(command: Command, body: str, timeout: float) -> None:
    done = subprocess.run(command.run, input=body.encode(), capture_output=True, timeout=timeout, check=False)  # noqa: S603 it is the user's own
    if done.returncode:
        raise mail.RefusedError(f"ended with exit code {done.returncode}")


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the token to another machine."""

    def redirect_request(self, *_: object) -> None:
        return None


def _post(webhook: Webhook, body: str, timeout: float, environment: Mapping[str, str]) -> None:
    url = mail.secret(webhook.url, environment)
    parts = urlsplit(url)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise mail.RefusedError(f"{webhook.url} holds no address that begins with https://")
    headers = {"Content-Type": "application/json"}
    if webhook.token:
        headers["Authorization"] = f"Bearer {mail.secret(webhook.token, environment)}"
    request = urllib.request.Request(url, body.encode(), headers, method="POST")  # noqa: S310 the scheme is checked
    with urllib.request.build_opener(_Stay).open(request, timeout=timeout):
        pass
