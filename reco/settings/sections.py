"""The sections of workbook.yaml as types: what each key means and which values it may have."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    PrivateAttr,
    computed_field,
    create_model,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from reco.rules import RULES, Rule
from reco.settings.base import AnySource, Count, Rate, Section, Share
from reco.settings.experiments import Experiments
from reco.settings.exports import Exports
from reco.settings.kpis import Kpis
from reco.settings.monitoring import Monitoring
from reco.settings.runs import Runs

#: What a strategy can be; `reco.contexts.strategies` says what each proposes.
STRATEGIES = (
    "model",
    "complements",
    "upgrade",
    "accessories",
    "alternatives",
    "cart",
    "because_you_bought",
    "new_in_category",
    "trending_in_interests",
    "resume",
    "curated",
)

Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


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
    rates: dict[Currency, Rate | dict[date, Rate]] = Field(default_factory=dict)
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

    exclude: dict[Literal["product_id", "department", "category"], list[str]] = Field(default_factory=dict)
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
    leave_out: list[str] = Field(default_factory=list)


class Learned(Section):
    """The learned blend: the algorithms that name candidates, and what the ranker learns from.

    It looks back at `looks` moments, so many weeks apart, the last of which ends when it is asked; at each, every
    algorithm names its `named` best products. `trees` is the size of the ranker.
    """

    algorithms: list[str] = Field(
        default=["tifu_knn", "up_cf", "due_again", "item_knn", "ease", "tfidf", "popularity"], min_length=1
    )
    looks: Count = 2
    weeks_apart: Count = 2
    named: Count = 40
    trees: Count = 250


class Hybrid(Section):
    """The weighted hybrid: which algorithm plays each part, and each part's share.

    `scaling` makes scores comparable before they are added: by rank, min-max or z-score within a customer, or by
    reciprocal-rank fusion. `contexts` gives a context weights of its own.
    """

    parts: dict[Literal["collaborative", "content", "rules"], str] = Field(
        default={"collaborative": "ease", "content": "tfidf", "rules": "association_rules"}
    )
    weights: dict[Literal["collaborative", "content", "rules"], Share] = Field(
        default={"collaborative": 0.5, "content": 0.3, "rules": 0.2}
    )
    scaling: Literal["minmax", "rank", "zscore", "reciprocal"] = "minmax"
    contexts: dict[str, dict[Literal["collaborative", "content", "rules"], Share]] = Field(default_factory=dict)
    learned: Learned = Learned()

    @model_validator(mode="after")
    def _weights_sum_to_one(self) -> "Hybrid":
        for weights in (self.weights, *self.contexts.values()):
            if abs(sum(weights.values()) - 1) > 1e-9:
                raise ValueError(f"expected weights that add up to 1, found {sum(weights.values()):g}")
            if set(weights) != set(self.parts):
                raise ValueError("expected the same keys in parts and weights")
        return self


class ColdStart(Section):
    """How customers of whom little is known are served.

    `popular_share` of a new customer's places hold popular and trending products; the share falls smoothly with the
    interactions seen (purchases and views), to one half of it at `half_at` and below one percent at `full_at`.
    `trending_share` of these places hold trending products; they age fast, and popular ones are bought more often.
    Who has nothing personal yet gets popular products in the personal places, too.
    """

    popular_share: Share = 0.5
    trending_share: Share = 0.2
    half_at: Annotated[float, Field(gt=0)] = 10
    full_at: Annotated[float, Field(gt=0)] = 60

    @model_validator(mode="after")
    def _falls(self) -> "ColdStart":
        if self.full_at <= self.half_at:
            raise ValueError(f"full_at: expected more than half_at of {self.half_at:g}, found {self.full_at:g}")
        return self


class Strategy(Section):
    """One source of a slate's products, and the title shoppers read.

    `kind` is one of `STRATEGIES`; a `model` of the registry (or `hybrid`) stands behind most of them. `by: anchor`
    takes what goes with the product or basket at hand, `by: customer` what the model recommends to the customer;
    contexts anchored in the customer know only the latter. A title may name the `{category}` or `{product}` that it
    is about, and the shopper's `{name}`, which only the page or mail itself fills in. `instead` takes the strategy's
    place where the store lacks what it needs, such as views.
    """

    title: str
    kind: Literal[STRATEGIES] = "model"
    model: str | None = None
    by: Literal["anchor", "customer"] = "anchor"
    places: Count | None = None
    factor: Annotated[float, Field(gt=1)] = 2.0
    days: Count = 28
    file: Path | None = None
    instead: "Strategy | None" = None

    @model_validator(mode="after")
    def _has_what_it_needs(self) -> "Strategy":
        if self.kind == "model" and self.model is None:
            raise ValueError("expected a model for a strategy of kind model")
        if self.kind == "curated" and self.file is None:
            raise ValueError("expected a file of product ids for a strategy of kind curated")
        return self


class Incentive(Section):
    """What the context offers with its products: a discount as a share of the price, and its words."""

    discount: Share = 0.0
    text: str


class Context(Section):
    """A place where recommendations are shown.

    Slates hold up to `size` products; one with fewer than `min_size` is reported. `position` says where on the page,
    `delay_hours` how long after what triggers it.
    """

    title: str
    channel: Literal["on_site", "email"]
    anchor: Literal["product", "basket", "customer"]
    min_size: Annotated[int, Field(ge=1, le=24)] = 1
    size: Annotated[int, Field(ge=1, le=24)]
    position: str = ""
    layout: Literal["grid", "scroll", "carousel", "sections"] = "grid"
    delay_hours: Annotated[float, Field(ge=0)] = 0
    incentive: Incentive | None = None
    strategies: Annotated[list[Strategy], Field(min_length=1)]

    @model_validator(mode="after")
    def _sizes_agree(self) -> "Context":
        if self.min_size > self.size:
            raise ValueError(f"min_size: expected at most the size of {self.size}, found {self.min_size}")
        return self

    @model_validator(mode="after")
    def _hybrid_by_customer(self) -> "Context":
        for strategy in self.strategies:
            if self.anchor != "customer" and strategy.model in ("hybrid", "learned") and strategy.by != "customer":
                raise ValueError(
                    f"strategy {strategy.title!r}: {strategy.model} ranks for customers; expected by: customer"
                )
        return self


class Mail(Section):
    """A mail of recommendations: the `context` that fills it, so many days after the customer's last act."""

    title: str
    context: str
    since: Literal["order", "view"]
    after_days: Count


