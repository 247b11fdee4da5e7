"""Which files the patterns of a raw table stand for, and their bytes, unpacked within limits."""

import gzip
import hashlib
import io
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Final, NamedTuple

from reco.errors import InputError

DELIMITED: Final = frozenset({".csv", ".tsv", ".txt"})
JSON: Final = frozenset({".json", ".jsonl", ".ndjson"})
SHEET: Final = ".xlsx"
PARQUET: Final = ".parquet"
ARCHIVE: Final = ".zip"
TEXTS: Final = DELIMITED | JSON
EXPECTED: Final = ", ".join(sorted(TEXTS | {SHEET, PARQUET, ARCHIVE})) + ", or text with .gz after that"

#: What packed data may become: so many bytes, and above the floor so many times their packed size.
MOST_BYTES: Final = 4 << 30
MOST_TIMES: Final = 200
FLOOR: Final = 100_000_000

PART: Final = 1 << 20

#: How files begin that are something else than their name says.
MAGIC: Final = {
    b"PK\x03\x04": "a zip archive or workbook",
    b"\x1f\x8b": "packed by gzip",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old or protected Office document",
    b"\x89PNG": "an image",
}


class Found(NamedTuple):
    """One file, or one member of an archive, that a raw table is read from.

    Attributes:
        name: its path from `folder`, and after it the member's in the archive.
        label: how errors call it.
        path: the file.
        folder: the resolved folder that its pattern starts from.
        member: name inside the archive.
        limit: how many bytes of the text are looked at; all of them when left out.
    """

    name: str
    label: str
    path: Path
    folder: Path
    member: str | None = None
    limit: int | None = None

    @property
    def suffixes(self) -> list[str]:
        """Lower-case suffixes, such as `['.csv', '.gz']`; what comes before the kinds of file is no suffix."""
        return [suffix.lower() for suffix in PurePosixPath(self.name).suffixes][-2:]

    @property
    def kind(self) -> str:
        """The suffix that tells how the file is read."""
        *before, last = self.suffixes or [""]
        return before[-1] if last == ".gz" and before else last

    @property
    def packed(self) -> bool:
        """Whether gzip packed it."""
        return self.suffixes[-1:] == [".gz"]


def find(patterns: Sequence[Path], root: Path) -> list[Found]:
    """Files that `patterns` stand for, members of archives one by one, in the order of their names.

    Raises `InputError` where a pattern has no file, a file lies outside its pattern's folder, or nobody knows to
    read it.
    """
    found: dict[Path, Found] = {}
    for pattern in patterns:
        for one in _matches(pattern, root):
            found.setdefault(one.path, one)
    if any(times > 1 for times in Counter(one.name for one in found.values()).values()):
        found = {path: _renamed(one, found.values()) for path, one in found.items()}
    members = [member for one in found.values() for member in (_members(one) if one.kind == ARCHIVE else [one])]
    for one in members:
        _check_kind(one)
    return sorted(members, key=lambda one: (one.name, one.label))


def _matches(pattern: Path, root: Path) -> Iterator[Found]:
    whole = root / pattern
    parts = whole.parts
    wild = next((n for n, part in enumerate(parts) if set(part) & set("*?[")), None)
    if wild is None or whole.exists():
        wild = len(parts) - 1
        folder = Path(*parts[:wild]).resolve()
        paths = [folder / parts[-1]]
    else:
        folder = Path(*parts[:wild]).resolve()
        try:
            paths = [path for path in folder.glob(str(Path(*parts[wild:]))) if not path.name.startswith((".", "~$"))]
        except ValueError as error:
            raise InputError(f"{pattern}: no pattern of files ({error})") from None
    files = [path for path in paths if path.is_file()]
    if not files and any(path.is_dir() for path in paths):
        raise InputError(f"{pattern}: is a folder; expected a file, or a pattern such as {pattern}/*.csv")
    if not files:
        raise InputError(f"{pattern}: no such file")
    for path in sorted(files):
        label = os.path.relpath(path, root.resolve()) if path.is_relative_to(root.resolve()) else str(path)
        if not path.resolve().is_relative_to(folder):
            raise InputError(f"{label}: leads out of the folder {folder}; expected a file inside it")
        yield Found(path.relative_to(folder).as_posix(), label, path, folder)


def _renamed(one: Found, others: Sequence[Found]) -> Found:
    """`one` named from the folder that all have in common, because two patterns gave the same name."""
    folder = Path(os.path.commonpath([other.folder for other in others]))
    return one._replace(folder=folder, name=one.path.relative_to(folder).as_posix())


