"""What to do after notebooks 01 to 04, a sentence each, from the numbers that they show."""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import pandas as pd

from reco import contexts
from reco.evaluation import Interval
from reco.report.text import Format
from reco.workbook import Workbook

_CONSENTS: Final = {"email_consent": "e-mail", "personalization_consent": "personalization"}
_UNKNOWN: Final = {
    "personal": "they are shown what is personal to them",
    "not_personal": "they are shown nothing personal",
}
_TASKS: Final = {"anything": "anything bought next", "new": "products new to the customer"}


class Fault(NamedTuple):
    """What an export lacks: which `source`, the share of its rows, and what is wrong in words."""

    source: str
    share: float
    words: str


def unify_data(wb: Workbook, refusals: pd.DataFrame) -> list[str]:
    """Which export to mend first, which then, and whose consent to ask for; `refusals` is of `provenance`."""
    faults = sorted([*_refused(wb, refusals), *_without_customer(wb)], key=lambda fault: -fault.share)
    found = [
        f"{'Then mend' if rank else 'Mend'} the export of {one.source}{'' if rank else ' first'}: {one.words}."
        for rank, one in enumerate(faults)
    ]
    return [*(found or [_sound(refusals)]), *_consents(wb)]


def _refused(wb: Workbook, refusals: pd.DataFrame) -> list[Fault]:
    files = wb.reading.drop_duplicates(["source", "file"])
    counts = files.groupby("source")[["read", "refused"]].sum()
    faults = []
    for source, read, refused in counts[counts["refused"] > 0].itertuples():
        reasons = refusals[(refusals["source"] == source) & (refusals["kind"] == "refused")]
        most = f", most for “{reasons['reason'].iloc[0]}”" if len(reasons) else ""
        faults.append(Fault(source, refused / read, f"{_of(refused, read)} rows were refused{most}"))
    return faults


def _without_customer(wb: Workbook) -> list[Fault]:
    lines = wb.table("order_lines")
    counts = lines.group_by("source").aggregate(rows=lines.count(), guests=lines.customer_id.isnull().sum())
    return [
        Fault(source, guests / rows, f"{_of(guests, rows)} order lines name no customer, and no model learns from them")
        for source, rows, guests in wb.connection.to_pandas(counts).itertuples(index=False)
        if guests
    ]


def _sound(refusals: pd.DataFrame) -> str:
    said = "No export has to be mended: no row was refused, and every order line names its customer"
    if refusals.empty:
        return f"{said}."
    most = refusals.iloc[0]
    return f"{said}; the most set aside by a rule are {most['rows']:,} rows of {most.source}, “{most.reason}”."


def _consents(wb: Workbook) -> list[str]:
    """Whose consent nobody knows, and what holds until somebody does."""
    if not wb.has("customers"):
        return []
    customers = wb.table("customers")
    unknown = {column: customers[column].isnull().sum() for column in _CONSENTS}
    counts = wb.connection.to_pandas(customers.aggregate(rows=customers.count(), **unknown)).iloc[0]
    asked: dict[int, list[str]] = {}
    for column, words in _CONSENTS.items():
        if counts[column]:
            asked.setdefault(counts[column], []).append(words)
    rows = counts["rows"]
    told = [
        f"no export says whether {f'any of {rows:,}' if some == rows else _of(some, rows)} customers agreed to "
        f"{' or '.join(words)}"
        for some, words in asked.items()
    ]
    if counts["personalization_consent"]:
        told.append(f"until one does, {_UNKNOWN[wb.settings.privacy.without_consent]} (privacy.without_consent)")
    return [f"Ask for consents: {'; '.join(told)}."] if told else []


