"""What `reco check` says: every source, what it fills, and which notebooks that is enough for."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from reco import raw
from reco.notebooks import Notebook
from reco.runs.plan import filled_tables, lacks
from reco.sources import SOURCES
from reco.workbook import Workbook


def findings(config: str | Path, notebooks: Mapping[str, Notebook]) -> Iterator[str]:
    """A line for the settings, each source and each notebook.

    Raises `InputError` when settings or raw files are not as they must be.
    """
    workbook = Workbook.load(config)
    workbook.check()
    settings = workbook.settings
    yield f"● {settings.file.name}: {settings.store.title}"
    filled = filled_tables(workbook)
    for source in settings.sources:
        found = raw.inspect(SOURCES[source.kind].raw_tables(source), settings.root)
        paths = dict.fromkeys(path for files in found.values() for path in files)
        tables = ", ".join(sorted(filled_tables(workbook, [source])))
        yield f"● source {source.kind}: fills {tables} from {', '.join(path.name for path in paths)}"
    if settings.experiments:
        yield f"● experiment {settings.experiments.title}: source {settings.experiments.source.kind}"
    for name, notebook in notebooks.items():
        missing = lacks(notebook, workbook, filled)
        yield f"○ {name}: nothing to report. {missing}" if missing else f"● {name}: can be filled"
