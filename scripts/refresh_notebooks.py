"""Run the notebooks on the default store and keep, in place, only the outputs that readers of the code see.

Optional models are left out, as in the environment of `make reports`, whatever is installed.
Outputs of cells tagged `keep_output` stay, all others go, and so do timings and versions: `make notebooks`.
"""

import os
import subprocess
import sys
from graphlib import TopologicalSorter

import nbformat
from nbclient import NotebookClient

from reco.notebooks import FOLDER, NOTEBOOKS, START

#: What a run writes into metadata that would differ the next time.
EXTRA_KEYS = "metadata.papermill cell.metadata.papermill cell.metadata.execution metadata.language_info.version"

#: Settings without the models that need more than requirements.txt; `make test` sets the same.
NOT_OPTIONAL = {"RECO_COMPARISON__DEEP": "never", "RECO_COMPARISON__LEAVE_OUT": '["sentence_embeddings"]'}


def refresh(name: str) -> None:
    """Run one notebook and write it back."""
    path = NOTEBOOKS[name].path if name in NOTEBOOKS else START
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(FOLDER)}}, store_widget_state=False
    ).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.output_type != "stream" and not _live(output)]
    notebook.metadata["language_info"] = {"name": "python"}
    nbformat.write(notebook, path)
    subprocess.run(
        [sys.executable, "-m", "nbstripout", "--keep-count", "--extra-keys", EXTRA_KEYS, str(path)], check=True
    )


def _live(output: nbformat.NotebookNode) -> bool:
    """Whether an output is a widget or a progress bar, which is nothing without a kernel."""
    return "application/vnd.jupyter.widget-view+json" in output.get("data", {})


def main(names: list[str]) -> None:
    """Refresh the notebooks named, or all of them in their order."""
    os.environ |= NOT_OPTIONAL  # the kernels inherit them
    order = TopologicalSorter({name: notebook.after for name, notebook in NOTEBOOKS.items()}).static_order()
    for name in names or [*order, START.stem]:
        print(name, flush=True)
        refresh(name)


if __name__ == "__main__":
    main(sys.argv[1:])
