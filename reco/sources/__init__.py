"""One module per system that a store exports from.

A source module holds

- `Settings`: its entry under `sources:` in workbook.yaml, told apart by `kind`;
- `ABOUT`: one sentence on where the data come from, printed at the foot of every report;
- `raw_tables(settings)`: its raw tables by name, each with its files and columns (`RawTable`);
- `unify(raw, settings, shop)`: unified tables by name, as Ibis expressions, from the raw tables that have files.

What `unify` gives has the unified columns (`reco.store.conform`) and, where it applies, the working columns: `reason`
for rows not fit to keep, `email` and `device_id` beside the account in `customer_id`, `piece` where one raw row gives
several. It looks at no file and runs nothing, so that it works on every engine and on raw tables that already lie in
a warehouse. A new system is a new file in this folder; nothing else lists it.
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
