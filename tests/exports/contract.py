"""What every export keeps, whatever it writes: a test class per system inherits it."""

import json
import os
import re
import resource
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest

from reco.errors import InputError
from reco.exports import EXPORTS, forms, publishing, running
from reco.exports.base import select
from tests.exports import made


@contextmanager
def full_disk(size: int):
    """No file may grow beyond `size` bytes, as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def forbidden(folder: Path, mode: int):
    """A folder and those below it have so few rights, for root too: it is nobody for as long."""
    before = {path: path.stat().st_mode for path in (folder, *folder.rglob("*")) if path.is_dir()}
    root = os.geteuid() == 0
    for path in reversed(before):
        path.chmod(mode)
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path, own in before.items():
            path.chmod(own)


def as_text(rows: pa.Table) -> dict[str, list[str]]:
    """Cells as a CSV holds them; nothing is an empty text."""
    return select("SELECT coalesce(COLUMNS(*)::VARCHAR, '') FROM rows", rows=rows).to_pydict()


class Contract:
    """Set `system`, and `settings` where the defaults do not do."""

    system: str
    options: dict = {}  # noqa: RUF012 read only

    @property
    def module(self):
        return EXPORTS[self.system]

    @property
    def settings(self):
        return self.module.Settings(**self.options)

    def export(self, folder, material=None, **how):
        return running.export(self.system, material or made.material(), self.settings, folder, **how)

    def files(self):
        """The outputs of the shop as they are written."""
        outputs = self.module.outputs(made.material(), self.settings)
        return [part for output in outputs for part in output.packed().parts()]

    def test_a_manifest_tells_the_truth(self, tmp_path):
        folder, told = self.export(tmp_path, about={"data": "abc", "settings": "def"})
        assert (tmp_path / self.system / "latest").resolve() == folder.resolve()
        assert publishing.verify(folder) == []
        assert (told["system"], told["data"], told["settings"]) == (self.system, "abc", "def")
        assert told["files"]
        for one in told["files"]:
            assert (folder / one["name"]).stat().st_size == one["bytes"]
            assert one["goes_to"]
        listed = [one["name"] for entry in told["files"] for one in (entry, *entry.get("beside", ()))]
        written = {path.name for path in folder.iterdir() if not path.name.startswith(".")}
        assert sorted(listed) == sorted(written - {"manifest.json"})
        assert {path.name for path in tmp_path.iterdir()} == {self.system, f".{self.system}.lock"}

    def test_a_damaged_file_is_noticed(self, tmp_path):
        folder, told = self.export(tmp_path)
        name = told["files"][0]["name"]
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")
        assert publishing.verify(folder) == [name]
        beside = next((one["name"] for one in told["files"][0].get("beside", ())), None)
        if beside:
            (folder / beside).unlink()
            assert publishing.verify(folder) == [name, beside]

    def test_what_is_read_is_what_was_written(self, tmp_path):
        folder, _ = self.export(tmp_path)
        for output in self.files():
            path = folder / output.name
            if output.form == "jsonl":
                read = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
                assert read == json.loads(json.dumps(output.rows.to_pylist(), default=str))
            elif output.form == "json":
                assert json.loads(path.read_text(encoding="utf-8")) == output.rows.to_pylist()
            elif output.form == "csv":
                rows = forms.without_formulas(output)[0].rows
                assert forms.read(path, output.ids).to_pydict() == as_text(rows)
            elif output.form == "parquet":
                assert forms.read(path).equals(output.rows)

    def test_a_full_disk_leaves_the_last_export(self, tmp_path):
        first, _ = self.export(tmp_path)
        before = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
        with full_disk(20), pytest.raises(InputError, match=f"could not be written.*{first.name} still stands"):
            self.export(tmp_path)
        assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == before
        assert publishing.verify(tmp_path / self.system / "latest") == []

    def test_no_permission_is_one_clear_line_and_leaves_the_last_export(self):
        with TemporaryDirectory() as name:  # a folder of pytest's is closed to others all the way up
            folder = Path(name)
            first, _ = self.export(folder)
            for mode, words in (
                (0o555, r"could not be written \(Permission denied\).*still stands"),
                (0, "not readable"),
            ):
                with forbidden(folder, mode), pytest.raises(InputError, match=words):
                    self.export(folder)
            assert (folder / self.system / "latest").resolve() == first.resolve()
            assert publishing.verify(first) == []

    def test_a_dry_run_writes_nothing_and_says_where(self, tmp_path):
        said = []
        self.export(tmp_path, dry_run=True, say=said.append)
        assert list(tmp_path.iterdir()) == []
        assert str(tmp_path / self.system) in said[0]
        for output in self.files():
            assert any(output.name in line and output.goes_to in line for line in said)

    def test_nothing_changed_sends_nothing(self, tmp_path):
        self.export(tmp_path)
        _, told = self.export(tmp_path, only_changed=True)
        keyed = {one.name: one.whole for one in self.module.outputs(made.material(), self.settings) if one.key}
        for one in told["files"]:
            if one["name"] in keyed:
                assert (one["changed"], one["removed"]) == (0, 0)
                assert (one["rows"] > 0) == keyed[one["name"]]
        assert told["changed_since"]

    def test_the_first_delta_is_everything(self, tmp_path):
        _, whole = self.export(tmp_path / "a")
        _, first = self.export(tmp_path / "b", only_changed=True)
        assert [one["rows"] for one in whole["files"]] == [one["rows"] for one in first["files"]]
        assert first["changed_since"] is None

    def test_csv_cells_are_no_formulas(self, tmp_path):
        folder, _ = self.export(tmp_path)
        ids = {output.name: output.ids for output in self.module.outputs(made.material(), self.settings)}
        for path in folder.glob("*.csv"):
            cells = forms.pd.read_csv(path, dtype="str", keep_default_na=False)
            for name in cells.columns.difference(ids[path.name]):
                risky = cells[name].str.match(forms.FORMULA) & ~cells[name].str.startswith("'")
                risky &= ~cells[name].str.match(forms.NUMBER)
                assert not risky.any(), (path.name, name)

    def test_json_lines_obey_their_schema(self, tmp_path):
        import jsonschema

        folder, told = self.export(tmp_path)
        for one in told["files"]:
            if one["name"].endswith(".jsonl"):
                schema = json.loads((folder / f"{one['name']}.schema.json").read_text())
                check = jsonschema.Draft202012Validator(schema)
                lines = (folder / one["name"]).read_text(encoding="utf-8").splitlines()
                assert len(lines) == one["rows"]
                for line in lines:
                    check.validate(json.loads(line))

    def test_tables_obey_their_schema(self, tmp_path):
        folder, told = self.export(tmp_path)
        looks = {"string": ".*", "integer": "-?[0-9]+", "number": "-?[0-9.]+(e-?[0-9]+)?", "boolean": "true|false"}
        for one in told["files"]:
            if one["name"].endswith((".csv", ".xlsx")):
                fields = json.loads((folder / f"{one['name']}.schema.json").read_text())["fields"]
                rows = forms.read(folder / one["name"])
                assert [field["name"] for field in fields] == rows.column_names
                for field in fields:
                    cells = [cell for cell in rows[field["name"]].to_pylist() if cell != ""]
                    assert all(re.fullmatch(looks[field["type"]], str(cell), re.S | re.I) for cell in cells), field

    def test_an_empty_shop_is_no_error(self, tmp_path):
        empty = {name: schema.empty_table() for name, schema in running_tables().items()}
        _, told = self.export(tmp_path, made.material(**empty))
        assert told["system"] == self.system


def running_tables() -> dict[str, pa.Schema]:
    from reco.exports.base import TABLES

    return TABLES