class Sending(Section):
    """Which mail a customer gets on a day: the first of `mails` that is due, within the caps."""

    mails: dict[str, Mail] = Field(default_factory=dict)
    most_per_week: Count = 2


class Rules(create_model("AnyRules", __base__=Section, **{kind: (rule | None, None) for kind, rule in RULES.items()})):
    """What every slate obeys, from the strongest rule to the weakest, in the order of the file.

    Where not all can hold, the later ones give way first. A rule that is not named does not hold.
    """

    _declared: tuple[str, ...] = PrivateAttr(default=())

    @model_validator(mode="wrap")
    @classmethod
    def _remember_order(cls, given: Any, handler: Any) -> "Rules":
        rules = handler(
            {key: {} if value is None else value for key, value in given.items()} if isinstance(given, dict) else given
        )
        if isinstance(given, dict):
            rules._declared = tuple(kind for kind in given if kind in RULES)
        return rules

    @computed_field
    @property
    def order(self) -> tuple[str, ...]:
        """The keys of the rules that hold, the strongest first."""
        return self._declared

    def declared(self, kind: type[Rule] = Rule) -> list[Rule]:
        """The rules that hold, or those of one kind, the strongest first."""
        return [rule for rule in (getattr(self, name) for name in self.order) if isinstance(rule, kind)]

    def changed(self, **rules: dict[str, Any] | None) -> "Rules":
        """These rules with some put in place of their namesakes, at the end where there was none; None takes away.

        Raises pydantic's `ValidationError` for a rule or an option that does not exist.
        """
        given = {name: getattr(self, name).model_dump() for name in self.order}
        return type(self).model_validate({name: rule for name, rule in (given | rules).items() if rule is not None})


#: What holds where the settings say nothing of rules.
USUAL_RULES = Rules.model_validate({"consent": {}, "not_bought_within": {}, "min_categories": {}, "fallback": {}})


class Simulation(Section):
    """Shoppers simulated from the store's real baskets where it logs no impressions.

    A share `holdout` of the customers, drawn at random, is shown nothing.
    """

    enabled: bool = True
    holdout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    examination: Share = 0.85
    click_if_wanted: Share = 0.6
    click_otherwise: Share = 0.02
    order_after_stray_click: Share = 0.05
    seed: int = 20170101


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
    models: dict[str, dict[str, Any]] = Field(default_factory=dict)
    comparison: Comparison = Comparison()
    hybrid: Hybrid = Hybrid()
    cold_start: ColdStart = ColdStart()
    contexts: dict[str, Context] = Field(default_factory=dict)
    rules: Rules = USUAL_RULES
    sending: Sending = Sending()
    experiments: Experiments | None = None
    simulation: Simulation = Simulation()
    kpis: Kpis
    monitoring: Monitoring = Monitoring()
    exports: Exports = Exports()
    runs: Runs = Runs()

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
