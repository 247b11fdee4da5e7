"""Findings about settings in words: which line and key of the file, or which variable, they are about."""

import os
from typing import Any, Final, get_args, get_origin

import yaml

from reco.settings.sections import Settings
from reco.sources import SOURCES

#: libyaml's loader where it is there: it takes a tenth of the time.
LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

#: What is said about a value that is too long to show, or that is not there.
_FOUND: Final = {type(None): "nothing", dict: "a mapping", list: "a list"}


def explain(detail: Any, node: yaml.Node, name: str) -> str:
    """One line for one finding of pydantic, with the line of the file or the environment variable it is about."""
    location, found = detail["loc"], detail["input"]
    match detail["type"]:
        case "extra_forbidden":
            message = f"unknown key; expected one of {', '.join(_known_keys(location[:-1]))}"
        case "missing":
            message = "this key is missing"
        case "union_tag_not_found":
            message = f"its kind is missing; expected one of {', '.join(SOURCES)}"
        case "union_tag_invalid":
            location += ("kind",)
            message = f"expected one of {', '.join(SOURCES)}, found {found['kind']!r}"
        case _:
            below, message = _below(found, detail["msg"].removeprefix("Value error, "))
            location += below
            told = "found" in message or (detail["type"] == "value_error" and not isinstance(found, str))
            if not told:
                message += f", found {_FOUND.get(type(found)) or repr(found)}"
    line, path = _place(location, node)
    return f"{_variable(path) or f'{name}:{line}'}: {'.'.join(path)}: {message}"


def _below(found: Any, message: str) -> tuple[tuple[str, ...], str]:
    """The keys below a section that its finding is about, where it says so: `tables.events: expected …`."""
    keys, _, rest = message.partition(": ")
    for key in keys.split("."):
        if not isinstance(found, dict) or key not in found:
            return (), message
        found = found[key]
    return tuple(keys.split(".")), rest


def place(settings: Settings, *location: int | str) -> str:
    """Where a key stands, to open a sentence about it: `workbook.yaml:14: sources.0.path`."""
    node = yaml.compose(settings.file.read_text(encoding="utf-8"), Loader=LOADER)
    line, path = _place(location, node)
    return f"{_variable(path) or f'{settings.file.name}:{line}'}: {'.'.join(path)}"


def _place(location: tuple[int | str, ...], node: yaml.Node) -> tuple[int, list[str]]:
    """Line and path of keys in the file of a location of pydantic, which also names the kind of a source."""
    line, path = node.start_mark.line + 1, []
    for part in location:
        child = None
        if isinstance(node, yaml.MappingNode):
            if part == "[key]" or ("kind", part) in ((key.value, value.value) for key, value in node.value):
                continue
            child = next(((key, value) for key, value in node.value if key.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            child = (node.value[part], node.value[part])
        if child is not None:
            line, node = child[0].start_mark.line + 1, child[1]
        if part != "[key]":
            path.append(str(part))
    return line, path


def _variable(path: list[str]) -> str | None:
    """The environment variable that a finding is about: one that sets this key, a section around it or a part of it."""
    name = "RECO_" + "__".join(path).upper()
    for variable in os.environ:
        other = variable.upper()
        if (other.startswith("RECO_") and f"{name}__".startswith(f"{other}__")) or other.startswith(f"{name}__"):
            return f"environment variable {variable}"
    return None


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """The keys of the section at a location of pydantic."""
    section: Any = Settings
    for part in location:
        if hasattr(section, "model_fields"):
            section = section.model_fields[part].annotation
            if get_args(section)[1:] == (type(None),):
                section = get_args(section)[0]
        elif get_origin(section) in (list, dict):
            section = get_args(section)[-1]
        else:
            section = SOURCES[str(part)].Settings
    return list(section.model_fields)
