"""Which mail of recommendations goes to whom on a day, and what it must not show again.

A mail goes out on the day that is so many days after the customer's last order or last view, both in days of the
shop's own time zone, and on no other day.
"""

from typing import Final

import pandas as pd

from reco.contexts.requests import Requests, latest_baskets, opaque_ids, refused_mail
from reco.features.common import local_day
from reco.pipeline import without_consent
from reco.settings import Sending
from reco.workbook import Workbook

#: Days of the frequency cap, the day itself among them.
WEEK: Final = 7

#: Columns of a send list: the mail (key and title), the context that fills it, and the last act (order or view, and
#: when) that it follows.
COLUMNS: Final = ["customer_id", "mail", "title", "context", "since", "at"]


def send_list(wb: Workbook, day: pd.Timestamp, sent: pd.DataFrame | None = None) -> pd.DataFrame:
    """Who gets which mail on `day`, one row a customer, ascending by id; columns as in `COLUMNS`.

    Of several mails that are due the first in the settings goes out, and none where it would be the second of the day
    or more than `most_per_week` in seven days. Customers who refused mail, or anything personal, are left out; acts on
    the day itself or later do not count. `sent` tells of the mails before: customer_id, sent_at (with its zone) and
    mail, in as many rows a mail as it showed products.
    """
    day = local_midnight(wb, day)
    due = _due(_acts(wb), wb.settings.sending, day, wb.settings.store.time_zone)
    due = due[~_over(due, _mails(sent, wb.settings.store.time_zone), wb.settings.sending, day)]
    return due[COLUMNS].reset_index(drop=True)


def calendar(wb: Workbook, start: pd.Timestamp, days: int) -> pd.DataFrame:
    """The send lists of `days` days from `start`, each knowing what the ones before sent.

    One row a mail that is due: day (a date), the columns of `COLUMNS` and held, whether the caps hold it back.
    """
    acts, zone, sending = _acts(wb), wb.settings.store.time_zone, wb.settings.sending
    first, parts = local_midnight(wb, start), []
    sent = _mails(None, zone)
    for number in range(days):
        day = local_midnight(wb, first.tz_localize(None) + pd.Timedelta(days=number))
        due = _due(acts, sending, day, zone)
        date = day.tz_localize(None)
        due = due.assign(day=date, held=_over(due, sent, sending, day))
        parts.append(due)
        sent = pd.concat([sent, due.loc[~due["held"], ["customer_id", "mail", "day"]]], ignore_index=True)
    whole = pd.concat(parts, ignore_index=True) if parts else _due(acts, sending, first, zone).head(0)
    return whole.reindex(columns=["day", *COLUMNS, "held"])


def per_day(planned: pd.DataFrame, sending: Sending) -> pd.DataFrame:
    """How many mails of each kind go out on each day of a `calendar`, and how many are held: a row a day."""
    kinds = [mail.title for mail in sending.mails.values()]
    named = planned["title"].where(~planned["held"].astype(bool), "held back")
    counts = pd.crosstab(planned["day"], named)
    return counts.reindex(columns=[*kinds, "held back"], fill_value=0).rename_axis(columns=None)


def not_repeated(asking: pd.DataFrame, sent: pd.DataFrame | None) -> pd.DataFrame:
    """What must not be shown because the customer's last mail showed it: slate_id, item_id.

    `asking` has slate_id, customer_id and asked_at; `sent` has customer_id, sent_at and item_id. Mails at or after
    the moment of asking do not count.

    >>> at = pd.to_datetime(["2026-01-01", "2026-01-05", "2026-01-09"], utc=True)
    >>> sent = pd.DataFrame({"customer_id": "a", "sent_at": at, "item_id": ["x", "y", "z"]})
    >>> asking = pd.DataFrame({"slate_id": ["s"], "customer_id": ["a"], "asked_at": at[2:]})
    >>> not_repeated(asking, sent).values.tolist()
    [['s', 'y']]
    """
    if sent is None or sent.empty:
        return pd.DataFrame({"slate_id": [], "item_id": []}, dtype="str")
    known = asking.dropna(subset="customer_id")[["slate_id", "customer_id", "asked_at"]]
    pairs = known.merge(sent.dropna(subset="item_id")[["customer_id", "sent_at", "item_id"]], on="customer_id")
    pairs = pairs[pairs["sent_at"] < pairs["asked_at"]]
    last = pairs["sent_at"] == pairs.groupby("slate_id")["sent_at"].transform("max")
    return pairs.loc[last, ["slate_id", "item_id"]].drop_duplicates(ignore_index=True)


