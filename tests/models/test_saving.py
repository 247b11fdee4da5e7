"""Models as files: what is written is read back, and nothing else is believed."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from reco.models import load_model, make_model
from reco.models.saving import _Reader, _Writer
from tests.models.contract import as_interactions, toy_frame


@pytest.fixture
def folder(tmp_path):
    """A saved model."""
    make_model("popularity").fit(as_interactions(toy_frame())).save(tmp_path / "model")
    return tmp_path / "model"


def test_no_pickle_is_written(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "arrays.npz", "interactions.items.parquet", "interactions.log.parquet", "interactions.products.parquet",
        "interactions.users.parquet", "model.json",
    ]  # fmt: skip
    with np.load(folder / "arrays.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays)


def test_saving_again_replaces_what_was_there(folder):
    model = make_model("random").fit(as_interactions(toy_frame()))
    model.save(folder)
    assert load_model(folder).name == "random"


def test_options_come_back(tmp_path):
    model = make_model("tfidf", columns=("title", "brand"), ngrams=2).fit(as_interactions(toy_frame()))
    model.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert (loaded.columns, loaded.ngrams) == (("title", "brand"), 2)


def test_ids_that_are_numbers_stay_numbers(tmp_path):
    frame = toy_frame().assign(user_id=lambda f: f["user_id"].str[1:].astype(int))
    x = as_interactions(frame)
    make_model("popularity").fit(x).save(tmp_path / "m")
    assert load_model(tmp_path / "m").interactions.users.dtype == x.users.dtype == "int64"


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(ValueError, match="no saved model"):
        load_model(tmp_path)


@pytest.mark.parametrize("change", [{"format": 2}, {"model": "magic"}])
def test_another_format_or_model(folder, change):
    about = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps(about | change))
    with pytest.raises(ValueError, match="expected format 1 and one of"):
        load_model(folder)


def test_other_interactions_than_those_of_the_fit(folder):
    log = pd.read_parquet(folder / "interactions.log.parquet")
    log.loc[0, "weight"] = 99
    log.to_parquet(folder / "interactions.log.parquet")
    with pytest.raises(ValueError, match="not those that the model was fitted to"):
        load_model(folder)


@pytest.mark.parametrize("path", ["os:system", "builtins:eval", "reco.cli:app", "reco.models.base:MODELS", "reco:os"])
def test_only_records_of_the_package_are_built(folder, path):
    about = json.loads((folder / "model.json").read_text())
    about["state"]["evil"] = {"record": path, "fields": {}}
    (folder / "model.json").write_text(json.dumps(about))
    with pytest.raises(ValueError, match="is no record of this package"):
        load_model(folder)


def test_an_array_of_objects_is_refused_when_read(folder):
    np.savez(folder / "arrays.npz", **{"_popularity": np.array([print], dtype=object)})
    with pytest.raises(ValueError, match="allow_pickle"):
        load_model(folder)


def test_a_failed_save_leaves_the_old_model(folder):
    model = make_model("popularity").fit(as_interactions(toy_frame()))
    model.odd = object()
    with pytest.raises(TypeError, match="odd is a object"):
        model.save(folder)
    assert load_model(folder).name == "popularity"


@pytest.mark.parametrize(
    "value",
    [
        None, True, 7, 0.1, float("inf"), "é", [1, "a", None], (1, (2.5, [3])), {"a": {"b": (1,)}}, np.float32(0.5),
        np.arange(6).reshape(2, 3), pd.Index(["a", "b"]), pd.Index([1, 2]),
    ],
)  # fmt: skip
def test_values_come_back_as_they_were(value, tmp_path):
    writer = _Writer()
    node = json.loads(json.dumps(writer.node(value, "it")))
    for name, frame in writer.frames.items():
        frame.to_parquet(tmp_path / f"{name}.parquet")
    found = _Reader(tmp_path, writer.arrays).value(node)
    if isinstance(value, np.ndarray | pd.Index):
        assert found.dtype == value.dtype
        assert (found == value).all()
    else:
        assert found == value
        assert isinstance(value, np.generic) or type(found) is type(value)


def test_a_sparse_matrix_comes_back(tmp_path):
    matrix = sparse.random_array((5, 7), density=0.4, rng=np.random.default_rng(0), format="csr", dtype="float32")
    writer = _Writer()
    found = _Reader(tmp_path, writer.arrays).value(writer.node(sparse.csr_matrix(matrix), "it"))
    assert found.shape == (5, 7)
    assert (found != sparse.csr_matrix(matrix)).nnz == 0
