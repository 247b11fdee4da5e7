"""Files are found inside their folder, archives are unpacked within limits."""

import gzip
import struct
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from reco.errors import InputError
from reco.raw import files, inspect, read
from reco.sources.base import Column, RawTable

A = {"a": Column(("a",), required=True)}


def names(root: Path, *patterns: str) -> list[str]:
    return [one.name for one in files.find([Path(pattern) for pattern in patterns], root)]


def rows(root: Path, pattern: str) -> list[tuple[str, str]]:
    found = read("shop", {"orders": RawTable((Path(pattern),), A)}, root, root / "out")
    return [(row["file"], row["a"]) for one in found for row in pq.read_table(one.parquet).to_pylist()]


@pytest.fixture
def root(tmp_path):
    for name in ("a/1.csv", "a/2.csv", "b/1.csv", "b/.hidden.csv", "b/~$lock.csv"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text(f"a\n{name}\n")
    return tmp_path


def test_files_are_named_from_the_fixed_folder_of_their_pattern(root):
    assert names(root, "data/a/1.csv") == ["1.csv"]
    assert names(root, "data/b/*.csv") == ["1.csv"]
    assert names(root, "data/*/*.csv") == ["a/1.csv", "a/2.csv", "b/1.csv"]
    assert names(root, str(root / "data/**/1.csv")) == ["a/1.csv", "b/1.csv"]


def test_a_file_that_two_patterns_find_is_one_file(root):
    assert names(root, "data/a/1.csv", "data/a/*.csv") == ["1.csv", "2.csv"]


def test_files_of_one_name_are_told_apart_by_their_folders(root):
    assert names(root, "data/a/1.csv", "data/b/1.csv") == ["a/1.csv", "b/1.csv"]


def test_a_name_with_the_signs_of_a_pattern_is_a_name_where_it_is_there(root):
    (root / "data/a/x[1].csv").write_text("a\n1\n")
    assert names(root, "data/a/x[1].csv") == ["x[1].csv"]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("data/none.csv", r"data/none\.csv: no such file"),
        ("data/*.csv", r"data/\*\.csv: no such file"),
        ("data/a", r"data/a: is a folder"),
        ("data/a**/x", r"data/a\*\*/x: no pattern"),
        ("data/a/3.pdf", r"data/a/3\.pdf: not a kind of file that can be read"),
        ("data/a/4.gz", r"data/a/4\.gz: not a kind of file that can be read"),
    ],
)
def test_what_is_not_there_or_not_readable_is_named(root, pattern, message):
    (root / "data/a/3.pdf").touch()
    (root / "data/a/4.gz").touch()
    with pytest.raises(InputError, match=message):
        names(root, pattern)


def test_a_link_out_of_the_folder_is_refused_and_one_inside_is_not(root):
    (root / "secret.csv").write_text("a\nsecret\n")
    (root / "data/a/link.csv").symlink_to(root / "secret.csv")
    with pytest.raises(InputError, match=r"data/a/link\.csv: leads out of the folder"):
        names(root, "data/a/*.csv")
    (root / "data/a/link.csv").unlink()
    (root / "data/a/link.csv").symlink_to(root / "data/a/1.csv")
    assert names(root, "data/a/*.csv") == ["1.csv", "2.csv", "link.csv"]


def test_a_folder_that_is_a_link_out_is_refused(root):
    (root / "elsewhere").mkdir()
    (root / "elsewhere/1.csv").write_text("a\nsecret\n")
    (root / "data/c").symlink_to(root / "elsewhere")
    with pytest.raises(InputError, match="leads out of the folder"):
        names(root, "data/*/1.csv")


def test_packed_text_and_members_of_archives_are_read(tmp_path):
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"a\n1\n"))
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x/subscribed.csv", "a\n2\n")
        archive.writestr("cleaned.json", '[{"a": 3}]')
        archive.writestr("packed.csv.gz", gzip.compress(b"a\n4\n"))
        archive.writestr("__MACOSX/._cleaned.json", "rubbish")
    assert rows(tmp_path, "*.*") == [
        ("a.csv.gz", "1"),
        ("b.zip/cleaned.json", "3"),
        ("b.zip/packed.csv.gz", "4"),
        ("b.zip/x/subscribed.csv", "2"),
    ]


