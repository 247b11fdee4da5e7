"""One customer's slate in one context, and why it is so: what was bought before, what the rules refused and changed."""

from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from reco.columns import Columns
from reco.contexts.filling import Example, Filled, slate_of
from reco.contexts.requests import Requests, refused_mail, standing_requests
from reco.contexts.slates import make_slates, refused
from reco.contexts.snapshot import Snapshot, snapshot
from reco.errors import InputError
from reco.pipeline import periods, sold
from reco.report.privacy import pseudonyms
from reco.rules import Order
from reco.settings import Context
from reco.workbook import Workbook

#: Rules that no slate is tried without: consent is asked for, not tried out, and what was learned stays learned.
NEVER_WITHOUT: Final = {"consent", "reset"}


class Inspection(NamedTuple):
    """One customer's slate in one context, as the shop would show it, and what is behind it.

    Attributes:
        customer: a pseudonym, the same as long as the store's data are.
        context: key of the context.
        title: its title.
        orders: how many orders of this customer the models know.
        revenue: what these brought, in the store's currency.
        history: what was bought, the latest first: item_id, title, category, orders, last (moment), days_ago.
        beside: titles of the products that the slate stands beside.
        slate: position, item_id, title, category, price_band, strategy, reason, fallback, propensity, explored.
        rules: rule (key), title, removed (proposals), moved (places), gave_way, comes and goes (products that would
            come and go without the rule); the strongest first.
        refused: rule (key), item_id, title, category, strategy: every proposal that a rule refused.
        swaps: rule (key), item_id, title, way (`comes` or `goes`): what would be shown without the rule.
        remark: why there is nothing to show; empty where there is something.
    """

    customer: str
    context: str
    title: str
    orders: int
    revenue: float
    history: pd.DataFrame
    beside: tuple[str, ...]
    slate: pd.DataFrame
    rules: pd.DataFrame
    refused: pd.DataFrame
    swaps: pd.DataFrame
    remark: str

    @property
    def sentence(self) -> str:
        """What is shown and what the rules did to it, in a sentence."""
        who = f"{self.customer}, with {self.orders:,} orders,"
        if self.remark:
            return f"{who} sees nothing in {self.title}: {self.remark}."
        kept, gave = int(self.rules["removed"].gt(0).sum()), int(self.rules["gave_way"].sum())
        items = self.refused[Columns.ITEM].nunique()
        parts = [
            f"{who} sees {_count(len(self.slate), 'product')} in {self.title}",
            f"{_count(kept, 'rule')} refused {_count(items, 'other')}" if items else "no rule refused another",
            *([f"{_count(gave, 'rule')} gave way"] if gave else []),
        ]
        explored = int(self.slate["explored"].sum())
        return f"{'; '.join(parts)}; {_count(explored, 'place')} went to exploration."


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def inspect(wb: Workbook, customer: str, context: str, until: pd.Timestamp | None = None) -> Inspection:
    """What `customer` (an id of the store) sees in `context`, with all that is known before `until`, and why.

    The slate is the one that `contexts.fill` makes for this customer, or for the page of the product that this
    customer bought in most orders. What would be shown without a rule is tried without exploration, and exploration is
    set against the slate without it. `until` is the end of the data unless given.

    Raises `InputError` for a context that the settings lack or a customer without purchases that may be learned from.
    """
    if context not in wb.settings.contexts:
        raise InputError(f"no context {context!r}; expected one of {', '.join(wb.settings.contexts)}")
    until = periods(wb).end if until is None else until
    place, lines = wb.settings.contexts[context], _lines(wb, until, customer.strip())
    if lines.empty:
        raise InputError(f"no customer {customer.strip()!r} who bought anything before {until:%Y-%m-%d}")
    who, standing = Example(customer.strip(), _usual(lines)), _standing(wb, context, until)
    id = _slate_id(standing, place.anchor, who)
    mine, _ = slate_of(standing, place.anchor, who)
    asked = Requests(*(part[part[Columns.SLATE] == id] for part in standing.requests))
    shop, rules = snapshot(wb, until), wb.settings.rules
    plain_rules = rules.changed(exploration=None)
    plain, report = make_slates(wb, context, asked, until, plain_rules)
    others = {
        kind: make_slates(wb, context, asked, until, plain_rules.changed(**{kind: None})).frame
        for kind in _worth_trying(wb, context, plain, report)
    }
    swaps = [_swapped(kind, plain, other) for kind, other in others.items()]
    if rules.exploration:
        swaps.append(_swapped("exploration", mine, plain))
    swapped = _named(shop, pd.concat([_swapped("", plain, plain), *swaps], ignore_index=True))
    told = [Columns.SLATE, Columns.CONTEXT, Columns.CUSTOMER, Columns.SCORE]
    slate = _named(shop, mine.drop(columns=told)).sort_values("position", ignore_index=True)
    share = rules.exploration.share if rules.exploration else 0.0
    columns = ["position", Columns.ITEM, "title", "category", "price_band", "strategy", "reason", "fallback"]
    titles = lines.drop_duplicates("product_id").set_index("product_id")["title"]
    beside = titles.reindex(asked.anchors[Columns.ITEM].astype(titles.index.dtype)).dropna()
    return Inspection(
        pseudonyms(wb, [who.customer_id])[0],
        context,
        place.title,
        lines["order_id"].nunique(),
        float(lines["revenue"].sum()),
        _history(lines, until),
        tuple(beside),
        slate.assign(explored=slate[Columns.PROPENSITY] <= share)[[*columns, Columns.PROPENSITY, "explored"]],
        _table(wb, report, mine, swapped),
        _named(shop, refused(wb, context, asked, until, plain_rules))[
            ["rule", Columns.ITEM, "title", "category", "strategy"]
        ],
        swapped[["rule", Columns.ITEM, "title", "way"]],
        "" if len(mine) else _why_nothing(wb, place, who.customer_id, id),
    )


