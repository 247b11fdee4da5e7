"""Attributed beside incremental: what recommendations are credited with, and what a holdout says they added."""

from collections.abc import Callable
from typing import Final, NamedTuple

import ibis
import pandas as pd
from ibis import _
from ibis.expr.types import BooleanValue, Table

from reco.errors import InputError
from reco.experiments import Mean, Ratio, analyze
from reco.kpis.attribution import Rule

#: What stands beside every attributed figure.
WARNING: Final = (
    "Attributed is not incremental: most of what shoppers click and buy they would have bought without the click. "
    "Only customers held out from recommendations tell what these add."
)
#: Days before the test whose revenue tells how much a customer spends anyway.
BEFORE_DAYS: Final = 84
#: Relative loss of revenue per session, or per customer, that is still borne; a larger one is cannibalization.
MARGIN: Final = 0.02


class Incremental(NamedTuple):
    """What a holdout says.

    Attributes:
        table: one row each for `attributed` and `incremental` revenue: revenue, low, high, share (of all revenue of
            customers who saw recommendations), with its own limits; attributed has none, it is a count.
        lift: relative difference of revenue per customer between shown and held out, with `lift_low`, `lift_high`.
        ratio: incremental / attributed revenue; NaN without attributed revenue.
        guardrail: one row: metric, relative, relative_low, relative_high, margin, verdict (say `safe`).
        checks: whether the comparison was fair, as `reco.experiments.analyze` tells.
        sentence: the warning with these numbers.
        customers: compared, shown and held out together.
        adjusted: whether by what customers spent before.
    """

    table: pd.DataFrame
    lift: float
    lift_low: float
    lift_high: float
    ratio: float
    guardrail: pd.DataFrame
    checks: pd.DataFrame
    sentence: str
    customers: int
    adjusted: bool


def per_customer(
    exposures: Table,
    order_lines: Table,
    rule: Rule | None = None,
    *,
    claims: Table | None = None,
    history: Table | None = None,
) -> Table:
    """One row a customer of a test with a holdout: customer_id, variant, revenue, attributed, sessions.

    `exposures` names every customer of the test once or more, with the variant, `assigned_at` and, where known, a
    session_id; held-out customers are in it though they saw nothing. Revenue is that of all their order lines from
    then on, returns deducted, 0 for those who bought nothing. `claims` is what `claimed` gives, for attributed.
    `history`, order lines of the time before, adds `before`: revenue of the `BEFORE_DAYS` days before the assignment.
    """
    units = exposures.filter(_.customer_id.notnull(), _.variant.notnull()).group_by("customer_id", "variant")
    # each exposure is a session where these are not told apart
    sessions = _.session_id.nunique() if "session_id" in exposures.columns else _.count()
    units = units.aggregate(assigned_at=_.assigned_at.min(), sessions=sessions.cast("float64"))
    found = _spent(units, _amounts(order_lines, rule), "revenue", lambda t: t.ordered_at >= t.assigned_at)
    if history is not None:
        span = ibis.interval(days=BEFORE_DAYS)
        found = _spent(
            found,
            _amounts(history, rule),
            "before",
            lambda t: (t.ordered_at < t.assigned_at) & (t.ordered_at >= t.assigned_at - span),
        )
    found = found.drop("assigned_at")
    if claims is None:
        return found.mutate(attributed=ibis.literal(0.0))
    given = claims.group_by(owner="customer_id").aggregate(attributed=claims.net.sum() / 10_000)
    both = found.view().left_join(given, [("customer_id", "owner")])
    return both.select(*found.columns, attributed=both.attributed.fill_null(0.0))


def _amounts(order_lines: Table, rule: Rule | None) -> Table:
    """Who paid what when, in the rule's currency: buyer, ordered_at, amount."""
    lines = order_lines.filter(order_lines.customer_id.notnull())
    if rule is not None and rule.currency is not None and "currency" in lines.columns:
        lines = lines.filter(lines.currency.fill_null(rule.currency) == rule.currency)
    return lines.select(buyer="customer_id", ordered_at="ordered_at", amount=lines.revenue.cast("float64"))


def _spent(units: Table, amounts: Table, name: str, when: Callable[[Table], BooleanValue]) -> Table:
    """`units` with the sum of each customer's amounts in the time that `when` tells, 0 without any."""
    units = units.view()
    pairs = units.inner_join(amounts, [("customer_id", "buyer")])
    pairs = pairs.filter(when(pairs))
    sums = pairs.group_by(buyer="customer_id", arm="variant").aggregate(spent=pairs.amount.sum())
    found = units.left_join(sums, [("customer_id", "buyer"), ("variant", "arm")])
    return found.select(*units.columns, **{name: found.spent.fill_null(0.0)})


