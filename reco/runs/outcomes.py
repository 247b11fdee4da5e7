"""How the execution of one notebook ends: a state and what is to be said of it.

Every child process imports this, so it needs nothing that takes long to import.
"""

from enum import StrEnum
from typing import Final

from pydantic import BaseModel, ConfigDict


class State(StrEnum):
    """How a notebook ended; the value is the word that readers see."""

    OK = "ok"
    NOTHING = "nothing to report"
    STALE = "stale"
    SKIPPED = "skipped"
    DATA_CHECK = "data check"
    CELL_ERROR = "cell error"
    TIMED_OUT = "time-out"
    KERNEL_DIED = "kernel died"
    STOPPED_EARLY = "stopped early"
    CANCELLED = "cancelled"
    BROKEN = "could not run"
    WITHHELD = "privacy check"

    @property
    def good(self) -> bool:
        """Whether readers get what there is to know."""
        return self in {State.OK, State.NOTHING, State.STALE}

    @property
    def words(self) -> str:
        """What stands beside its sign on pages."""
        return WORDS[self]

    @property
    def meaning(self) -> str:
        """What the state says, as one plain sentence."""
        return MEANINGS[self]


#: Every state as pages call it; docs/runs.md has the same.
WORDS: Final[dict[State, str]] = {
    State.OK: "Complete",
    State.NOTHING: "Nothing to report",
    State.STALE: "Stale",
    State.SKIPPED: "Skipped",
    State.DATA_CHECK: "Data check failed",
    State.CELL_ERROR: "Stopped by an error",
    State.TIMED_OUT: "Ended by time-out",
    State.KERNEL_DIED: "Kernel died",
    State.STOPPED_EARLY: "Stopped early",
    State.CANCELLED: "Cancelled",
    State.WITHHELD: "Withheld by the privacy check",
    State.BROKEN: "Could not run",
}

#: Every state in one plain sentence; docs/runs.md has the same.
MEANINGS: Final[dict[State, str]] = {
    State.OK: "It ran to its end, and its report is up to date.",
    State.NOTHING: "The store has no data of the kind that it reports on.",
    State.STALE: "Its report was carried over, made with other settings, code or data than now.",
    State.SKIPPED: "It was not run, since a notebook that it needs gave no result.",
    State.DATA_CHECK: "The data or the settings did not pass a check, and nothing was concluded from them.",
    State.CELL_ERROR: "A step of it stopped with an error.",
    State.TIMED_OUT: "It took longer than it may, and was ended.",
    State.KERNEL_DIED: "Its Python process ended without a word.",
    State.STOPPED_EARLY: "It ended before its last step, without an error.",
    State.CANCELLED: "The run was stopped from outside before this notebook was done.",
    State.WITHHELD: "Its page would show what nobody may see of a customer, and was not published.",
    State.BROKEN: "It could not be started, or its results could not be shown.",
}


class Outcome(BaseModel):
    """How the execution of one notebook ended.

    Attributes:
        seconds: wall time of the execution.
        sentence: what happened, plain; empty when all went well.
        cell: number of the code cell that failed, counted from 1 in the source notebook.
        heading: the heading nearest above that cell.
        traceback: what Python said, without machine paths.
    """

    model_config = ConfigDict(frozen=True)

    state: State
    seconds: float = 0.0
    sentence: str = ""
    cell: int | None = None
    heading: str | None = None
    traceback: str | None = None

    @property
    def place(self) -> str:
        """Where it failed, as in `code cell 4, "Time split"`; empty when no cell is to blame."""
        if self.cell is None:
            return ""
        return f"code cell {self.cell}" + (f", “{self.heading}”" if self.heading else "")
