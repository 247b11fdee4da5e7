"""The sentence that answers each notebook's question, computed from its results."""

from collections.abc import Mapping, Sequence

import pandas as pd

from reco.contexts import violations
from reco.impressions import Log
from reco.interactions import Interactions
from reco.kpis import TOTAL, Incremental, Pay
from reco.monitoring import Check
from reco.monitoring.measured import Challenge
from reco.quality import Sufficiency
from reco.report.text import Format
from reco.workbook import Workbook


def unify_data(wb: Workbook, x: Interactions, checks: Sequence[Sufficiency]) -> str:
    """How much the store holds, whether rows had to be set aside, and what the data suffice for."""
    lines = wb.table("order_lines")
    counts = lines.aggregate(
        lines=lines.count(),
        customers=lines.customer_id.nunique(),
        products=lines.product_id.nunique(),
        first=lines.ordered_at.min(),
        last=lines.ordered_at.max(),
    )
    row = counts.execute().iloc[0]
    zone = wb.settings.store.time_zone
    first, last = (f"{row[name].tz_convert(zone):%-d %B %Y}" for name in ("first", "last"))
    lacking = [check.family for check in checks if check.verdict.startswith("too little")]
    use = f"too few for {' and '.join(lacking)}" if lacking else "enough for every family of algorithms"
    return (
        f"{row['lines']:,} order lines of {row['customers']:,} known customers and {row['products']:,} products, "
        f"{first} to {last}, give {len(x.log):,} interactions with {len(x.items):,} products: {use}. {_trust(wb)}"
    )


def _trust(wb: Workbook) -> str:
    """How much of what was read is in the store, and how much was refused."""
    files = wb.reading.drop_duplicates(["source", "file"])
    read, aside, refused = (int(files[column].sum()) for column in ("read", "quarantined", "refused"))
    if not aside:
        return f"Every one of the {read:,} rows read is in the store."
    said = f"Of {read:,} rows read, {aside:,} ({aside / read:.2%}) were set aside by a rule"
    return (
        f"{said} or refused; {refused:,} of them ({refused / read:.2%} of all) were refused." if refused else f"{said}."
    )


def compare_algorithms(tables: Mapping[str, pd.DataFrame], rivals: Mapping[str, pd.DataFrame], k: int) -> str:
    """What to use where, then who leads each task, with interval, and whether the runner-up is really behind."""
    tasks = {
        "anything": "On anything bought next",
        "new": "On products new to the customer",
        "repeat": "On products bought before",
    }
    found = [f"{tasks[task]}, {_leader(table, rivals[task], k)}" for task, table in tables.items()]
    return " ".join([*_use(tables, rivals), *found])


def _use(tables: Mapping[str, pd.DataFrame], rivals: Mapping[str, pd.DataFrame]) -> list[str]:
    """A sentence that says which algorithm to use for what is new and for what is bought again."""
    if not {"new", "repeat"} <= set(tables):
        return []

    def named(task: str) -> str:
        tied = " or one of its ties" if (rivals[task]["verdict"] == "tie").any() else ""
        return f"{tables[task].iloc[0].title}{tied}"

    return [f"Use {named('new')} to show customers what is new to them, {named('repeat')} for what they buy again."]


def _leader(table: pd.DataFrame, rivals: pd.DataFrame, k: int) -> str:
    best = table.iloc[0]
    found = f"{best.title} leads with NDCG@{k} {best.ndcg:.3f} ({best.ndcg_low:.3f} to {best.ndcg_high:.3f})"
    ties = rivals.loc[rivals["verdict"] == "tie", "title"].tolist()
    if ties:
        more = [f"{len(ties) - 3} more"] if len(ties) > 3 else []
        return f"{found}, a tie with {' and '.join([*ties[:3], *more])}."
    if rivals.empty:
        return f"{found}."
    second = rivals.iloc[0]
    return f"{found}, ahead of {second.title} by {-second.difference:.3f} ({-second.high:.3f} to {-second.low:.3f})."


def blend_hybrid(
    tuned: Mapping[str, pd.DataFrame],
    boards: Mapping[str, pd.DataFrame],
    gains: Mapping[str, pd.DataFrame],
    k: int,
) -> str:
    """What tuning gains over the default weights, task by task."""
    tasks = {"anything": "On anything bought next", "new": "on products new to the customer"}
    return "; ".join(f"{lead}, {_gain(tuned[t], boards[t], gains[t], k)}" for t, lead in tasks.items()) + "."


def blend_learned(beside: Mapping[str, pd.DataFrame]) -> str:
    """How a learned blend fares beside each algorithm alone (`leaderboard.differences` against it), task by task."""
    tasks = {"anything": "On anything bought next", "new": "on products new to the customer"}
    return "; ".join(f"{lead}, the learned blend {_ahead(beside[t])}" for t, lead in tasks.items()) + "."


def _ahead(beside: pd.DataFrame) -> str:
    best = beside.sort_values("difference", ascending=False, kind="stable").iloc[0]
    word = {"better": "falls behind", "worse": "is ahead of", "tie": "ties with"}[best.verdict]
    ahead, low, high = -best.difference, -best.high, -best.low
    return f"{word} the best algorithm alone, {best.title} ({ahead:+.4f}, {low:+.4f} to {high:+.4f})"