def mail_requests(wb: Workbook, listed: pd.DataFrame, day: pd.Timestamp) -> dict[str, Requests]:
    """What the mails of a send list ask for at the beginning of `day`, by context.

    A context anchored in a basket stands beside the customer's latest order.
    """
    asked_at, found = local_midnight(wb, day).tz_convert("UTC"), {}
    for name, part in listed.groupby("context", sort=False):
        ids = opaque_ids(wb, name, part["mail"] + "\0" + part["customer_id"], asked_at)
        frame = pd.DataFrame({"slate_id": ids, "customer_id": part["customer_id"], "asked_at": asked_at})
        anchors = pd.DataFrame({"slate_id": [], "item_id": []}, dtype="str")
        if wb.settings.contexts[name].anchor != "customer":
            baskets = latest_baskets(wb, asked_at)
            anchors = frame.merge(baskets, on="customer_id")[["slate_id", "item_id"]]
        found[name] = Requests(frame.reset_index(drop=True), anchors)
    return found


def local_midnight(wb: Workbook, day: pd.Timestamp) -> pd.Timestamp:
    """The first moment of a day in the shop's own time zone; a moment without a zone is of the shop's time."""
    day = pd.Timestamp(day)
    zone = wb.settings.store.time_zone
    local = day if day.tz is None else day.tz_convert(zone).tz_localize(None)
    return local.normalize().tz_localize(zone, ambiguous=True, nonexistent="shift_forward")


def _acts(wb: Workbook) -> pd.DataFrame:
    """The last order and the last view of every day of every customer who may be written to.

    Columns: since (`order` or `view`), customer_id, day (of the shop's time), at.
    """
    zone = wb.settings.store.time_zone
    lines = wb.table("order_lines").filter(lambda t: t.customer_id.notnull() & (t.quantity > 0))
    told = {"order": lines.select("customer_id", at="ordered_at")}
    if wb.has("events"):
        events = wb.table("events").filter(lambda t: t.customer_id.notnull() & (t.event == "view_item"))
        told["view"] = events.select("customer_id", at="occurred_at")
    parts, refused = [], refused_mail(wb)
    for since, table in told.items():
        table = table.anti_join(without_consent(wb), "customer_id")
        daily = table.group_by("customer_id", day=local_day(zone, table.at)).aggregate(at=table.at.max())
        frame = wb.connection.to_pandas(daily.order_by("customer_id", "at"))
        parts.append(frame[~frame["customer_id"].isin(refused)].assign(since=since))
    whole = pd.concat(parts, ignore_index=True)
    return whole.assign(day=pd.to_datetime(whole["day"]).astype("datetime64[us]"))


def _due(acts: pd.DataFrame, sending: Sending, day: pd.Timestamp, zone: str) -> pd.DataFrame:
    """The first mail that is due for each customer on a day, before the caps; ascending by customer."""
    date = day.tz_convert(zone).tz_localize(None)
    before = acts[acts["day"] < date]
    last = before.sort_values("at").drop_duplicates(["since", "customer_id"], keep="last")
    ordered = last.loc[last["since"] == "order"].set_index("customer_id")["at"]
    parts = []
    for key, mail in sending.mails.items():
        part = last[(last["since"] == mail.since) & (last["day"] == date - pd.Timedelta(days=mail.after_days))]
        if mail.since == "view":  # who ordered since found what they looked for
            order = part["customer_id"].map(ordered)
            part = part[~(order >= part["at"])]
        parts.append(part.assign(mail=key, title=mail.title, context=mail.context))
    if not parts:
        return pd.DataFrame(columns=COLUMNS)
    due = pd.concat(parts, ignore_index=True).drop_duplicates("customer_id")
    return due.sort_values("customer_id", ignore_index=True)[COLUMNS]


def _over(due: pd.DataFrame, sent: pd.DataFrame, sending: Sending, day: pd.Timestamp) -> pd.Series:
    """Whether another mail on this day would be one too many, for each row of `due`."""
    age = (day.tz_localize(None) - sent["day"]).dt.days
    today = sent.loc[age == 0, "customer_id"]
    week = sent.loc[(age >= 0) & (age < WEEK), "customer_id"].value_counts()
    customers = due["customer_id"]
    return customers.isin(today) | (customers.map(week).fillna(0) >= sending.most_per_week)


def _mails(sent: pd.DataFrame | None, zone: str) -> pd.DataFrame:
    """Each mail sent once, with its day of the shop's time: customer_id, mail, day."""
    if sent is None or sent.empty:
        return pd.DataFrame({"customer_id": [], "mail": [], "day": []}).astype({"day": "datetime64[us]"})
    once = sent.drop_duplicates(["customer_id", "sent_at", "mail"])
    local = pd.to_datetime(once["sent_at"], utc=True).dt.tz_convert(zone).dt.tz_localize(None)
    return once[["customer_id", "mail"]].assign(day=local.dt.normalize().astype("datetime64[us]"))
