"""The tables and pictures of notebook 04 on rules: what they did, what they cost, and what a change would do."""

from collections.abc import Sequence

import pandas as pd

from reco.report import charts, display
from reco.widgets import addressed


def audit(table: pd.DataFrame) -> None:
    """Show how often each rule is broken, by context."""
    note = (
        "Counted from the finished slates beside the raw tables, by other code than fills them. Declared: a weaker "
        "rule gave way, and the slate says so. No number: the rule does not concern the context."
    )
    display.table(table, "Slates against the rules", note, dict.fromkeys(table.columns[1:], "integer"))


def filled(table: pd.DataFrame) -> None:
    """Show how full the slates of each context are."""
    labels = {"title": "Context", "fallback": "With fallback", "products_shown": "Products shown"}
    display.table(table, "How full slates are", formats=dict.fromkeys(table.columns[1:], "integer"), labels=labels)


def mails(table: pd.DataFrame) -> None:
    """Show how many mails go out a day."""
    frame = table.reset_index()
    frame["day"] = pd.to_datetime(frame["day"]).dt.strftime("%Y-%m-%d")
    note = "One mail a day and customer at most, and no more in seven days than the settings allow."
    display.table(frame, "Mails by day", note, dict.fromkeys(frame.columns[1:], "integer"))


def rules(table: pd.DataFrame, slates: int) -> None:
    """Show what each rule took out, moved, and where it gave way."""
    note = (
        "Removed: proposals refused, whether or not another rule refused them too. Moved: places that went to another "
        "product. Gave way: slates in which a stronger rule or the lack of choice left it unmet; each says so."
    )
    formats = dict.fromkeys(("removed", "moved", "gave_way"), "integer")
    subtitle = f"{slates:,} slates; from the strongest rule to the weakest"
    display.table(table, "What the rules did", note, formats, subtitle=subtitle)


def remarks(found: Sequence[str]) -> None:
    """Show what files read at fill time and strategies lack or pass over."""
    for one in found:
        display.note(addressed(one, None))
    if not found:
        display.note("Nothing to remark: strategies have what they need, and files name only what can be shown.")


def price(table: pd.DataFrame, context: str, size: int) -> None:
    """Show what each rule costs in accuracy: how much more, or less, would be found without it."""
    changed = table[table["changed"] > 0].reset_index(drop=True)
    if changed.empty:
        display.note(f"No rule changes what the context {context} shows.")
        return
    display.table(
        changed[["rule", "changed", "places_changed", "difference", "low", "high", "price", "price_other"]],
        f"What each rule costs: {context}",
        f"Difference: NDCG@{size} without the rule less NDCG@{size} with it, on the test weeks; above zero is a cost.",
        dict.fromkeys(("changed", "places_changed"), "percent:0")
        | dict.fromkeys(("difference", "low", "high"), "number+:4")
        | dict.fromkeys(("price", "price_other"), "number:2"),
        labels={
            "changed": "Slates changed",
            "places_changed": "Places changed",
            "price": "Mean price",
            "price_other": "Without the rule",
        },
        intervals={"difference": ("low", "high")},
    )


def price_dots(table: pd.DataFrame, context: str) -> None:
    """Show the same as a picture."""
    changed = table[table["changed"] > 0].sort_values("difference", ascending=False)
    if changed.empty:
        return
    dearest = changed.iloc[0]
    figure = charts.dots(changed, "rule", "difference", "low", "high", "NDCG gained without the rule", "")
    alt = f"Change in NDCG without each rule, {context}; the dearest is: {dearest.rule}, {dearest.difference:+.4f}."
    display.figure(
        figure,
        alt=alt,
        caption="Bars are 95% intervals; above zero the rule costs accuracy.",
        data=changed[["rule", "difference", "low", "high"]],
        title="NDCG gained without the rule",
        formats=dict.fromkeys(("difference", "low", "high"), "number+:4"),
        intervals={"difference": ("low", "high")},
    )


def change(table: pd.DataFrame, words: str, currency: str) -> None:
    """Show what one change of a rule would do."""
    shown = table.dropna(axis="columns", how="all")
    money = [column for column in ("price", "price_other") if column in shown]
    shares = [column for column in ("changed", "places_changed", "margin", "margin_other") if column in shown]
    numbers = [column for column in ("ndcg", "ndcg_other", "difference", "low", "high") if column in shown]
    display.table(
        shown,
        f"What if {words}?",
        "Slates at the start of the test weeks; NDCG of what customers bought then, where a context knows them.",
        dict.fromkeys(money, f"money:{currency}")
        | dict.fromkeys(shares, "percent:0")
        | dict.fromkeys(numbers, "number:4"),
        labels={
            name: words
            for name, words in {
                "changed": "Slates changed",
                "places_changed": "Places changed",
                "ndcg": "NDCG now",
                "ndcg_other": "NDCG then",
                "price": "Mean price now",
                "price_other": "Mean price then",
                "margin": "Margin now",
                "margin_other": "Margin then",
            }.items()
            if name in shown
        },
        intervals={"difference": ("low", "high")} if "difference" in shown else {},
    )
