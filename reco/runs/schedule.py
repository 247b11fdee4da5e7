"""Schedules that call `reco run`, filled in for one store: every path in them is quoted for where it stands."""

import json
import re
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from reco.errors import InputError
from reco.runs.secrets import named
from reco.settings import Settings

DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

#: Files of each kind of schedule: template and ending of the name.
KINDS: Final = {
    "cron": {"cron": ".cron"},
    "systemd": {"service": ".service", "timer": ".timer"},
    "github": {"github": ".yml"},
    "airflow": {"airflow": ".py"},
    "jupyter": {"jupyter": ".txt"},
}


def schedule(kind: str, settings: Settings, at: str = "04:00", day: str | None = None) -> dict[str, str]:
    """The files of a schedule by name, for a run at `at` (HH:MM) every day, or on one `day` of the week.

    Raises `InputError` for a kind, time or day that is none, and for a path that the kind cannot hold.
    """
    if kind not in KINDS:
        raise InputError(f"no schedule {kind!r}; expected one of {', '.join(KINDS)}")
    if not (clock := re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", at)):
        raise InputError(f"--at {at}: expected a time of the day such as 04:00")
    if day is not None and day not in DAYS:
        raise InputError(f"--on {day}: expected one of {', '.join(DAYS)}")
    root, config = str(settings.root), settings.file.name
    for path in (root, config, sys.executable):
        if not path.isprintable():
            raise InputError(f"{path!r}: a schedule cannot hold a path with a line break or the like")
    if kind == "github" and "${{" in config:
        raise InputError(f"{config}: GitHub would take the name of the settings file for an expression")
    hour, minute = int(clock[1]), int(clock[2])
    name = f"reco-{settings.store.name}"
    values = {
        "name": name,
        "store": settings.store.name,
        "root": root,
        "config": config,
        "command": [*_program(), "run", "--config", config, "--no-wait"],
        "log": f"reports/{name}.log",
        "when": f"{'Every day' if day is None else f'Every week on {day.title()}'} at {at}",
        "cron": f"{minute} {hour} * * {'*' if day is None else DAYS.index(day)}",
        "calendar": f"{'' if day is None else day.title() + ' '}*-*-* {at}:00",
        "variables": named(settings),
    }
    return {
        name + ending: _environment().get_template(f"{one}.j2").render(values) for one, ending in KINDS[kind].items()
    }


def _program() -> list[str]:
    beside = Path(sys.executable).with_name("reco")
    return [str(beside)] if beside.is_file() else [sys.executable, "-m", "reco.cli"]


def _cron(word: str) -> str:
    r"""A word for the shell in a crontab, where a percent sign would end the line.

    >>> print(_cron("/srv/50% off"))
    '/srv/50\% off'
    """
    return shlex.quote(word).replace("%", r"\%")


def _specifiers(word: str) -> str:
    return word.replace("%", "%%")


def _systemd(word: str) -> str:
    r"""A word of a systemd command line.

    >>> print(_systemd('a "b" $c 5%'))
    "a \"b\" $$c 5%%"
    """
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$")
    return f'"{_specifiers(escaped)}"'


def _python(value: str | Sequence[str]) -> str:
    return repr(value)


def _yaml(value: str) -> str:
    return json.dumps(value)


def _environment() -> Environment:
    environment = Environment(  # noqa: S701 not HTML: every value goes through a filter for its place
        loader=PackageLoader("reco.runs", "schedules"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    for name, quote in (
        ("cron", _cron),
        ("specifiers", _specifiers),
        ("systemd", _systemd),
        ("python", _python),
        ("yaml", _yaml),
    ):
        environment.filters[name] = quote
    return environment