@pytest.mark.parametrize("member", ["inner.zip", "table.parquet", "book.xlsx", "note.pdf"])
def test_an_archive_holds_text_only(tmp_path, member):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, b"PK")
    with pytest.raises(InputError, match=rf"a\.zip/{member}: not a kind of file that can be read; expected .csv"):
        rows(tmp_path, "a.zip")


@pytest.mark.parametrize("name", ["bomb.zip", "bomb.csv.gz", "bomb.xlsx"])
def test_a_bomb_is_refused_before_it_goes_off(tmp_path, monkeypatch, name):
    monkeypatch.setattr(files, "FLOOR", 10_000)
    content = b"a\n" + b"0\n" * 2_000_000
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress(content))
    else:
        with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", content)
    with pytest.raises(InputError, match=rf"{name}: unpacks to"):
        rows(tmp_path, name)


def test_an_archive_that_lies_about_its_size_gives_no_more_than_it_says(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "a\n" + "0\n" * 100_000)
    content = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(content.replace(struct.pack("<I", 200_002), struct.pack("<I", 10)))
    with pytest.raises(InputError, match=r"a\.zip/a\.csv: damaged or cut off"):
        rows(tmp_path, "a.zip")


@pytest.mark.parametrize("name", ["a.zip", "a.csv.gz", "a.xlsx", "a.parquet"])
@pytest.mark.parametrize("damage", ["cut", "rubbish", "empty"])
def test_damaged_archives_books_and_tables_are_named(tmp_path, name, damage):
    whole = tmp_path / "whole"
    if name == "a.csv.gz":
        whole.write_bytes(gzip.compress(b"a\n" + bytes(range(48, 58)) * 500))
    elif name == "a.parquet":
        pq.write_table(pa.table({"a": ["1"] * 100}), whole)
    else:
        with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a.csv", "a\n1\n" * 100)
    content = whole.read_bytes()
    (tmp_path / name).write_bytes({"cut": content[: len(content) // 2], "rubbish": b"x" * 300, "empty": b""}[damage])
    with pytest.raises(InputError, match=rf"{name}"):
        rows(tmp_path, name)


def test_a_protected_archive_is_called_so(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.csv", "a\n1\n")
    content = bytearray((tmp_path / "a.zip").read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(InputError, match="protected by a password"):
        rows(tmp_path, "a.zip")


def test_inspection_looks_at_heads_and_writes_nothing(tmp_path):
    (tmp_path / "a.csv").write_text("a\n" + "1\n" * 10)
    (tmp_path / "b.jsonl").write_text('{"a": 1}\n')
    pq.write_table(pa.table({"a": ["1"]}), tmp_path / "c.parquet")
    before = sorted(tmp_path.rglob("*"))
    tables = {"orders": RawTable((Path("*.*"),), A), "typed": RawTable((Path("*.parquet"),))}
    assert inspect(tables, tmp_path) == {
        "orders": [tmp_path / "a.csv", tmp_path / "b.jsonl", tmp_path / "c.parquet"],
        "typed": [tmp_path / "c.parquet"],
    }
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "b\n1\n", "no column 'a'; found: b"),
        ("a.csv", "a,a\n1,2\n", "two columns are called 'a'"),
        ("a.csv", "", "is empty"),
        ("a.json", '[{"b": 1}]', "no record has 'a'; found: b"),
        ("a.parquet", "PAR1", "cannot be read as Parquet"),
        ("a.xlsx", "x", "damaged or cut off"),
    ],
)
def test_inspection_finds_what_reading_would_stumble_over(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=f"{name}: .*{message}"):
        inspect({"orders": RawTable((Path(name),), A)}, tmp_path)


def test_inspection_of_a_large_file_is_quick(tmp_path):
    with (tmp_path / "a.csv").open("w") as stream:
        stream.write("a\n")
        stream.truncate(1 << 32)
    assert inspect({"orders": RawTable((Path("a.csv"),), A)}, tmp_path)
