"""What readers see: display helpers for notebooks, and the HTML that runs publish."""

from typing import Final

#: MIME type of the figures that a notebook's last cell records.
RECORD: Final = "application/vnd.reco.record+json"

#: MIME type of the cards that a notebook shows: a list of `reco.report.kpi.Kpi` as JSON.
CARDS: Final = "application/vnd.reco.cards+json"

#: MIME type of what a notebook tells its readers to do: a list of sentences.
ACTIONS: Final = "application/vnd.reco.actions+json"

#: MIME type of the table behind a picture.
DATA: Final = "application/vnd.reco.data"

#: MIME type of HTML that keeps its own look: what a shopper would see.
PREVIEW: Final = "application/vnd.reco.preview"

#: Ink, quiet ink, hairlines and paper of every picture.
INK: Final = "#1f2328"
QUIET: Final = "#6b7280"
HAIR: Final = "#d8dce1"
PAPER: Final = "#ffffff"

#: Colours that colour-blind readers can tell apart, in order of use.
PALETTE: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", QUIET, "#56b4e9", "#e69f00")

#: What reports put in their place where the reader prefers a dark page.
DARK: Final = {
    INK: "#e6e9ec",
    QUIET: "#a3adb8",
    HAIR: "#3a424b",
    PAPER: "#15181c",
    "#0072b2": "#4ba3e3",
    "#d55e00": "#f0843e",
    "#009e73": "#3fc39a",
}
