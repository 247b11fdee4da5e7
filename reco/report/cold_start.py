"""The tables and pictures of cold start in notebook 03: popular, personal and mixed lists as a customer gets known."""

import pandas as pd

from reco.cold_start import AHEAD, CONTENDERS, WHOLE
from reco.evaluation import Interval
from reco.report import charts, display

FIRST = {"weeks": "Weeks of history", "seen": "Interactions seen"}


def popular_shares(table: pd.DataFrame) -> None:
    """Show the curve of the settings: the share of popular places by interactions seen."""
    figure = charts.lines(
        table["seen"],
        {"Popular and trending": table["popular_share"]},
        "Share of places that hold popular products",
        "interactions seen",
        percent=True,
    )
    first, last = table.iloc[0], table.iloc[-1]
    span = f"from {first.popular_share:.0%} of a new customer's places to {last.popular_share:.1%}"
    display.figure(
        figure,
        alt=f"A falling curve, {span} at {last.seen:.0f} interactions.",
        data=table,
        title="Share of places that hold popular products",
        formats={"popular_share": "percent"},
        labels={"seen": FIRST["seen"], "popular_share": "Popular and trending"},
    )


def cold_start_curve(table: pd.DataFrame, title: str, k: int) -> None:
    """Show a `cold_start.curve` as one line a contender over weeks or interactions, with intervals."""
    by = table.columns[0]
    names = table[by].map(lambda group: _name(by, group))
    series = {title: table[name].to_numpy() for name, title in CONTENDERS.items()}
    bounds = {name: (f"{name}_low", f"{name}_high") for name in CONTENDERS}
    bands = {title: tuple(table[bound] for bound in bounds[name]) for name, title in CONTENDERS.items()}
    figure = charts.lines(range(len(table)), series, title, FIRST[by].lower(), bands=bands)
    figure.axes[0].set_xticks(range(len(table)), names)
    figure.axes[0].set_ylabel(f"NDCG@{k}")
    first, last = table.iloc[0], table.iloc[-1]
    told = (f"{CONTENDERS[name].lower()} {first[name]:.3f} and {last[name]:.3f}" for name in CONTENDERS)
    display.figure(
        figure,
        alt=f"NDCG at {names.iloc[0]} and at {names.iloc[-1]} {FIRST[by].lower()}: {', '.join(told)}.",
        data=table.assign(**{by: names})[[by, "customers", *CONTENDERS, *sum(bounds.values(), ())]],
        title=title,
        labels={by: FIRST[by], **CONTENDERS},
        intervals=bounds,
    )


def cold_start_table(table: pd.DataFrame, title: str, cut: bool = False) -> None:
    """Show a `cold_start.curve` as a table; `cut` says that histories were cut, and nobody came in newly."""
    by = table.columns[0]
    shown = table.assign(**{by: table[by].map(lambda group: _name(by, group))})
    who = "Customers of long standing, histories cut to their last weeks" if cut else "Customers who came in newly"
    columns = [by, "customers", *(["seen"] if by == "weeks" else []), *CONTENDERS, "difference", "verdict"]
    bounds = [f"{name}_{bound}" for name in (*CONTENDERS, "difference") for bound in ("low", "high")]
    display.table(
        shown[columns + bounds],
        title,
        f"{who}; judged by the next {AHEAD} weeks. Verdict: personal only beside the mixture; 95 % intervals.",
        formats=dict.fromkeys([*CONTENDERS, "difference", *bounds], "number")
        | ({"seen": "integer"} if by == "weeks" else {}),
        intervals={name: (f"{name}_low", f"{name}_high") for name in (*CONTENDERS, "difference")},
        labels={by: FIRST[by], "seen": "Interactions seen" if by == "seen" else "Median interactions", **CONTENDERS},
    )


def reached(found: dict[int, Interval]) -> None:
    """Show which share of the whole history's accuracy so many weeks of it reach."""
    rows = [(weeks, *interval) for weeks, interval in found.items()]
    frame = pd.DataFrame(rows, columns=["weeks", "share", "low", "high"])
    display.table(
        frame,
        "What some weeks of history are worth",
        "Share of the NDCG that the whole history reaches, same customers; histories cut to their last weeks",
        formats=dict.fromkeys(("share", "low", "high"), "percent"),
        intervals={"share": ("low", "high")},
        labels={"weeks": FIRST["weeks"], "share": "Of the whole history's NDCG"},
    )


def _name(by: str, group: object) -> str:
    return str(group) if by == "seen" else "all" if group == WHOLE else str(int(group))