def choices(wb: Workbook, until: pd.Timestamp, best: int = 10, middle: int = 5, newest: int = 5) -> pd.DataFrame:
    """Customers to look at: customer_id, words (pseudonym and why this one is there).

    The `best` by revenue, those in the `middle` of all by revenue, and the `newest`; each customer once.
    """
    lines = sold(wb).filter(lambda lines: lines.ordered_at < until)
    each = lines.group_by("customer_id").aggregate(
        revenue=lines.revenue.sum(), orders=lines.order_id.nunique(), first=lines.ordered_at.min()
    )
    everyone = wb.connection.to_pandas(each)
    ranked = everyone.sort_values(["revenue", "customer_id"], ascending=[False, True], ignore_index=True)
    rank = "number " + (ranked.index + 1).astype(str) + " by revenue"
    half = max((len(ranked) - middle) // 2, 0)
    latest = ranked.assign(why="among the newest").sort_values(["first", "customer_id"], ascending=[False, True])
    ranked = ranked.assign(why=rank)
    found = pd.concat([ranked.head(best), ranked.iloc[half : half + middle], latest.head(newest)])
    found = found.drop_duplicates("customer_id", ignore_index=True)
    orders = found["orders"].astype(str) + np.where(found["orders"] == 1, " order", " orders")
    names = pd.Series(pseudonyms(wb, found["customer_id"]), index=found.index, dtype="str")
    return pd.DataFrame({"customer_id": found["customer_id"], "words": names + ", " + found["why"] + ", " + orders})


@lru_cache(maxsize=32)
def _standing(wb: Workbook, context: str, until: pd.Timestamp) -> Filled:  # kept, since a shop's take seconds
    """The standing slates of one context, as `contexts.fill` makes them."""
    requests = standing_requests(wb, context, until)
    return Filled(requests, *make_slates(wb, context, requests, until))


def _slate_id(standing: Filled, anchor: str, who: Example) -> str | None:
    """The id of the slate that was asked for, also where it shows nothing; None where none was."""
    frame, anchors = standing.requests
    if anchor == "product":
        found = anchors.loc[anchors[Columns.ITEM] == who.item_id, Columns.SLATE]
    else:
        found = frame.loc[frame[Columns.CUSTOMER] == who.customer_id, Columns.SLATE]
    return None if found.empty else str(found.iloc[0])


def _lines(wb: Workbook, until: pd.Timestamp, customer: str) -> pd.DataFrame:
    """Order lines that the models know of one customer: order_id, ordered_at, product_id, revenue, title, category."""
    lines = sold(wb).filter(lambda lines: (lines.ordered_at < until) & (lines.customer_id == customer))
    products = wb.table("products").select("product_id", "title", "category")
    lines = lines.select("order_id", "ordered_at", "product_id", "revenue").left_join(products, "product_id")
    return wb.connection.to_pandas(lines)


def _usual(lines: pd.DataFrame) -> str:
    """The product in most orders; of several the one with the lower id, as `contexts.example_customer` has it."""
    orders = lines.groupby("product_id")["order_id"].nunique()
    return str(orders[orders == orders.max()].index.min())


def _history(lines: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """What was bought, the latest first, ties by title."""
    by_product = lines.groupby("product_id", as_index=False).agg(
        title=("title", "first"),
        category=("category", "first"),
        orders=("order_id", "nunique"),
        last=("ordered_at", "max"),
    )
    bought = by_product.rename(columns={"product_id": Columns.ITEM})
    bought["days_ago"] = (until - bought["last"]).dt.days
    return bought.sort_values(["last", "orders", "title"], ascending=[False, False, True], ignore_index=True)


def _worth_trying(wb: Workbook, context: str, plain: pd.DataFrame, report: pd.DataFrame) -> list[str]:
    """Keys of the rules that may have changed this slate."""
    acted = report[(report["removed"] > 0) | (report["moved"] > 0) | (report["gave_way"] > 0)]["rule"]
    rules = wb.settings.rules
    always = {rule.kind for rule in rules.declared(Order)}
    if rules.pinned and rules.pinned.places.get(context):
        always.add("pinned")
    if plain["fallback"].any():
        always.add("fallback")
    return [kind for kind in rules.order if kind in always.union(acted) - NEVER_WITHOUT - {"exploration"}]


def _swapped(rule: str, now: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Products that `other` shows and `now` does not (comes), and the other way round (goes), in their order."""
    comes = other.loc[~other[Columns.ITEM].isin(now[Columns.ITEM]), [Columns.ITEM]].assign(way="comes")
    goes = now.loc[~now[Columns.ITEM].isin(other[Columns.ITEM]), [Columns.ITEM]].assign(way="goes")
    return pd.concat([comes, goes], ignore_index=True).assign(rule=rule)


def _named(shop: Snapshot, frame: pd.DataFrame) -> pd.DataFrame:
    """`frame` with title, category and price_band of its item_id."""
    about = shop.shelf.frame[["title", "category", "price_band"]].iloc[shop.numbers(frame[Columns.ITEM])]
    return frame.assign(**{column: about[column].to_numpy() for column in about})


def _table(wb: Workbook, report: pd.DataFrame, mine: pd.DataFrame, swapped: pd.DataFrame) -> pd.DataFrame:
    """A row a rule: what it did to this slate."""
    rules = wb.settings.rules
    titles = {rule.kind: rule.title for rule in rules.declared()}
    done = report.set_index("rule")[["removed", "moved", "gave_way"]].reindex(titles, fill_value=0)
    ways = set(mine["gave_way"].iloc[0].split(", ")) if len(mine) else set()
    done["gave_way"] = done.index.isin(ways)
    counts = swapped.groupby(["rule", "way"]).size().unstack(fill_value=0)
    counts = counts.reindex(index=done.index, columns=["comes", "goes"], fill_value=0)
    done.insert(0, "title", pd.Series(titles))
    return done.join(counts.rename_axis(columns=None)).rename_axis("rule").reset_index()


def _why_nothing(wb: Workbook, place: Context, customer: str, id: str | None) -> str:
    if id is not None:
        return "no product may be shown that anything proposes"
    if place.anchor == "product":
        return "the product that this customer buys most is new or rare, and has no page that models know"
    if place.channel == "email" and customer in set(refused_mail(wb)):
        return "this customer wants no mail"
    return "no slate is asked for"
