"""Publishing a run to any folder that fsspec reaches: the run's folder first, what points at it last."""

import json
from pathlib import Path
from typing import Any, Final

from reco.errors import InputError
from reco.runs.record import FILE, Run

#: Local note of what was published, so that a run after a failed upload makes up for it.
NOTE: Final = ".published"

#: Kinds of storage that have no folders, where making one would make a bucket that is not there.
BUCKETS: Final = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss"}

_LEAD: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url={page}">
<title>Recommendations</title>
</head>
<body><p><a href="{page}">The latest reports</a></p></body>
</html>
"""


def pending(store: Path, run: str, url: str | None) -> bool:
    """Whether the run that `latest` shows has yet to be published to `url`."""
    if url is None:
        return False
    try:
        return (store / NOTE).read_text(encoding="utf-8") != _note(run, url)
    except OSError:
        return True


def publish(store: Path, run: Run, url: str) -> None:
    """Publish the folder of a run below `url`/STORE/RUN and, when all in it is good, let the pointers lead to it.

    The record goes after the pages, so that a folder with a record is whole; then latest.json, for programs, and
    index.html, for readers. Raises what fsspec raises, and `InputError` for a kind of address that it does not know.
    """
    import fsspec

    try:
        system, root = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise InputError(f"runs.publish_to: {url}: {error}") from None
    folder = store / run.id
    target = f"{root.rstrip('/')}/{store.name}"
    if not BUCKETS.intersection([system.protocol] if isinstance(system.protocol, str) else system.protocol):
        system.makedirs(f"{target}/{run.id}", exist_ok=True)
    files = sorted(
        (path for path in folder.iterdir() if path.is_file()), key=lambda path: (path.name == FILE, path.name)
    )
    for path in files:
        system.pipe_file(f"{target}/{run.id}/{path.name}", path.read_bytes())
    if run.good:
        page = f"{run.id}/index.html"
        _point(system, f"{target}/latest.json", json.dumps({"run": run.id, "page": page}))
        _point(system, f"{target}/index.html", _LEAD.format(page=page))
        (store / NOTE).write_text(_note(run.id, url), encoding="utf-8")


def _point(system: Any, path: str, text: str) -> None:
    """Replace a small file whole: inside a transaction it appears when it is complete."""
    with system.transaction, system.open(path, "wb") as file:
        file.write(text.encode())


def _note(run: str, url: str) -> str:
    return f"{run} {url}"
