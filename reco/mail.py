"""A mail through the server that the settings name, and secrets from the environment that no message repeats."""

import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage

from reco.settings import Smtp


class RefusedError(Exception):
    """A message that cannot be sent, in words that hold no secret."""


def secret(name: str, environment: Mapping[str, str]) -> str:
    """What the environment variable `name` holds; raises `RefusedError` where it is not set."""
    if not environment.get(name):
        raise RefusedError(f"the environment variable {name} is not set")
    return environment[name]


def send(
    smtp: Smtp, subject: str, text: str, timeout: float, environment: Mapping[str, str], html: str | None = None
) -> None:
    """Send plain text to all recipients, with `html` for programs that show it.

    Raises `RefusedError` for recipients that the server refused.
    """
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, smtp.sender, ", ".join(smtp.recipients)
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    login = (secret(smtp.user, environment), secret(smtp.password, environment)) if smtp.user else None
    context = ssl.create_default_context() if smtp.security != "none" else None
    if smtp.security == "tls":
        server = smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=timeout, context=context)
    else:
        server = smtplib.SMTP(smtp.host, smtp.port, timeout=timeout)
    with server:
        if smtp.security == "starttls":
            server.starttls(context=context)
        if login:
            server.login(*login)
        if refused := server.send_message(message):
            raise RefusedError(f"{len(refused)} of {len(smtp.recipients)} recipients were refused")