def compare_algorithms(
    tables: Mapping[str, pd.DataFrame],
    rivals: Mapping[str, pd.DataFrame],
    k: int,
    tuned: str,
    gain: Interval,
) -> list[str]:
    """Which algorithm to use where, and whether to copy the `tuned` one's best options into the settings."""
    places = {"new": "to show customers what is new to them", "repeat": "for what they buy again"}
    found = [f"Use {_leader(tables[task], rivals[task], k, place)}." for task, place in places.items()]
    change = f"on the test weeks they change NDCG@{k} by {_signed(*gain)}"
    if gain.low > 0:
        return [*found, f"Copy the best options of {tuned} into the settings: {change}."]
    word = "a tie" if gain.high >= 0 else "a loss"
    return [*found, f"Leave the options of {tuned} as they are: {change}, {word}."]


def _leader(table: pd.DataFrame, rivals: pd.DataFrame, k: int, place: str) -> str:
    best = table.iloc[0]
    ties = int((rivals["verdict"] == "tie").sum())
    tied = f"; {ties} {'other ties' if ties == 1 else 'others tie'} with it, so cost may decide" if ties else ""
    return f"{best.title} {place}: NDCG@{k} {best.ndcg:.3f} ({best.ndcg_low:.3f} to {best.ndcg_high:.3f}){tied}"


def blend_hybrid(tuned: Mapping[str, pd.DataFrame], gains: Mapping[str, pd.DataFrame], k: int) -> list[str]:
    """Whether to put the tuned weights in force, task by task; `tuned` has the best trial first."""
    found, mixes = [], set()
    for task, trials in tuned.items():
        weights = trials.iloc[0].drop("ndcg")
        mix = ", ".join(f"{weight:.0%} {part}" for part, weight in weights.items())
        row = gains[task].set_index("model").loc["tuned"]
        change = f"{mix} change NDCG@{k} by {_signed(row.difference, row.low, row.high)} on the test weeks"
        if row.verdict == "better":
            mixes.add(mix)
            found.append(f"Put the tuned weights in force for {_TASKS[task]}: {change}.")
        else:
            word = {"tie": "a tie", "worse": "a loss"}[row.verdict]
            found.append(f"Keep the weights of the settings for {_TASKS[task]}: {change}, {word}.")
    if len(mixes) > 1:
        found.append(
            "Since the two differ, set hybrid.weights to the first, and give contexts that show only what is new the "
            "second under hybrid.contexts."
        )
    return found


def fill_contexts(wb: Workbook, audit: pd.DataFrame, price: pd.DataFrame, context: str) -> list[str]:
    """Which rule costs most in `context`, by `price`, and which context gave way most, by `audit` of `contexts`."""
    place = wb.settings.contexts[context]
    return [_dearest(price, place.title, place.size), *_gave_way(wb, audit)]


def _dearest(price: pd.DataFrame, title: str, size: int) -> str:
    costly = price[price["low"] > 0].sort_values("difference", ascending=False)
    if costly.empty:
        return f"Leave the rules as they are: in {title} none costs accuracy by more than noise."
    rule, change = costly["rule"].iloc[0], _signed(*costly[["difference", "low", "high"]].iloc[0])
    return (
        f"Decide whether “{rule}” is worth its price, the highest of all rules: without it, NDCG@{size} in {title} "
        f"changes by {change}."
    )


def _gave_way(wb: Workbook, audit: pd.DataFrame) -> list[str]:
    by_context = audit.groupby("context")["declared"].sum()
    if not by_context.sum():
        return []
    name, times = by_context.idxmax(), by_context.max()
    rules = contexts.by_rule(wb, audit[audit["context"] == name])
    most = rules.loc[rules["declared"].idxmax()]
    title = wb.settings.contexts[name].title
    return [
        f"Look at {title}, where rules gave way most: {times:,} of {by_context.sum():,} times, “{most['rule']}” "
        f"{most['declared']:,} times. Loosen the rule there, or let strategies propose more."
    ]


def _of(some: float, whole: float) -> str:
    return f"{some:,.0f} of {whole:,.0f} ({some / whole:.2%})"


def _signed(value: float, low: float, high: float) -> str:
    said: Sequence[str] = [Format.parse("number+:4")(each) for each in (value, low, high)]
    return f"{said[0]} ({said[1]} to {said[2]})"
