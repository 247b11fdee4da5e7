"""workbook.yaml as typed settings, checked whole before anything runs."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from reco.errors import InputError
from reco.sources import SOURCES

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A part of the settings: unknown keys are refused, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


AnySource = Annotated[
    Union[tuple(source.Settings for source in SOURCES.values())],  # noqa: UP007 the union is built from the folder
    Field(discriminator="kind"),
]


class Store(Section):
    """Which shop this is and where its unified tables live."""

    name: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    path: Path = Path("data/store")
    time_zone: str
    currency: str = Field(pattern=r"^[A-Z]{3}$")

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        from zoneinfo import available_timezones

        if value not in available_timezones():
            raise ValueError("expected an IANA time zone such as Europe/London")
        return value


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
        nested_model_default_partial_update=True,
    )

    store: Store
    sources: Annotated[list[AnySource], Field(min_length=1)]
    catalogue: Catalogue = Catalogue()
    split: Split = Split()
    models: dict[str, dict[str, Any]] = {}
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


def find(path: str | Path) -> Path:
    """The settings file `path`, looked for here and then in the folders above (notebooks run in their own).

    Raises `InputError` when there is none.
    """
    path = Path(path)
    for folder in [Path.cwd(), *Path.cwd().parents]:
        if (folder / path).is_file():
            return (folder / path).resolve()
    raise InputError(f"{path}: no such settings file in {Path.cwd()} or above it")


def load(path: str | Path = "workbook.yaml") -> Settings:
    """Read and check a settings file.

    Raises `InputError` that names file, line, key, what was found and what was expected.
    """
    file = find(path)
    try:
        node = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise InputError(f"{file.name}{line}: not readable as YAML ({getattr(error, 'problem', error)})") from None
    if not isinstance(values, dict):
        raise InputError(f"{file.name}:1: expected a mapping of settings, found {type(values).__name__}")
    _refuse_duplicates(node, file.name)
    try:
        settings = Settings(**values)
    except ValidationError as error:
        raise InputError("\n".join(_explain(detail, node, file.name) for detail in error.errors())) from None
    unknown = [_explain(detail, node, file.name) for detail in _unknown_models(settings)]
    if unknown:
        raise InputError("\n".join(unknown))
    settings._file = file
    return settings


def _unknown_models(settings: Settings) -> Iterator[dict[str, Any]]:
    """Findings, in pydantic's form, about models and options that the registry does not have."""
    from reco.models import MODELS, make_model

    named: list[tuple[tuple[str | int, ...], str]] = [
        (("hybrid", "parts", part), model) for part, model in settings.hybrid.parts.items()
    ]
    for name, context in settings.contexts.items():
        for number, strategy in enumerate(context.strategies):
            if strategy.model != "hybrid":
                named.append((("contexts", name, "strategies", number, "model"), strategy.model))
    for place, model in named:
        if model not in MODELS:
            message = f"no such model; expected one of {', '.join(MODELS)}"
            yield {"loc": place, "msg": message, "type": "unknown_model", "input": model}
    for model, options in settings.models.items():
        try:
            make_model(model, **options)
        except ValueError as error:
            yield {"loc": ("models", model), "msg": str(error), "type": "unknown_model", "input": None}


def _refuse_duplicates(node: yaml.Node, name: str) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, child in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                raise InputError(f"{name}:{line}: key {key.value!r} stands twice (first on line {seen[key.value]})")
            seen[key.value] = key.start_mark.line + 1
            _refuse_duplicates(child, name)
    elif isinstance(node, yaml.SequenceNode):
        for child in node.value:
            _refuse_duplicates(child, name)


def _explain(detail: Any, node: yaml.Node, name: str) -> str:
    """One line for one finding of pydantic, with the line of the file it is about."""
    line, path = node.start_mark.line + 1, []
    for part in detail["loc"]:
        child = None
        if isinstance(node, yaml.MappingNode):
            child = next(((key, value) for key, value in node.value if key.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = (node.value[part], node.value[part])
        if child is not None:
            line, node = child[0].start_mark.line + 1, child[1]
        path.append(str(part))
    key = ".".join(path) or "settings"
    message = detail["msg"].removeprefix("Value error, ")
    found = detail["input"]
    if detail["type"] == "extra_forbidden":
        message = "unknown key" + _expected_keys(detail["loc"])
    elif detail["type"] == "missing":
        message = "this key is missing"
    elif isinstance(found, str | int | float | bool):
        message += f", found {found!r}"
    overridden = "RECO_" + "__".join(path).upper()
    origin = f"environment variable {overridden}" if overridden in os.environ else f"{name}:{line}"
    return f"{origin}: {key}: {message}"


def _expected_keys(location: tuple[int | str, ...]) -> str:
    """The keys that the section of an unknown key does know, as the end of a sentence."""
    section: Any = Settings
    for part in location[:-1]:
        field = getattr(section, "model_fields", {}).get(part)
        section = field.annotation if field else None
    known = getattr(section, "model_fields", None)
    return f"; expected one of {', '.join(known)}" if known else ""
