"""What a holdout says recommendations added, beside what they are credited with; and what one would say."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import ibis
import numpy as np
import pandas as pd
from ibis.expr.types import Table
from scipy.stats import norm

from reco.errors import InputError
from reco.kpis import TOTAL, WARNING, Incremental, judge_lift, per_customer
from reco.kpis import incremental as measure
from reco.kpis.incremental import BEFORE_DAYS
from reco.report import display
from reco.report.kpis import Page
from reco.report.text import Format
from reco.settings import Kpis
from reco.simulation import HOLDOUT

#: Shares of customers that a holdout is weighed with.
HELD: Final = (0.05, 0.1, 0.2, 0.5)


def lift(found: Incremental | None, expected: tuple[float, float]) -> pd.DataFrame:
    """The revenue lift of the programme as a row of `targets`, or that no holdout tells it."""
    low, high = expected
    row = {"context": TOTAL, "rate": "lift", "target": low, "benchmark_low": low, "benchmark_high": high}
    if found is None:
        return pd.DataFrame([row | {"verdict": "unknown: no holdout", "benchmark": "unknown"}])
    words = judge_lift(found.lift_low, found.lift_high, expected)
    measured = {"value": found.lift, "low": found.lift_low, "high": found.lift_high}
    return pd.DataFrame([row | measured | {"verdict": words, "benchmark": words.replace("target", "range")}])


def held_out(
    file: str, folder: Path, page: Page, settings: Kpis, share: float, history: Table | None = None
) -> Incremental | None:
    """What the customers held out say, from a file of who was or a simulated log; None where nobody was.

    The file, CSV or Parquet, found from `folder`, has a row for every customer of the test, also for those who bought
    nothing: customer_id, variant, assigned_at and, where known, session_id. `history` are the store's order lines of
    the time before, by which the comparison is adjusted. Raises `InputError` for one that does not.
    """
    if not file and page.log.assignments is None:
        return None
    table = page.log.assignments if not file else _read(file, folder)
    more = {"claims": page.summary.claims, "history": history}
    customers = per_customer(table, page.log.order_lines, page.summary.rule, **more)
    name, planned = (settings.holdout, share) if file else (HOLDOUT, page.log.held)
    return measure(customers, holdout=name, share=planned, confidence=page.confidence)


def _read(file: str, folder: Path) -> ibis.Table:
    """The file of `held_out` as a table."""
    path = folder / file
    if not path.is_file():
        raise InputError(f"assignments: no file {file}")
    frame = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path, dtype=str)
    if lacking := {"customer_id", "variant", "assigned_at"}.difference(frame.columns):
        found = ", ".join(map(str, frame.columns))
        raise InputError(f"{file}: no column {sorted(lacking)[0]!r}; it has {found}")
    moments = pd.to_datetime(frame["assigned_at"], utc=True, errors="coerce", format="ISO8601")
    if moments.isna().any():
        row = int(np.argmax(moments.isna()))
        raise InputError(f"{file}: row {row + 1}: assigned_at: expected a moment, found {frame['assigned_at'][row]!r}")
    sessions = frame["session_id"] if "session_id" in frame.columns else np.arange(len(frame))  # each row its own
    rows = frame[["customer_id", "variant"]].assign(session_id=sessions).astype(str)
    return ibis.memtable(rows.assign(assigned_at=moments.astype("datetime64[us, UTC]")))


def added(page: Page, found: Incremental | None, weighed: pd.DataFrame, lift: tuple[float, float]) -> None:
    """Show attributed beside incremental revenue; without a holdout, that nobody knows, and what one would tell.

    `weighed` is from `weigh`, `lift` the range that the settings expect.
    """
    display.note(WARNING)
    if found is not None:
        incremental(found, page)
        if page.log.assignments is not None:
            display.note(book(found, page.log.added, page.currency))
        display.table(
            found.guardrail,
            "Guardrail: does the whole shop lose?" + page.log.mark,
            formats=dict.fromkeys(("relative", "relative_low", "relative_high", "margin"), "percent+"),
            intervals={"relative": ("relative_low", "relative_high")},
        )
        return
    display.note(
        "There is no holdout in this log, so nobody can say how much of the attributed revenue recommendations added: "
        "it may be nothing, all of it or more. To know, show no recommendations to a share of customers, drawn at "
        "random before they come, write down who (customer_id, variant, assigned_at), also those who then buy nothing, "
        f"and give the file as the parameter assignments. The lift expected is {lift[0]:.0%} to {lift[1]:.0%}."
    )
    customers = int(weighed.attrs["customers"])
    display.table(
        weighed,
        "What a holdout would tell" + page.log.mark,
        "Smallest lift found: (z(1 − α/2) + z(0.8)) · sd / mean of revenue per customer · √(1/held + 1/shown), at α "
        f"of {1 - page.confidence:.0%} and a chance of 80% to find it. Attributed revenue of those held "
        "out: share × attributed revenue. Revenue counts from each customer's first impression on. "
        f"A lift of {lift[0]:.0%} at 10% held out takes {weighed.attrs['needed']:,.0f} customers. "
        f"{page.log.days:,} days; {customers:,} customers with impressions.",
        {"share": "percent:0", "held": "integer", "shown": "integer", "smallest_lift": "percent"}
        | {"at_stake": f"money:{page.currency}"},
        labels={"share": "Held out", "held": "Customers held out", "shown": "Customers shown"}
        | {
            "smallest_lift": "Smallest lift found",
            "at_stake": "Attributed revenue of those held out",
            "enough": "For the lift expected",
        },
    )


def book(found: Incremental, added: float, currency: str) -> str:
    """What the simulator knows that recommendations `added`, and whether the holdout found it."""
    money, row = Format.parse(f"money:{currency}:0"), found.table.set_index("what").loc["incremental"]
    holds = "holds" if row["low"] <= added <= row["high"] else "does not hold"
    return (
        f"Simulated: the simulator's own book says that recommendations added {money(added)}, orders that nobody would "
        f"have placed without a click; the holdout's interval {holds} it."
    )


def weigh(page: Page, lift: tuple[float, float], shares: Sequence[float] = HELD, power: float = 0.8) -> pd.DataFrame:
    """What holding out each of `shares` of the log's customers for as many days again could find, and what it costs.

    Columns: share, held, shown (customers), smallest_lift (relative, found with chance `power`), at_stake (money),
    enough (against the range `lift`, in words). `attrs` has the number of `customers`, and how many
    are `needed` to find the lower end of `lift` with one in ten held out.
    """
    seen = page.log.impressions.filter(lambda t: t.customer_id.notnull())
    seen = seen.select(
        "customer_id", variant=ibis.literal("shown"), assigned_at=seen.shown_at, session_id=seen.impression_id
    )
    customers = per_customer(seen, page.log.order_lines, page.summary.rule)
    row = customers.aggregate(n=customers.count(), mean=customers.revenue.mean(), sd=customers.revenue.std())
    n, mean, sd = row.execute().iloc[0].astype(float)
    table = pd.DataFrame({"share": list(shares)})
    table["held"] = (n * table["share"]).round()
    table["shown"] = n - table["held"]
    z = norm.isf((1 - page.confidence) / 2) + norm.ppf(power)
    with np.errstate(divide="ignore", invalid="ignore"):
        table["smallest_lift"] = z * sd / mean * np.sqrt(1 / table["held"] + 1 / table["shown"])
    table["at_stake"] = table["share"] * page.summary.total()["revenue"]
    low, high = lift
    table["enough"] = [
        "finds all of it" if found <= low else f"finds it from {found:.0%} on" if found <= high else "too few customers"
        for found in table["smallest_lift"]
    ]
    needed = (z * sd / mean / low) ** 2 * (1 / 0.1 + 1 / 0.9) if mean and low else float("nan")
    table.attrs |= {"customers": n, "needed": needed}
    return table


def incremental(found: Incremental, page: Page) -> None:
    """Show attributed beside incremental revenue."""
    said = f"{found.sentence[0].upper()}{found.sentence[1:]}"
    said += " Incremental: customers shown × (mean revenue shown − mean revenue held out), Welch's interval"
    said += f", adjusted by what each spent in the {BEFORE_DAYS} days before (CUPED)." if found.adjusted else "."
    display.table(
        found.table,
        "Attributed and incremental revenue" + page.log.mark,
        f"{said} {page.log.days:,} days; {found.customers:,} customers.",
        dict.fromkeys(("revenue", "low", "high"), f"money:{page.currency}:0")
        | dict.fromkeys(("share", "share_low", "share_high"), "percent"),
        subtitle=f"intervals at {page.confidence:.0%}",
        intervals={"revenue": ("low", "high"), "share": ("share_low", "share_high")},
    )


def proven(table: pd.DataFrame, currency: str, confidence: float, shoppers: int) -> None:
    """Show what `reco.shoppers.prove` found beside what is true."""
    money = f"money:{currency}:0"
    cents = (table["attributed"] - table["booked"]).abs().max()
    same = "to the cent what the simulator booked" if cents < 0.005 else f"up to {cents:.2f} off what it booked"
    held = f"{int(table['covered'].sum())} of {len(table)} intervals hold what is true"
    display.table(
        table.drop(columns="booked").assign(covered=np.where(table["covered"], "holds it", "does not hold it")),
        "Does the method find what is true? (simulated)",
        f"Attributed is {same}; {held}. {shoppers:,} simulated shoppers with tastes of this store's customers visit "
        "for 8 weeks; equal shares see nothing, its best sellers and its own lists. Attributed: last click within 7 "
        "days, returns deducted. Added: customers × (mean revenue shown − mean revenue held out), Welch's interval.",
        dict.fromkeys(("attributed", "added", "low", "high", "truth"), money) | {"customers": "integer"},
        labels={"variant": "Shown", "added": "Added, by the holdout", "truth": "Added in truth", "covered": "Interval"},
        subtitle=f"intervals at {confidence:.0%}",
        intervals={"added": ("low", "high")},
    )
