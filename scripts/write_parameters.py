"""Write the cell tagged `parameters` of every notebook as its model in `reco.notebooks` has it: `make format`.

The committed outputs stay; where a default changed, `make notebooks` renews them.
"""

from reco.notebooks import NOTEBOOKS
from reco.parameters import drifted

if __name__ == "__main__":
    for notebook in NOTEBOOKS.values():
        if drifted(notebook, write=True):
            print(f"Wrote the parameters of {notebook.path.name}")
