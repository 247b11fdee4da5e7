"""One's own files by a column mapping, as tests write and look at them."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

from reco import Workbook
from reco.errors import InputError

HEADER = "order,customer,product,time,quantity,price\n"
LINE = "1,ann,jam,2020-01-01 10:00,1,2.50\n"


def lines(wb) -> list[dict]:
    table = wb.table("order_lines")
    return wb.connection.to_pyarrow(table.order_by("order_id")).to_pylist()


def table(wb: Workbook, name: str, *columns: str) -> list[tuple]:
    """Values of columns, in the order of the file's lines."""
    rows = wb.connection.to_pyarrow(wb.table(name).order_by("line").select(*columns)).to_pylist()
    return [tuple(row.values()) for row in rows]


def aside(wb) -> dict[str, int]:
    return dict(wb.set_aside[["reason", "rows"]].itertuples(index=False))


def refused(open_shop, *arguments, **options) -> str:
    """What is said of a shop that cannot be built; nothing of what was there before is gone."""
    wb = open_shop(*arguments, **options)
    values = yaml.safe_load(wb.settings.file.read_text())
    del values["cleaning"]  # as many refusals as shops allow that say nothing of them
    wb.settings.file.write_text(yaml.safe_dump(values))
    wb = Workbook.load(wb.settings.file)
    before = sorted((wb.folder / "tables").rglob("*"))
    with pytest.raises(InputError) as caught:
        wb.table("order_lines")
    assert sorted((wb.folder / "tables").rglob("*")) == before
    return str(caught.value)


def write(frame: pd.DataFrame, path: Path) -> None:
    """A frame as a file of the kind that its name says."""
    match path.suffix:
        case ".csv":
            frame.to_csv(path, index=False)
        case ".jsonl":
            frame.to_json(path, orient="records", lines=True)
        case ".xlsx":
            frame.to_excel(path, index=False)
        case ".parquet":
            frame.to_parquet(path)
