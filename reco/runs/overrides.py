"""What `--set key=value` changes for one run: parameters of notebooks and single settings."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import yaml

from reco.errors import InputError
from reco.notebooks import Notebook
from reco.settings import Settings


class Overrides(NamedTuple):
    """Changes for one run.

    Attributes:
        parameters: text values by notebook and parameter, not checked yet.
        settings: text values by dotted name of a setting.
    """

    parameters: dict[str, dict[str, str]]
    settings: dict[str, str]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Put the settings into the environment, where loading them finds them, here and in child processes."""
        changes = _environment(self.settings)
        before = {name: os.environ.get(name) for name in changes}
        os.environ.update(changes)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for settings by dotted name.

    Options of models have no types in the settings, so they go together as JSON that keeps a number a number.

    >>> _environment({"kpis.attribution_days": "3", "models.als.factors": "64"})
    {'RECO_KPIS__ATTRIBUTION_DAYS': '3', 'RECO_MODELS': '{"als": {"factors": 64}}'}
    """
    variables: dict[str, str] = {}
    options: dict[str, dict[str, object]] = {}
    for name, value in settings.items():
        match name.split("."):
            case ["models", model, option]:
                options.setdefault(model, {})[option] = yaml.safe_load(value)
            case parts:
                variables["RECO_" + "__".join(parts).upper()] = value
    return variables | ({"RECO_MODELS": json.dumps(options)} if options else {})


def parse(pairs: Sequence[str], notebooks: Mapping[str, Notebook], selected: Sequence[str]) -> Overrides:
    """Sort `key=value` pairs into parameters and settings.

    `key` is a parameter of any selected notebook, `NOTEBOOK.parameter` for one of them, or the dotted name of a
    setting. Raises `InputError` for a key that is none of these.
    """
    everywhere: dict[str, str] = {}
    overrides = Overrides({name: {} for name in selected}, {})
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise InputError(f"--set {pair}: expected key=value")
        first, dot, rest = key.partition(".")
        if not dot:
            known = sorted({each for name in selected for each in _settable(notebooks[name])})
            if key not in known:
                raise InputError(f"--set {key}: no parameter of that name; expected one of {', '.join(known)}")
            everywhere[key] = value
        elif first in notebooks:
            if first not in selected:
                raise InputError(f"--set {key}: {first} is not among the notebooks of this run")
            if rest not in _settable(notebooks[first]):
                known = ", ".join(_settable(notebooks[first])) or "none"
                raise InputError(f"--set {key}: {first} has no parameter {rest!r}; expected one of {known}")
            overrides.parameters[first][rest] = value
        elif first in Settings.model_fields:
            overrides.settings[key] = value
        else:
            raise InputError(
                f"--set {key}: no section {first!r} in the settings; "
                f"expected one of {', '.join(Settings.model_fields)}, or a notebook's name"
            )
    for name, own in overrides.parameters.items():
        shared = {key: value for key, value in everywhere.items() if key in _settable(notebooks[name])}
        overrides.parameters[name] = shared | own
    return overrides


def _settable(notebook: Notebook) -> list[str]:
    return [name for name in notebook.parameters.model_fields if name != "config"]