def _gain(tuned: pd.DataFrame, board: pd.DataFrame, gains: pd.DataFrame, k: int) -> str:
    weights = tuned.iloc[0].drop("ndcg")
    mix = ", ".join(f"{weight:.0%} {part}" for part, weight in weights.items())
    default = board.loc[board["model"] == "default", "ndcg"].iloc[0]
    row = gains.set_index("model").loc["tuned"]
    word = {"better": "gains", "worse": "loses", "tie": "ties"}[row.verdict]
    return (
        f"the default blend reaches NDCG@{k} {default:.3f}, and tuning to {mix} {word} "
        f"({row.difference:+.4f}, {row.low:+.4f} to {row.high:+.4f})"
    )


def fill_contexts(covered: pd.DataFrame, audited: pd.DataFrame) -> str:
    """How many slates were made, how full they are and whether a rule is broken."""
    asked, full, empty = (int(covered[name].sum()) for name in ("slates", "full", "empty"))
    broken, declared = violations(audited), int(audited["declared"].sum())
    obeyed = "every slate obeys the rules" if broken == 0 else f"{broken:,} breaches of the rules were found"
    told = f"; {declared:,} times a weaker rule gave way to a stronger one, and the slate says so" if declared else ""
    nothing = f"; {empty:,} have nothing to show" if empty else ""
    return f"{asked:,} slates in {len(covered)} contexts: {full / asked:.1%} are full{nothing}, and {obeyed}{told}."


def report_kpis(
    rated: pd.DataFrame,
    verdicts: pd.DataFrame,
    pay: Pay,
    log: Log,
    currency: str,
    moved: pd.DataFrame | None = None,
    found: Incremental | None = None,
) -> str:
    """What the programme reached and earned, how many targets it met, what moved, and what of it was really added.

    `moved` is the bridge since the period before, `found` what a holdout says; None where there is none.
    """
    total = rated[rated["context"] == TOTAL].iloc[0]
    met = int((verdicts["verdict"] == "on target").sum())
    money = Format.parse(f"money:{currency}")
    lead = "Simulated: " if log.simulated else ""
    if not total.impressions:
        return f"{lead}No recommendation was shown, so there is nothing to report."
    added = "Without a holdout nobody can say how much of it recommendations added."
    if found is not None:
        added = f"{found.sentence[0].upper()}{found.sentence[1:]}"
    return (
        f"{lead}{total.impressions:,.0f} impressions were clicked at {total.ctr:.1%} ({total.ctr_low:.1%} to "
        f"{total.ctr_high:.1%}) and are credited with {money(pay.attributed_revenue)}, {pay.share:.1%} of all revenue "
        f"and {pay.roi:.1f} times the assumed cost; {met} of {len(verdicts)} targets are met. "
        f"{'' if moved is None else _moved(moved, currency)}{added}"
    )


def _moved(bridge: pd.DataFrame, currency: str) -> str:
    """The last period against the one before, and the step that moved most."""
    money, change = Format.parse(f"money:{currency}:0"), Format.parse(f"money+:{currency}:0")
    before, after = (bridge.loc[bridge["step"] == step, "change"].iloc[0] for step in ("before", "after"))
    steps = bridge[~bridge["step"].isin(["before", "after"])]
    said = f"The last period is credited with {money(after)}, {change(after - before)} on the one before"
    if not steps["change"].any():
        return f"{said}. "
    most = steps.loc[steps["change"].abs().idxmax()]
    return f"{said}, the largest step {most.step} ({change(most.change)}). "


def monitor_and_tune(checks: Sequence[Check], drift: pd.DataFrame, tuned: Challenge) -> str:
    """Whether retraining is due and why, what drifted, and what tuning would gain.

    `drift` is a table of `monitoring.drift_table`.
    """
    due = [_found(check) for check in checks if check.verdict == "due"]
    watch = [_found(check) for check in checks if check.verdict == "watch"]
    if due:
        retrain = f"Retraining is due: {'; '.join(due)}."
    elif watch:
        retrain = f"Retraining is not due yet, but keep an eye on it: {'; '.join(watch)}."
    else:
        retrain = f"Retraining is not due: {'; '.join(_found(check) for check in checks)}."
    return f"{retrain} {_drifted(drift)} {_challenged(tuned)}"


def _drifted(drift: pd.DataFrame) -> str:
    moved = drift[drift["verdict"].isin(["act", "watch"])].drop_duplicates("name")
    if moved.empty:
        known = drift[drift["verdict"] != "not enough data"]["name"].drop_duplicates().tolist()
        return f"Nothing drifted beyond its limit ({', '.join(known)})." if known else "Too few data tell of drift."
    return f"Drifted: {'; '.join(f'{one.name} ({one.verdict}), {one.cause}' for one in moved.itertuples())}."


def _challenged(tuned: Challenge) -> str:
    trial, metric = tuned.trial, tuned.evidence["metric"]
    if not trial.users:
        return "No customer was there to judge tuned weights by."
    change, low, high = trial.difference
    mix = ", ".join(f"{weight:.0%} {part}" for part, weight in tuned.challenger.items())
    word = {"promote": "gains", "keep": "loses", "tie": "ties"}[trial.verdict]
    return f"Tuning the weights to {mix} {word}: {metric} {change:+.4f} ({low:+.4f} to {high:+.4f}) on unseen weeks."


def _found(check: Check) -> str:
    found = "not enough data" if check.found is None else f"{check.found:.3g} against a limit of {check.limit:.3g}"
    return f"{check.trigger.lower()} {found}"
