"""The one careful reader: raw files of every kind to raw Parquet, every column text, every row by its file and line.

`read` reads what is new, `tables` gives the raw tables to an engine, `inspect` looks at the heads of files only. What
cannot be read is refused row by row and counted; a file that is not what it should be is an `InputError`.
"""

from reco.raw.facts import RawFile
from reco.raw.reading import inspect, read, tables
from reco.raw.removal import remove, silence
from reco.raw.shapes import placeholders

__all__ = ["RawFile", "inspect", "placeholders", "read", "remove", "silence", "tables"]
