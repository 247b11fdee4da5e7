"""Models as files without pickle: arrays in npz, frames and indexes in Parquet, the rest in JSON.

Reading such a folder runs nothing of it: records are rebuilt only from classes of this package.
"""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy import sparse

from reco.models.base import MODELS, Recommender
from reco.store import replacing

FORMAT: Final = 1
PLAIN: Final = (str, int, float, bool, type(None))


def save(model: Recommender, folder: Path) -> None:
    """Write a fitted model into `folder`, whole or not at all.

    Raises `TypeError` where something learned is of a kind that no file here holds.
    """
    writer = _Writer()
    state = {name: value for name, value in vars(model).items() if name not in model.own_files}
    about = {
        "format": FORMAT,
        "model": model.name,
        "data": model.interactions.fingerprint,
        "state": {name: writer.node(value, name) for name, value in sorted(state.items())},
    }
    with replacing(folder) as private:
        np.savez_compressed(private / "arrays.npz", **writer.arrays)
        for name, frame in writer.frames.items():
            frame.to_parquet(private / f"{name}.parquet", compression="zstd")
        (private / "model.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
        model._save_extra(private)


def load_model(folder: str | Path) -> Recommender:
    """The fitted model that `Recommender.save` wrote into `folder`.

    Raises `ValueError` where the folder holds no model, one of another format or of an unknown kind, or a model that
    does not belong to the data beside it.
    """
    folder = Path(folder)
    try:
        about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{folder}: no saved model ({error})") from error
    if about.get("format") != FORMAT or about.get("model") not in MODELS:
        raise ValueError(
            f"{folder}: format {about.get('format')!r} of model {about.get('model')!r}; "
            f"expected format {FORMAT} and one of {', '.join(MODELS)}"
        )
    model = MODELS[about["model"]]()
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        reader = _Reader(folder, arrays)
        vars(model).update({name: reader.value(node) for name, node in about["state"].items()})
    if model.interactions.fingerprint != about["data"]:
        raise ValueError(f"{folder}: the interactions are not those that the model was fitted to")
    model._load_extra(folder)
    return model


class _Writer:
    """Collects arrays and frames while the rest becomes JSON."""

    def __init__(self) -> None:
        self.arrays: dict[str, np.ndarray] = {}
        self.frames: dict[str, pd.DataFrame] = {}

    def node(self, value: Any, name: str) -> dict[str, Any]:
        """What JSON holds of a value called `name`."""
        if isinstance(value, np.generic):
            value = value.item()
        if isinstance(value, PLAIN):
            return {"plain": value}
        if isinstance(value, np.ndarray) and value.dtype != object:
            self.arrays[name] = value
            return {"array": name}
        if sparse.issparse(value):
            whole = sparse.csr_matrix(value)
            parts = {part: getattr(whole, part) for part in ("data", "indices", "indptr")}
            self.arrays |= {f"{name}.{part}": array for part, array in parts.items()}
            return {"sparse": name, "shape": list(whole.shape)}
        if isinstance(value, pd.DataFrame):
            self.frames[name] = value
            return {"frame": name}
        if isinstance(value, pd.Index):
            self.frames[name] = pd.DataFrame({"ids": value.array})
            return {"index": name}
        if is_dataclass(value) and not isinstance(value, type):
            inner = {field.name: getattr(value, field.name) for field in fields(value)}
            return {"record": _path(value), "fields": self._inner(inner, name)}
        if hasattr(value, "_asdict"):
            return {"record": _path(value), "fields": self._inner(value._asdict(), name)}
        if isinstance(value, list | tuple):
            inner = [self.node(one, f"{name}.{number}") for number, one in enumerate(value)]
            return {type(value).__name__: inner}
        if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
            return {"dict": self._inner(value, name)}
        raise TypeError(f"{name} is a {type(value).__name__}, which no file holds without pickle")

    def _inner(self, values: Mapping[str, Any], name: str) -> dict[str, Any]:
        return {key: self.node(value, f"{name}.{key}") for key, value in values.items()}


class _Reader:
    """Values from what `_Writer` made of them."""

    def __init__(self, folder: Path, arrays: Mapping[str, np.ndarray]) -> None:
        self.folder, self.arrays = folder, arrays

    def value(self, node: Mapping[str, Any]) -> Any:
        """The value of a JSON node."""
        kind = next(iter(node))
        inner = node[kind]
        if kind == "plain":
            return inner
        if kind == "array":
            return self.arrays[inner]
        if kind == "sparse":
            parts = tuple(self.arrays[f"{inner}.{part}"] for part in ("data", "indices", "indptr"))
            return sparse.csr_matrix(parts, shape=tuple(node["shape"]))
        if kind == "frame":
            return pd.read_parquet(self.folder / f"{inner}.parquet")
        if kind == "index":
            return pd.Index(pd.read_parquet(self.folder / f"{inner}.parquet")["ids"].array)
        if kind == "record":
            return _class(inner)(**{key: self.value(one) for key, one in node["fields"].items()})
        if kind == "dict":
            return {key: self.value(one) for key, one in inner.items()}
        return {"list": list, "tuple": tuple}[kind](self.value(one) for one in inner)


def _path(value: object) -> str:
    return f"{type(value).__module__}:{type(value).__qualname__}"


def _class(path: str) -> type:
    """A record class of this package; raises `ValueError` for any other."""
    module, _, name = path.partition(":")
    if module.startswith("reco."):
        found = getattr(import_module(module), name, None)
        if isinstance(found, type) and (is_dataclass(found) or hasattr(found, "_fields")):
            return found
    raise ValueError(f"{path!r} is no record of this package")
