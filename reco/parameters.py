"""Parameters of notebooks, each declared once in `reco.notebooks`, as readers meet them.

The same model checks what the command line and the settings give, writes the cell tagged `parameters` (`cell`), is the
manual (`manual`), and says what a report covers (`covers`).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import annotated_types as kinds
from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from reco.notebooks import Notebook, Parameters

#: Words for the bounds of a value.
_BOUNDS: Final = {
    kinds.Ge: ("ge", "at least {:g}"),
    kinds.Gt: ("gt", "above {:g}"),
    kinds.Le: ("le", "at most {:g}"),
    kinds.Lt: ("lt", "below {:g}"),
}


class Covered(BaseModel):
    """One line of “This report covers”: a parameter, its name in words, its value, what it means."""

    model_config = ConfigDict(frozen=True)

    name: str
    label: str
    value: str
    meaning: str


def covers(model: type[Parameters], values: Mapping[str, Any]) -> list[Covered]:
    """The parameters that a notebook ran with; the settings file stands elsewhere on the page.

    >>> from reco.notebooks import UnifyData
    >>> [(line.label, line.value) for line in covers(UnifyData, {"config": "workbook.yaml", "churn_days": 30})]
    [('Churn days', '30')]
    """
    return [
        Covered(
            name=name,
            label=name.replace("_", " ").capitalize(),
            value=str(values[name]),
            meaning=field.description or "",
        )
        for name, field in model.model_fields.items()
        if name in values and name != "config"
    ]


def cell(model: type[Parameters]) -> str:
    """The source of the cell tagged `parameters`, one a line, as Papermill reads them for its own manual.

    >>> from reco.notebooks import UnifyData
    >>> print(cell(UnifyData).splitlines()[1])
    churn_days: int = 60  # days without an order after which a customer counts as silent
    """
    return "\n".join(
        f"{name}: {field.annotation.__name__} = {_literal(field.default)}  # {field.description}"
        for name, field in model.model_fields.items()
    )


def manual(notebook: Notebook) -> Iterator[str]:
    """What can be set for a notebook: a line on it, then two for each parameter."""
    yield f"{notebook.name}: {notebook.question}"
    for name, field in notebook.parameters.model_fields.items():
        if name != "config":
            words = [field.annotation.__name__, *_bounds(field), f"default {_literal(field.default)}"]
            yield f"  {name} ({', '.join(words)})"
            yield f"      {field.description}"


def drifted(notebook: Notebook, write: bool = False) -> bool:
    """Whether the cell tagged `parameters` in a notebook's file is not what its model says; `write` mends it."""
    text = notebook.path.read_text(encoding="utf-8")
    content = json.loads(text)
    [tagged] = [one for one in content["cells"] if "parameters" in one["metadata"].get("tags", [])]
    wanted = cell(notebook.parameters)
    if "".join(tagged["source"]) == wanted:
        return False
    if write:
        tagged["source"] = wanted.splitlines(keepends=True)
        _replace(notebook.path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return True


def _replace(path: Path, text: str) -> None:
    private = path.with_name(f".{path.name}.part")
    private.write_text(text, encoding="utf-8")
    private.replace(path)


def _bounds(field: FieldInfo) -> list[str]:
    return [words.format(getattr(bound, key)) for bound in field.metadata for key, words in [_BOUNDS[type(bound)]]]


def _literal(value: object) -> str:
    """A value as Python code, texts in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
