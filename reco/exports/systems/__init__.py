"""One module per system that takes what this project makes.

A module holds

- `TITLE` and `ABOUT`: what the system is called, and a sentence on what is written for it;
- `Settings`: its entry under `exports:` in workbook.yaml, every key with a default;
- `outputs(material, settings)`: the files, as `Output`s made of the tables of a `Material`;
- `send(outputs, settings, run)`, where a server takes the rows instead of a folder: all of them or none.

A new system is a new file in this folder; nothing else lists it.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Final

#: Modules by the name that `reco export` takes.
EXPORTS: Final[dict[str, ModuleType]] = {
    module.name: import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)
}
