"""One file per family of algorithms; each class names its paper. A new file here registers itself.

>>> make_model("popularity").title
'Popularity'
"""

from dataclasses import fields
from importlib import import_module
from pkgutil import iter_modules

from reco.models.base import MODELS, Range, Recommender
from reco.models.saving import load_model

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["MODELS", "Range", "Recommender", "load_model", "make_model"]


def make_model(name: str, **options: object) -> Recommender:
    """An unfitted model by its name in `MODELS`, with its options.

    Raises `ValueError` for an unknown name or option.
    """
    if name not in MODELS:
        raise ValueError(f"no model {name!r}; expected one of {', '.join(MODELS)}")
    known = [field.name for field in fields(MODELS[name])]
    for option in options:
        if option not in known:
            raise ValueError(f"model {name!r} has no option {option!r}; expected one of {', '.join(known)}")
    return MODELS[name](**options)
