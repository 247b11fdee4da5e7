"""From a settings file to checked settings."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError
from pydantic_settings import SettingsError

from reco.errors import InputError
from reco.settings.explaining import LOADER, explain
from reco.settings.sections import Settings, Strategy

#: What strategies may name besides the models of the registry.
BLENDS: Final = ("hybrid", "learned")


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
        text = file.read_text(encoding="utf-8")
        try:
            node, values = _parsed(text, LOADER)
        except yaml.YAMLError:
            node, values = _parsed(text, yaml.SafeLoader)  # which says in clearer words what is wrong
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise InputError(f"{file.name}{line}: not readable as YAML ({getattr(error, 'problem', error)})") from None
    if not isinstance(values, dict):
        raise InputError(f"{file.name}:1: expected a mapping of settings, found {type(values).__name__}")
    _refuse_duplicates(node, file.name)
    _refuse_unknown_variables()
    try:
        settings = Settings(**values)
    except SettingsError as error:
        section = str(error).split('"')[1]
        raise InputError(f"environment variable RECO_{section.upper()}: not readable as JSON") from None
    except ValidationError as error:
        raise InputError("\n".join(explain(detail, node, file.name) for detail in error.errors())) from None
    findings = [*_unknown_models(settings), *_unknown_contexts(settings)]
    unknown = [explain(detail, node, file.name) for detail in findings]
    if unknown:
        raise InputError("\n".join(unknown))
    settings._file = file
    return settings


def _parsed(text: str, loader: Any) -> tuple[yaml.Node, Any]:
    return yaml.compose(text, Loader=loader), yaml.load(text, Loader=loader)  # noqa: S506 both loaders are safe


def _unknown_models(settings: Settings) -> Iterator[dict[str, Any]]:
    """Findings, in pydantic's form, about models and options that the registry does not have."""
    from reco.models import MODELS, make_model

    named: list[tuple[tuple[str | int, ...], str]] = [
        (("hybrid", "parts", part), model) for part, model in settings.hybrid.parts.items()
    ]
    named += [(("hybrid", "learned", "algorithms", n), one) for n, one in enumerate(settings.hybrid.learned.algorithms)]
    for name, context in settings.contexts.items():
        for number, strategy in enumerate(context.strategies):
            where: tuple[str | int, ...] = ("contexts", name, "strategies", number)
            one: Strategy | None = strategy
            while one is not None:
                if one.model not in (None, *BLENDS):
                    named.append(((*where, "model"), one.model))
                where, one = (*where, "instead"), one.instead
    named += [(("comparison", "leave_out", n), model) for n, model in enumerate(settings.comparison.leave_out)]
    for place, model in named:
        if model not in MODELS:
            message = f"no such model; expected one of {', '.join(MODELS)}"
            yield {"loc": place, "msg": message, "type": "unknown_model", "input": model}
        elif place[0] == "hybrid" and MODELS[model].reads:
            message = "was trained elsewhere and cannot learn other weeks; expected a model that is trained here"
            yield {"loc": place, "msg": message, "type": "trained_elsewhere", "input": model}
    for model, options in settings.models.items():
        try:
            make_model(model, **options)
        except ValueError as error:
            yield {"loc": ("models", model), "msg": str(error), "type": "value_error", "input": options}


def _unknown_contexts(settings: Settings) -> Iterator[dict[str, Any]]:
    """Findings, in pydantic's form, about contexts that are named but not declared."""
    pinned = settings.rules.pinned.places if settings.rules.pinned else {}
    named: list[tuple[tuple[str | int, ...], str]] = [
        *((("rules", "pinned", "places", name), name) for name in pinned),
        *((("hybrid", "contexts", name), name) for name in settings.hybrid.contexts),
        *((("sending", "mails", mail, "context"), one.context) for mail, one in settings.sending.mails.items()),
        *(
            (("experiments", "tests", test, "context"), one.context)
            for test, one in (settings.experiments.tests.items() if settings.experiments else ())
            if one.context is not None
        ),
    ]
    for place, name in named:
        if name not in settings.contexts:
            message = f"no such context; expected one of {', '.join(settings.contexts)}"
            yield {"loc": place, "msg": message, "type": "unknown_context", "input": name}


def _refuse_unknown_variables() -> None:
    """A variable such as RECO_KPI__X would be passed over in silence; one without `__` may be somebody else's."""
    for variable in os.environ:
        section, nested, _ = variable.upper().removeprefix("RECO_").partition("__")
        if variable.upper().startswith("RECO_") and nested and section.lower() not in Settings.model_fields:
            known = ", ".join(Settings.model_fields)
            raise InputError(
                f"environment variable {variable}: no section {section.lower()!r}; expected one of {known}"
            )


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
