"""Who is told when the state of the reports changes: chat services through Apprise, people by mail.

Addresses and passwords come from environment variables; no message or line of this module repeats one. A message that
cannot be sent is reported and never stops a run.
"""

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from reco import mail
from reco.runs.record import Run
from reco.settings.runs import Notify


class Message(NamedTuple):
    """What is told: one line, plain text, and for mails the same as HTML."""

    subject: str
    text: str
    html: str | None = None


def message(before: Run | None, after: Run, link: str | None, always: bool = False) -> Message | None:
    """What to tell of a run after the one `before`; None when its state is the same, or when a first run went well,
    unless it is told `always`.

    The state of a run is its own and that of each notebook that failed.
    """
    if not always and _signature(after) == (_signature(before) if before else ("ok", {})):
        return None
    words = {"ok": "up to date", "alerts": "up to date, with alerts", "failed": "not all up to date"}
    was = f" (before: {words.get(before.state, before.state)})" if before and before.state != after.state else ""
    from reco.report.digest import answer, digest, figures  # what it needs takes long to import

    place = link and f"{link.rstrip('/')}/{after.facts.store}/{after.id}"
    lines = []
    for entry in after.notebooks.values():
        alerts = f" Alerts: {entry.alerts}." if entry.alerts else ""
        lines.append("\n".join([f"{entry.title}: {answer(entry)}{alerts}", *figures(entry)]))
    if place:
        lines.append(f"{place}/index.html")
    subject = " ".join(f"{after.facts.title}: reports {words.get(after.state, after.state)}{was}".split())
    return Message(subject, "\n\n".join(lines) + "\n", digest(after, subject, place))


def tell(before: Run | None, after: Run, settings: Notify, say: Callable[[str], None]) -> None:
    """Tell those whom the settings name of a run: all when the state changed, else those who get every digest."""
    if not settings.services and not settings.email:
        return
    if told := message(before, after, settings.link):
        send(told, settings, say)
    elif settings.email and settings.digest == "run" and not after.cancelled:
        send(message(before, after, settings.link, always=True), settings.model_copy(update={"services": []}), say)


def send(
    told: Message, settings: Notify, say: Callable[[str], None], environment: Mapping[str, str] = os.environ
) -> None:
    """Send a message every way that the settings name and say what became of each."""
    ways: list[tuple[str, Callable[[], None]]] = [
        (f"the service in {name}", lambda name=name: _service(told, name, environment)) for name in settings.services
    ]
    if settings.email:
        ways.append(("mail", lambda: _mail(told, settings, environment)))
    for way, deliver in ways:
        try:
            deliver()
        except mail.RefusedError as error:
            say(f"  ■ could not tell {way}: {error}")
        except Exception as error:  # servers fail in ways nobody lists; their words may hold a secret
            say(f"  ■ could not tell {way}: {type(error).__name__}")
        else:
            say(f"  ● told {way}")


def _mail(told: Message, settings: Notify, environment: Mapping[str, str]) -> None:
    mail.send(settings.email, told.subject, told.text, settings.timeout, environment, told.html)


def _signature(run: Run) -> tuple[str, dict[str, str]]:
    failed = {name: str(one.outcome.state) for name, one in run.notebooks.items() if not one.outcome.state.good}
    return run.state, failed


def _service(told: Message, name: str, environment: Mapping[str, str]) -> None:
    url = mail.secret(name, environment)
    try:
        import apprise
    except ImportError:
        raise mail.RefusedError("Apprise is not installed (pip install apprise)") from None
    with _silent("apprise"):  # it logs addresses that it does not understand
        service = apprise.Apprise()
        if not service.add(url):
            raise mail.RefusedError(f"{name} holds no address that Apprise understands")
        if not service.notify(title=told.subject, body=told.text, body_format=apprise.NotifyFormat.TEXT):
            raise mail.RefusedError("the service did not take it")


@contextlib.contextmanager
def _silent(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