def _members(one: Found) -> list[Found]:
    with unpacking(one.label), zipfile.ZipFile(one.path) as archive:
        _check_sizes(archive, one.label, one.path.stat().st_size)
        infos = [info for info in archive.infolist() if not info.is_dir()]
    if any(info.flag_bits & 1 for info in infos):
        raise InputError(f"{one.label}: is protected by a password; expected an archive without")
    if any(info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for info in infos):
        raise InputError(f"{one.label}: is packed in a rare way; expected a plain zip archive")
    names = [info.filename for info in infos]
    names = [name for name in names if not name.startswith("__MACOSX/") and not name.split("/")[-1].startswith(".")]
    if len(set(names)) < len(names):
        raise InputError(f"{one.label}: holds two files of one name; expected different names")
    if not names:
        raise InputError(f"{one.label}: holds no file; expected CSV or JSON files")
    return [one._replace(name=f"{one.name}/{name}", label=f"{one.label}/{name}", member=name) for name in sorted(names)]


def _check_kind(one: Found) -> None:
    known = TEXTS if one.member or one.packed else TEXTS | {SHEET, PARQUET}
    if one.kind not in known:
        expected = f"{', '.join(sorted(TEXTS))} inside an archive" if one.member else f"a name that ends in {EXPECTED}"
        raise InputError(f"{one.label}: not a kind of file that can be read; expected {expected}")


class unpacking:  # noqa: N801, a context manager is named as a function
    """Turns what goes wrong when packed data are damaged into an `InputError` that names the file."""

    def __init__(self, label: str) -> None:
        self.label = label

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, zipfile.BadZipFile | zlib.error | EOFError | gzip.BadGzipFile):
            raise InputError(f"{self.label}: damaged or cut off ({error}); expected a whole archive") from None
        if isinstance(error, RuntimeError | NotImplementedError) and not isinstance(error, RecursionError):
            raise InputError(f"{self.label}: packed in a way that cannot be read ({error})") from None


class _Guard(io.RawIOBase):
    """Bytes as they are unpacked; raises `InputError` where they become too many."""

    def __init__(self, stream: BinaryIO, label: str, packed: int, below: BinaryIO | None = None) -> None:
        self._stream, self._label, self._count, self._below = stream, label, 0, below
        self._most = _most(packed)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        with unpacking(self._label):
            part = self._stream.read(len(buffer))
        self._count += len(part)
        if self._count > self._most:
            raise InputError(f"{self._label}: unpacks to more than {self._most:,} bytes, the most for its size")
        buffer[: len(part)] = part
        return len(part)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
            if self._below is not None:
                self._below.close()
        super().close()


def opened(one: Found) -> BinaryIO:
    """The bytes of a file, unpacked where it is packed, up to its limit."""
    stream = _unpacked(one)
    return stream if one.limit is None else io.BytesIO(_head(stream, one.limit))


def _head(stream: BinaryIO, limit: int) -> bytes:
    with stream:
        return stream.read(limit)


def _unpacked(one: Found) -> BinaryIO:
    packed = one.path.stat().st_size
    if one.member is None:
        stream = one.path.open("rb")
    else:
        with unpacking(one.label), zipfile.ZipFile(one.path) as archive:
            info = archive.getinfo(one.member)
            packed = info.compress_size
            # it stays open when the archive is closed
            stream = io.BufferedReader(_Guard(archive.open(info), one.label, packed), PART)
    if one.packed:
        return io.BufferedReader(_Guard(gzip.GzipFile(fileobj=stream), one.label, packed, stream), PART)
    return stream


def check_workbook(one: Found) -> None:
    """Raise `InputError` where a workbook is no archive, or its parts would unpack to too much."""
    with unpacking(one.label), zipfile.ZipFile(one.path) as archive:
        _check_sizes(archive, one.label, one.path.stat().st_size)


def _check_sizes(archive: zipfile.ZipFile, label: str, packed: int) -> None:
    # an archive may lie about the size of a part, but then no more than that comes out of it
    total = sum(info.file_size for info in archive.infolist())
    if total > _most(packed):
        raise InputError(f"{label}: unpacks to {total:,} bytes; expected at most {_most(packed):,} for its size")


def _most(packed: int) -> int:
    return min(MOST_BYTES, max(FLOOR, MOST_TIMES * packed))


def digest(one: Found) -> tuple[str, int]:
    """SHA-256 of a file as it lies there, of a member as it is in its archive, and the number of its bytes."""
    sha256, size = hashlib.sha256(), 0
    try:
        with one.path.open("rb") if one.member is None else _unpacked(one) as stream:
            while part := stream.read(PART):
                sha256.update(part)
                size += len(part)
    except OSError as error:
        raise InputError(f"{one.label}: cannot be read ({error.strerror or error})") from None
    return sha256.hexdigest(), size


def check_magic(head: bytes, label: str) -> None:
    """Raise `InputError` where bytes that should be text begin like something else."""
    for magic, what in MAGIC.items():
        if head.startswith(magic):
            raise InputError(f"{label}: is {what}, whatever its name says; expected text")
