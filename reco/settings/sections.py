"""The sections of workbook.yaml as types: what each key means and which values it may have."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Union

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from reco.sources import SOURCES

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Section(BaseModel):
    """A part of the settings: unknown keys are refused, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


AnySource = Annotated[
    Union[tuple(source.Settings for source in SOURCES.values())],  # noqa: UP007 the union is built from the folder
    Field(discriminator="kind"),
]


class Store(Section):
    """Which shop this is, where its unified tables live, and what unifies them.

    `rates` gives what one unit of another currency is worth in the store's own: one number, or numbers by the day
    from which they hold.
    """

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    path: Path = Path("data/store")
    time_zone: str
    currency: Currency
    rates: dict[Currency, Rate | dict[date, Rate]] = {}
    engine: Literal["duckdb", "spark"] = "duckdb"
    memory: str | None = Field(default=None, pattern=r"^[1-9]\d*(MB|GB)$")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        from zoneinfo import available_timezones

        if value not in available_timezones():
            raise ValueError("expected an IANA time zone such as Europe/London")
        return value


class Cleaning(Section):
    """What unifying the sources sets aside, and when too much of it fails the run.

    `max_refused` is the share of a file's rows that may be refused; `repeated_lines` tells what becomes of order
    lines that are equal in everything; a visitor with more than `max_events_per_minute` events in one minute is a
    bot; `min_catalogue_match` is the share of another system's product ids that the catalogue must know.
    """

    max_refused: Share = 0.05
    repeated_lines: Literal["keep", "drop"] = "keep"
    max_events_per_minute: Count = 120
    min_catalogue_match: Share = 0.3


class Privacy(Section):
    """Whose data may be used for what.

    `without_consent` tells what holds for customers of whom no personalization consent is known; `forgotten` is the
    list that `reco forget` keeps.
    """

    without_consent: Literal["personal", "not_personal"] = "personal"
    forgotten: Path = Path("data/forgotten.txt")


class Catalogue(Section):
    """Which products may be recommended at all.

    `exclude` lists values by column of `products` (say, fuel or postage); `min_customers` drops products that
    fewer customers bought before the models' cutoff.
    """

    exclude: dict[Literal["product_id", "department", "category"], list[str]] = {}
    min_customers: Count = 10


class Split(Section):
    """Lengths of the validation and test periods at the end of the data, in weeks."""

    validation_weeks: Count = 4
    test_weeks: Count = 4


class Comparison(Section):
    """Which algorithms the notebook on them compares.

    `deep` models take part where PyTorch is installed and the data suffice, unless it says `never`; those in
    `leave_out` never do.
    """

    deep: Literal["auto", "never"] = "auto"
    leave_out: list[str] = []


class Hybrid(Section):
    """The weighted hybrid: which algorithm plays each part, and each part's share."""

    parts: dict[Literal["collaborative", "content", "rules"], str] = {
        "collaborative": "ease",
        "content": "tfidf",
        "rules": "association_rules",
    }
    weights: dict[Literal["collaborative", "content", "rules"], Share] = {
        "collaborative": 0.5,
        "content": 0.3,
        "rules": 0.2,
    }

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> "Hybrid":
        if abs(sum(self.weights.values()) - 1) > 1e-9:
            raise ValueError(f"expected weights that add up to 1, found {sum(self.weights.values()):g}")
        if set(self.weights) != set(self.parts):
            raise ValueError("expected the same keys in parts and weights")
        return self


class Strategy(Section):
    """One source of a slate's products: a model of the registry, or `hybrid`, and the title shoppers read.

    `by: anchor` takes what goes with the product or basket at hand, `by: customer` what the model recommends to
    the customer; contexts anchored in the customer know only the latter.
    """

    title: str
    model: str
    by: Literal["anchor", "customer"] = "anchor"


class Context(Section):
    """A place where recommendations are shown."""

    title: str
    channel: Literal["on_site", "email"]
    anchor: Literal["product", "basket", "customer"]
    size: Annotated[int, Field(ge=1, le=24)]
    strategies: Annotated[list[Strategy], Field(min_length=1)]

    @model_validator(mode="after")
    def _hybrid_by_customer(self) -> "Context":
        for strategy in self.strategies:
            if self.anchor != "customer" and strategy.model == "hybrid" and strategy.by != "customer":
                raise ValueError(f"strategy {strategy.title!r}: the hybrid ranks for customers; expected by: customer")
        return self


class Rules(Section):
    """What every slate obeys."""

    not_bought_within_days: Annotated[int, Field(ge=0)] = 30
    min_categories: Count = 3
    fallback_below: Count = 4


class Experiments(Section):
    """The log of a real experiment that notebook 05 analyzes: any source that fills `impressions`."""

    title: str
    source: AnySource
    control: str


class Simulation(Section):
    """Shoppers simulated from the store's real baskets where it logs no impressions."""

    enabled: bool = True
    examination: Share = 0.85
    click_if_wanted: Share = 0.6
    click_otherwise: Share = 0.02
    order_after_stray_click: Share = 0.05
    seed: int = 20170101


class Target(Section):
    """Benchmark range and target of the rates of one channel, as fractions."""

    ctr_benchmark: tuple[Share, Share]
    ctr: Share
    conversion_benchmark: tuple[Share, Share]
    conversion: Share


class Kpis(Section):
    """How recommendations are credited and what is expected of them."""

    attribution_days: Count = 7
    implementation_cost: Annotated[float, Field(gt=0)]
    targets: dict[Literal["on_site", "email"], Target]


class Monitoring(Section):
    """When a drift or a loss is large enough to act on."""

    baseline_weeks: Count = 8
    drift_watch: Annotated[float, Field(gt=0)] = 0.1
    drift_act: Annotated[float, Field(gt=0)] = 0.25
    accuracy_loss: Share = 0.1
    max_model_age_weeks: Count = 4


class Settings(BaseSettings):
    """The whole of workbook.yaml.

    Any single value can be overridden by an environment variable: `RECO_KPIS__IMPLEMENTATION_COST=30000`.
    """

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix="RECO_",
        env_nested_delimiter="__",
    )

    store: Store
    sources: Annotated[list[AnySource], Field(min_length=1)]
    cleaning: Cleaning = Cleaning()
    privacy: Privacy = Privacy()
    catalogue: Catalogue = Catalogue()
    split: Split = Split()
    models: dict[str, dict[str, Any]] = {}
    comparison: Comparison = Comparison()
    hybrid: Hybrid = Hybrid()
    contexts: dict[str, Context] = {}
    rules: Rules = Rules()
    experiments: Experiments | None = None
    simulation: Simulation = Simulation()
    kpis: Kpis
    monitoring: Monitoring = Monitoring()

    _file: Path = PrivateAttr(default=Path("workbook.yaml"))

    @property
    def file(self) -> Path:
        """The settings file, absolute."""
        return self._file

    @property
    def root(self) -> Path:
        """The folder of the settings file; relative paths in it start here."""
        return self._file.parent

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        **_: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings
