"""One module per system that a store exports from.

A source module holds `Settings` (its entry under `sources:` in workbook.yaml, told apart by `kind`), `ABOUT` (one
sentence on where the data come from, printed at the foot of every report), `files(settings, root)` (the raw files,
for fingerprints and early checks) and `read(settings, shop)` (raw tables in, unified tables out, as Ibis
expressions). A new system is a new file in this folder; nothing else lists it.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType
from typing import Final

#: Source modules by their `kind`.
SOURCES: Final[dict[str, ModuleType]] = {
    module.name: import_module(f"{__name__}.{module.name}")
    for module in iter_modules(__path__)
    if module.name != "base"
}
