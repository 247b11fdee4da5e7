"""Amazon Personalize: files obey their Avro schemas and limits, and batch output becomes lists."""

import io
import json

import fastavro
import pyarrow as pa
import pytest

from reco.errors import InputError
from reco.exports import forms
from reco.exports.systems import personalize
from tests.exports import made
from tests.exports.contract import Contract

SHAPES = {
    "users": '{"input": {"userId": "4638"}, "output": {"recommendedItems": ["63", "007"], "scores": [0.2, 0.1]}, '
    '"error": null}',
    "related": '{"input": {"itemId": "105"}, "output": {"recommendedItems": ["106", "107"]}}',
    "failed": '{"input": {"userId": "9"}, "output": null, "error": {"message": "no such user"}}',
    "segment": '{"input": {"itemId": "5"}, "output": {"recommendedUsers": ["1"]}, "error": null}',
}


class TestPersonalize(Contract):
    system = "personalize"

    def test_rows_obey_the_avro_schemas(self, tmp_path):
        folder, _ = self.export(tmp_path)
        kinds = {"long": int, "float": float, "string": str}
        for name in ("interactions", "items", "users"):
            schema = json.loads((folder / f"{name}.avsc").read_text())
            rows = forms.read(folder / f"{name}.csv", ("USER_ID", "ITEM_ID"))
            assert rows.column_names == [one["name"] for one in schema["fields"]]
            by_name = {one["name"]: one["type"] for one in schema["fields"]}
            typed = [
                {
                    key: None
                    if value == ""
                    else kinds[by_name[key] if isinstance(by_name[key], str) else by_name[key][1]](value)
                    for key, value in row.items()
                }
                for row in rows.to_pylist()
            ]
            file = io.BytesIO()
            fastavro.writer(file, fastavro.parse_schema(schema), typed)
            file.seek(0)
            assert len(list(fastavro.reader(file))) == len(rows) > 0

    def test_interactions_to_the_byte(self, tmp_path):
        folder, _ = self.export(tmp_path)
        lines = (folder / "interactions.csv").read_text(encoding="utf-8").splitlines()
        assert lines[0] == "USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE,EVENT_VALUE"
        assert lines[1] == "0001,007,1795521600,Purchase,3.0"
        assert lines[2] == "0001,1e5,1795521600,View,"

    def test_too_long_an_id_is_refused_and_named(self, tmp_path):
        ids = ("x" * 257, *made.PRODUCTS[1:])
        with pytest.raises(
            InputError, match=r"Amazon Personalize: ITEM_ID 'xxx.*has 257 characters; expected at most 256"
        ):
            self.export(tmp_path, made.material(products=made.products(ids)))
        assert list(tmp_path.iterdir()) == []

    def test_the_manifest_tells_what_a_model_trained_on_it_has_seen(self, tmp_path):
        from reco.models.outside import Personalize

        folder, told = self.export(tmp_path)
        assert told["last_interaction"] == "2026-11-24T12:00:00.000000Z"
        until = Personalize(manifest=str(folder)).trained().until
        assert until == forms.pd.Timestamp("2026-11-24 12:00:00.000001Z")

    def test_too_little_data_is_remarked(self, tmp_path):
        _, told = self.export(tmp_path)
        assert "Amazon Personalize asks for 1,000 interactions at least; there are 4" in told["remarks"]


def test_reserved_names_and_too_many_fields_are_refused():
    with pytest.raises(InputError, match="Users has a field PRICE, whose name is reserved for another"):
        personalize.schema("Users", pa.schema({"USER_ID": pa.string(), "PRICE": pa.float32()}))
    many = {"USER_ID": pa.string(), **{f"F{n}": pa.string() for n in range(6)}}
    with pytest.raises(InputError, match="Users has 7 fields; expected at most 6"):
        personalize.schema("Users", pa.schema(many))


def test_batch_output_becomes_lists(tmp_path):
    (tmp_path / "out.jsonl").write_text("\n".join(SHAPES.values()))
    lists = personalize.read_batch(tmp_path / "out.jsonl")
    assert lists.values.tolist() == [
        ["4638", 1, "63", 0.2],
        ["4638", 2, "007", 0.1],
        ["105", 1, "106", 1],
        ["105", 2, "107", 0.5],
    ]


def test_batch_output_is_evaluated_like_any_model(tmp_path):
    from reco.evaluation import evaluate
    from reco.interactions import Interactions

    (tmp_path / "out.jsonl").write_text(SHAPES["users"])
    log = forms.pd.DataFrame({"user_id": ["4638", "5"], "item_id": ["1", "63"], "timestamp": [1, 2]})
    x = Interactions.from_frame(log, "user_id", "item_id", "timestamp")
    test = forms.pd.DataFrame({"user_id": ["4638"], "item_id": ["63"]})
    assert evaluate(personalize.read_batch(tmp_path / "out.jsonl"), test, x, k=2).summary.loc["recall", "value"] == 1


def test_batch_output_that_is_none(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        personalize.read_batch(tmp_path / "none.jsonl")
    (tmp_path / "bad.jsonl").write_text("not json\n")
    with pytest.raises(InputError, match="not readable as batch output"):
        personalize.read_batch(tmp_path / "bad.jsonl")
    (tmp_path / "empty.jsonl").write_text("")
    assert personalize.read_batch(tmp_path / "empty.jsonl").empty
