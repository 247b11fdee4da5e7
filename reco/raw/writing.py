"""Raw Parquet, written part by part while a file is read."""

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from reco.errors import InputError
from reco.raw import kinds
from reco.raw.chunks import ROWS, Chunk, Refusal
from reco.raw.session import session
from reco.sources.base import RawTable
from reco.store import FILE, LINE, TEXT

REFUSED: Final = pa.schema({FILE: TEXT, LINE: pa.int64(), "reason": TEXT, "row": TEXT})

#: How Parquet is written that is kept, and that is read just once.
KEPT: Final = {"compression": "zstd"}
DRAFT: Final = {"compression": "none", "use_dictionary": False, "write_statistics": False}


class Writer:
    """Writes what is read from one file: rows to `accepted`, the others to `refused`.

    Ids and addresses are brought to form before anything is written, numbers once all of them are known.
    """

    def __init__(self, table: RawTable, name: str, label: str, accepted: Path, refused: Path) -> None:
        self._table, self._name, self._label = table, name, label
        self._paths = {"accepted": accepted, "refused": refused}
        self._draft = accepted.with_suffix(".draft")
        self._types = {column: one.type for column, one in table.columns.items()}
        self._numbers = [name for name, one in table.columns.items() if one.kind == "number" and one.type == TEXT]
        self._schema = pa.schema({**self._types, FILE: TEXT, LINE: pa.int64()})
        self._connection = session()
        self._evidence = kinds.Evidence()
        self._otherwise: kinds.Sign | None = None
        self._outputs: dict[str, pq.ParquetWriter] = {}
        self.rows = self.refused = 0

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for output in self._outputs.values():
            output.close()
        self._draft.unlink(missing_ok=True)
        self._connection.close()

    def add(self, chunk: Chunk) -> None:
        """Write a part of the file."""
        if chunk.refused:
            self._refuse(chunk.refused)
        expressions = kinds.expressions({name: one.kind for name, one in self._table.columns.items()}, self._types)
        relation = self._connection.from_arrow(chunk.rows).project(f"{expressions}, {LINE}")
        rows = relation.to_arrow_table()
        if not self._table.decimal and self._numbers:
            self._evidence += kinds.evidence(self._connection.from_arrow(rows), self._numbers)
            self._otherwise = chunk.decimal or self._otherwise
        rows = rows.append_column(FILE, pa.repeat(pa.scalar(self._name, TEXT), len(rows)))
        self._write("draft" if self._numbers else "accepted", rows)
        self.rows += len(rows)

    def finish(self) -> kinds.Sign | None:
        """Bring numbers to form and close the files; gives their decimal sign.

        Raises `InputError` where the sign matters and nothing tells it.
        """
        sign = self._table.decimal
        if self._numbers:
            sign = sign or kinds.decide(self._evidence, self._otherwise) or self._undecided()
            self._outputs.pop("draft").close()
            self._number(sign)
        for output in self._outputs.values():
            output.close()
        self._outputs.clear()
        return sign if self._numbers else None

    def _number(self, sign: kinds.Sign) -> None:
        formed = ", ".join(
            f"{kinds.number(kinds.named(name), sign) if name in self._numbers else kinds.named(name)} "
            f"AS {kinds.named(name)}"
            for name in self._schema.names
        )
        self._write("accepted", self._schema.empty_table())
        with pq.ParquetFile(self._draft) as draft:
            for batch in draft.iter_batches(ROWS):
                rows = self._connection.from_arrow(pa.Table.from_batches([batch])).project(formed)
                self._write("accepted", rows.to_arrow_table())

    def _undecided(self) -> kinds.Sign:
        found = self._evidence
        example = f"such as {found.example!r} " if found.example else ""
        columns = ", ".join(self._table.columns[name].names[0] for name in self._numbers)
        speak = f"{found.point} for a point, {found.comma} for a comma" if found.point else "none tells which"
        raise InputError(
            f"{self._label}: numbers {example}(in {columns}) can be read with a decimal point or a decimal comma; "
            f"{speak}: expected `decimal` in the settings of the source"
        )

    def _refuse(self, refused: list[Refusal]) -> None:
        columns: Mapping[str, list] = {
            FILE: [self._name] * len(refused),
            LINE: [one.line for one in refused],
            "reason": [one.reason for one in refused],
            "row": [one.row for one in refused],
        }
        self._write("refused", pa.table(columns, schema=REFUSED))
        self.refused += len(refused)

    def _write(self, output: str, rows: pa.Table) -> None:
        schema = REFUSED if output == "refused" else self._schema
        if output not in self._outputs:
            path, form = (self._draft, DRAFT) if output == "draft" else (self._paths[output], KEPT)
            self._outputs[output] = pq.ParquetWriter(path, schema, **form)
        self._outputs[output].write_table(rows.select(schema.names).cast(schema))