def incremental(
    customers: "Table | pd.DataFrame",
    *,
    holdout: str,
    shown: str | None = None,
    share: float | None = None,
    margin: float = MARGIN,
    confidence: float = 0.95,
) -> Incremental:
    """Revenue that recommendations added, from one row a customer with a holdout among them.

    `customers` has customer_id, variant, revenue (of all their orders), attributed (of it) and, for the guardrail per
    session, sessions: see `per_customer`. Where it has `before`, what each spent before the test, lift and guardrail
    are adjusted by it (CUPED), which makes their intervals narrower. Customers must have been assigned at random. The
    lift is the relative difference of mean revenue per customer with Fieller's interval; incremental revenue is what
    the shown customers spent more than they would have at the holdout's mean, n · (mean shown - mean held out), with
    Welch's interval.

    Args:
        holdout: the variant that saw no recommendations.
        shown: the variant that saw them; by default the only other one.
        share: planned share of customers held out, for the check of the sample ratio; half by default.
        margin: relative loss of revenue per session that is still borne.
        confidence: level of the intervals.

    Raises `InputError` where there is no holdout, or several other variants and none named.
    """
    frame = customers if isinstance(customers, pd.DataFrame) else customers.execute()
    arms = sorted(map(str, frame["variant"].dropna().unique()))
    if holdout not in arms:
        raise InputError(f"no variant {holdout!r} in the log; it has {', '.join(arms) or 'none'}")
    others = [arm for arm in arms if arm != holdout]
    if shown is None and len(others) != 1:
        raise InputError(f"expected the variant that was shown, found {', '.join(others) or 'none'}")
    shown = shown or others[0]
    frame = frame[frame["variant"].isin([holdout, shown])]
    before = "before" if "before" in frame else None
    mean = Mean("revenue", before=before, signed=True)
    guard = Ratio("revenue", "sessions", before=before, signed=True) if "sessions" in frame else mean
    result = analyze(
        frame,
        unit="customer_id",
        control=holdout,
        metrics=[mean],
        confidence=confidence,
        shares={holdout: share, shown: 1 - share} if share is not None else None,
        guardrails={guard: margin},
    )
    row = result.table.iloc[0]
    saw = frame[frame["variant"] == shown]
    n, revenue, credited = len(saw), saw["revenue"].sum(), saw["attributed"].sum()
    added = [n * row[name] for name in ("effect", "effect_low", "effect_high")]
    table = pd.DataFrame(
        {
            "what": ["attributed", "incremental"],
            "revenue": [credited, added[0]],
            "low": [float("nan"), added[1]],
            "high": [float("nan"), added[2]],
        }
    )
    for column in ("revenue", "low", "high"):
        table["share" if column == "revenue" else f"share_{column}"] = table[column] / (revenue or float("nan"))
    ratio = added[0] / credited if credited else float("nan")
    return Incremental(
        table,
        row["relative"],
        row["relative_low"],
        row["relative_high"],
        ratio,
        result.guardrails,
        result.checks,
        sentence(table, row["relative_low"], row["relative_high"], ratio),
        len(frame),
        before is not None,
    )


def sentence(table: pd.DataFrame, lift_low: float, lift_high: float, ratio: float) -> str:
    """The warning in the numbers of `Incremental.table`."""
    share = table.set_index("what")["share"]
    said = f"{share['attributed']:.1%} of the revenue of customers who saw recommendations is attributed to them"
    if lift_low > 0 or lift_high < 0:
        verb = "added" if lift_low > 0 else "cost"
        low, high = sorted((abs(lift_low), abs(lift_high)))
        said += f"; the holdout says they {verb} {low:.1%} to {high:.1%}"
        said += f", {ratio:.0%} of what is attributed." if lift_low > 0 and pd.notna(ratio) else "."
    else:
        said += f"; against the holdout it is a tie ({lift_low:+.1%} to {lift_high:+.1%})."
    return said.replace("-", "−")


def judge_lift(lift_low: float, lift_high: float, target: tuple[float, float]) -> str:
    """The lift against its target range in words, by the whole interval.

    >>> judge_lift(0.12, 0.25, (0.10, 0.30)), judge_lift(0.02, 0.08, (0.10, 0.30)), judge_lift(-0.1, 0.4, (0.10, 0.30))
    ('on target', 'below target', 'not enough data')
    """
    low, high = target
    if pd.isna(lift_low) or (lift_low <= 0 < lift_high and lift_high > low):
        return "not enough data"
    if lift_high < low:
        return "below target"
    if lift_low > high:
        return "above target"
    return "on target" if lift_low >= low else "at target"
