"""The section `runs`: how long runs are kept, where they are published to, and who is told when their state changes.

Nothing in it but the parameters of notebooks changes what one computes, so that no notebook is run again for the rest.
"""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator

from reco.notebooks import NOTEBOOKS
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
    `parameters` are those of notebooks, by notebook, that runs use in place of the notebooks' own; `--set` goes before.
    """

    keep: Count | None = 100
    keep_days: Count | None = 400
    publish_to: str | None = None
    notify: Notify = Notify()
    parameters: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("parameters")
    @classmethod
    def _of_notebooks(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        for name, own in value.items():
            if name not in NOTEBOOKS:
                raise ValueError(f"{name}: no such notebook; expected one of {', '.join(NOTEBOOKS)}")
            known = [each for each in NOTEBOOKS[name].parameters.model_fields if each != "config"]
            for key in own:
                if key not in known:
                    raise ValueError(f"{name}.{key}: no such parameter; expected one of {', '.join(known)}")
                try:
                    NOTEBOOKS[name].parameters(**{key: own[key]})
                except ValidationError as error:
                    raise ValueError(f"{name}.{key}: {error.errors()[0]['msg']}, found {own[key]!r}") from None
        return value

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
