"""The section `runs`: how long runs are kept, where they are published to, and who is told when their state changes.

Nothing in it changes what a notebook computes, so that no notebook is run again for it.
"""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from reco.settings.base import Count, Section
from reco.settings.monitoring import Smtp, Variable


class Notify(Section):
    """Who is told when the state of the reports changes: nobody unless a service or a mail server is named.

    `services` are names of environment variables, each of which holds an address as Apprise writes them; such an
    address is a secret. A mail holds the digest of all reports; `digest` says when it is sent: on a `change` of state,
    when services are told, or after every `run` that wrote a report. `link` is where readers find the reports. A
    message that takes longer than `timeout` seconds counts as failed.
    """

    services: list[Variable] = Field(default_factory=list)
    email: Smtp | None = None
    digest: Literal["change", "run"] = "change"
    link: Annotated[str, Field(pattern=r"^https?://[^\s@]+$")] | None = None
    timeout: Annotated[float, Field(gt=0, le=300)] = 10


class Runs(Section):
    """How long runs are kept, where they are published to, and who is told.

    Of each store at most `keep` runs are kept, none older than `keep_days` days; None sets no limit. The run that
    `latest` points at and the newest one stay in any case, and so does the record of every run.
    `publish_to` is a folder as fsspec writes it, such as s3://bucket/reports; its credentials stand in the environment.
    """

    keep: Count | None = 100
    keep_days: Count | None = 400
    publish_to: str | None = None
    notify: Notify = Notify()

    @field_validator("publish_to")
    @classmethod
    def _without_credentials(cls, value: str | None) -> str | None:
        if value is None:
            return value
        parts = urlsplit(value)
        if not parts.scheme or "://" not in value:
            raise ValueError("expected an address with its kind, such as s3://bucket/reports or file:///srv/reports")
        if parts.username or parts.password or parts.query:
            raise ValueError(
                "expected an address without user, password or query; credentials stand in the environment"
            )
        return value.rstrip("/")
