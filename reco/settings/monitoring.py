"""The section `monitoring`: what is large enough to act on, and who is told."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from reco.settings.base import Count, Rate, Section, Share

#: The name of an environment variable; secrets stand in the environment, never in the settings.
Variable = Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$")]


class Command(Section):
    """A command that is run with the alerts as JSON on its standard input: its words, without a shell."""

    run: Annotated[list[str], Field(min_length=1)]


class Smtp(Section):
    """A mail server, and who is written to; `user` and `password` name environment variables."""

    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    sender: str
    recipients: Annotated[list[str], Field(min_length=1)]
    user: Variable | None = None
    password: Variable | None = None

    @model_validator(mode="after")
    def _safe(self) -> "Smtp":
        if (self.user is None) != (self.password is None):
            raise ValueError("expected both user and password (names of environment variables) or neither")
        if self.user and self.security == "none" and self.host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("security: expected starttls or tls where a password is sent to another machine")
        return self


class Webhook(Section):
    """An address that the alerts are posted to as JSON; `url` and `token` name environment variables.

    The address of a chat's webhook is itself a secret, so that it, too, stands in the environment. A token is sent
    as `Authorization: Bearer …`.
    """

    url: Variable
    token: Variable | None = None


class Alerting(Section):
    """Who is told of alerts: nobody unless a command, a mail server or a webhook is named.

    `least` is the weakest verdict that is sent: `act`, or `watch` for both. A delivery that takes longer than
    `timeout` seconds counts as failed.
    """

    least: Literal["watch", "act"] = "act"
    command: Command | None = None
    email: Smtp | None = None
    webhook: Webhook | None = None
    timeout: Annotated[float, Field(gt=0, le=300)] = 10


class Monitoring(Section):
    """When a drift or a loss is large enough to act on, and who is told.

    `false_alarms` is how many a quarter of a year may bring by chance, all checks together. `training_cost` is what
    one retraining costs in the store's currency, with the work around it; None leaves its cost out.
    `seasonal_strength` is how strongly a category's season moves its products' scores, from 0 (not at all) to 1;
    `seasonal` are supplied indices by category, January to December, 1 an average month. `trainings_apart` is how many
    weeks lie between the trainings that the decay of accuracy is measured by; `tuning_trials` how many weights of the
    hybrid Optuna may try for a challenger.
    """

    baseline_weeks: Count = 8
    drift_watch: Annotated[float, Field(gt=0)] = 0.1
    drift_act: Annotated[float, Field(gt=0)] = 0.25
    accuracy_loss: Share = 0.1
    max_model_age_weeks: Count = 4
    false_alarms: Annotated[float, Field(gt=0, le=13)] = 0.5
    trainings_apart: Count = 2
    training_cost: Annotated[float, Field(ge=0)] | None = None
    tuning_trials: Annotated[int, Field(ge=0, le=1000)] = 30
    seasonal_strength: Share = 0
    seasonal: dict[str, Annotated[list[Rate], Field(min_length=12, max_length=12)]] = Field(default_factory=dict)
    alerts: Alerting = Alerting()
