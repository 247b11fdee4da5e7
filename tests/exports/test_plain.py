"""Slates in plain forms come back as they were."""

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reco.errors import InputError
from reco.exports import forms
from reco.exports.nesting import lists
from reco.exports.plain import FLAT, of_lists
from tests.exports import made
from tests.exports.contract import Contract


class TestJsonLines(Contract):
    system = "jsonl"

    def test_slates_come_back(self, tmp_path):
        folder, _ = self.export(tmp_path)
        assert of_lists(forms.read(folder / "slates.jsonl")).equals(made.material().table("lists"))

    def test_a_line_of_it(self, tmp_path):
        folder, _ = self.export(tmp_path)
        line = json.loads((folder / "slates.jsonl").read_text(encoding="utf-8").splitlines()[4])
        assert line["anchor_ids"] == ["007"]
        assert line["customer_id"] is None
        assert [one["product_id"] for one in line["items"]] == ["Ünïcode-茶", "1e5", "-42"]
        assert line["items"][0]["score"] == 0.4375

    def test_only_changes_are_sent_and_what_is_gone_is_told(self, tmp_path):
        self.export(tmp_path)
        frame = made.slates(score=0.75)  # another score is no change
        frame = frame[frame["customer_id"] != "ann"]
        frame.loc[(frame["slate_id"] == "email-2") & (frame["position"] == 4), "item_id"] = "007"
        frame["slate_id"] = "later-" + frame["slate_id"]  # nor is the name of a slate
        anchors = made.anchors().assign(slate_id=lambda t: "later-" + t["slate_id"])
        folder, told = self.export(tmp_path, made.material(lists=lists(frame, anchors)), only_changed=True)
        assert forms.read(folder / "slates.jsonl")["customer_id"].to_pylist() == ["Zoë"]
        assert forms.read(folder / "slates.jsonl.removed.jsonl")["customer_id"].to_pylist() == ["ann"]
        assert [(one["rows"], one["removed"]) for one in told["files"]] == [(1, 1)]


class TestParquet(Contract):
    system = "parquet"


def flat_as_text() -> pd.DataFrame:
    frame = made.material().sql(FLAT).to_pandas()
    return frame.astype({"customer_id": object}).fillna({"customer_id": ""})


class TestCsv(Contract):
    system = "csv"

    def test_slates_come_back(self, tmp_path):
        folder, _ = self.export(tmp_path)
        read, ids = forms.read(folder / "slates.csv", ("customer_id", "product_id")).to_pandas(), flat_as_text()
        for name in ("slate_id", "context", "customer_id", "anchor_ids", "product_id", "strategy", "reason"):
            assert read[name].tolist() == ids[name].tolist()
        assert np.array_equal(read["score"].astype("float32"), ids["score"])

    def test_an_id_that_is_a_formula_is_left_out_and_counted(self, tmp_path):
        frame = made.slates(customers=("=cmd|'/C calc'!A0", "ann"))
        folder, told = self.export(tmp_path, made.material(lists=lists(frame, made.anchors())))
        assert "=cmd" not in (folder / "slates.csv").read_text()
        assert told["withheld"] == {"rows of slates.csv whose ids a spreadsheet would run as formulas": 4}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what the full disk cut off
class TestExcel(Contract):
    system = "excel"

    def test_slates_come_back(self, tmp_path):
        folder, _ = self.export(tmp_path)
        read, ids = forms.read(folder / "slates.xlsx").to_pandas(), flat_as_text()
        for name in ("slate_id", "context", "customer_id", "anchor_ids", "product_id", "strategy", "reason"):
            assert read[name].tolist() == ids[name].tolist()

    def test_more_rows_than_a_sheet_holds_go_on_in_the_next(self, tmp_path, monkeypatch):
        import openpyxl

        monkeypatch.setattr(forms, "SHEET", 20)
        folder, told = self.export(tmp_path)
        book = openpyxl.load_workbook(folder / "slates.xlsx")
        assert book.sheetnames == ["slates", "slates 2"]
        assert [sheet.max_row - 1 for sheet in book] == [20, told["files"][0]["rows"] - 20]
        assert forms.read(folder / "slates.xlsx")["product_id"].to_pylist() == flat_as_text()["product_id"].tolist()

    def test_a_text_that_a_cell_would_clip_is_refused(self, tmp_path):
        frame = made.slates().assign(reason="x" * 32_768)
        with pytest.raises(InputError, match=r"Excel: reason 'xxx.*has 32768 characters; expected at most 32767"):
            self.export(tmp_path, made.material(lists=lists(frame, made.anchors())))

    def test_no_cell_is_a_formula_a_link_or_a_number_that_was_text(self, tmp_path):
        import openpyxl

        folder, _ = self.export(tmp_path)
        sheet = openpyxl.load_workbook(folder / "slates.xlsx").active
        types = {cell.data_type for row in sheet.iter_rows(min_row=2, max_col=5) for cell in row if cell.value}
        assert types == {"s", "n"}
        assert "f" not in {cell.data_type for row in sheet.iter_rows() for cell in row}
        assert sheet._hyperlinks == []


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\x00"), max_size=8)


@given(st.lists(CELLS, min_size=1, max_size=20))
def test_the_guard_can_be_taken_off_again(texts):
    rows = pa.table({"title": texts})
    safe = forms.guarded(rows)
    assert not any(one[:1] in "=+-@\t\n＝＋－＠" for one in safe["title"].to_pylist() if one)
    assert forms._unguarded(safe, ()).equals(rows)


def test_rows_that_stand_apart_are_brought_together():
    frame = made.slates()
    shuffled = frame.sample(frac=1, random_state=0)
    want = lists(frame, made.anchors()).to_pandas().set_index("slate_id")
    got = lists(shuffled, made.anchors()).to_pandas().set_index("slate_id").loc[want.index]
    for name in ("customer_id", "context"):
        assert got[name].fillna("").tolist() == want[name].fillna("").tolist()
    assert [list(map(dict, one)) for one in got["items"]] == [list(map(dict, one)) for one in want["items"]]
    assert [list(one) for one in got["anchor_ids"]] == [list(one) for one in want["anchor_ids"]]


def test_lists_of_nothing():
    assert lists(made.slates().iloc[:0]).num_rows == 0


@pytest.mark.parametrize("number", [float("nan")])
def test_no_json_without_numbers(number):
    with pytest.raises(InputError, match="Test: score holds a value that is not a number"):
        forms.no_nan(pa.table({"score": [1.0, number]}), "Test")
