"""Mailchimp: the exported audience (CSV files or their ZIP) and reports of who opened and clicked (JSON).

The status of a contact is no column: it is the name of the file that holds it.
"""

from collections.abc import Mapping
from typing import Final, Literal, Self

import ibis
import pyarrow as pa
from ibis.expr.types import StringValue, Table
from pydantic import model_validator

from reco.clock import Instant, parse
from reco.sources.base import TRAIL, Column, Paths, RawTable, Shop, SourceSettings, first_reason, says
from reco.store import EMAIL, FILE, LINE, PIECE, REASON, TEXT, conform

ABOUT = "Contacts with their consent, and e-mails opened and clicked, from Mailchimp."
NAME = "mailchimp"

#: Whether mail may go to the contacts of a file, by the word in its name; null where they were never asked.
CONSENT: Final[dict[str, bool | None]] = {
    "nonsubscribed": None,
    "unsubscribed": False,
    "subscribed": True,
    "cleaned": False,
}

#: Actions in a report by the unified event; any other keeps its name.
ACTIONS: Final = {"open": "opened", "click": "clicked", "bounce": "bounced"}

NO_STATUS: Final = "status not told by the name of the file"

_STATUS: Final = rf"(?:^|[^a-z])({'|'.join(CONSENT)})[^/\\:]*$"
_ACTIVITY: Final = pa.list_(pa.struct({"action": TEXT, "timestamp": TEXT}))


class Settings(SourceSettings):
    """`audience` holds the CSV files, or the ZIP, of an exported audience; `activity` reports on campaigns by e-mail.

    The names of the audience's files are those that Mailchimp gives, such as `subscribed_….csv`: they tell who may
    get mail.
    """

    kind: Literal["mailchimp"]
    audience: Paths = ()
    activity: Paths = ()

    @model_validator(mode="after")
    def _something_to_read(self) -> Self:
        if not (self.audience or self.activity):
            raise ValueError("expected audience, activity or both")
        return self


def raw_tables(settings: Settings) -> dict[str, RawTable]:
    """Contacts and reports, those that the settings name; the column of addresses may have any name."""
    audience = {
        "email": Column(("Email Address",), required=True, kind="email", by_content=True),
        "opted_in": Column(("OPTIN_TIME",)),
        "confirmed": Column(("CONFIRM_TIME",)),
        "country": Column(("CC",)),
        "left_at": Column(("UNSUB_TIME",)),
        "left_title": Column(("UNSUB_CAMPAIGN_TITLE",)),
        "left_campaign": Column(("UNSUB_CAMPAIGN_ID",)),
        "cleaned_at": Column(("CLEAN_TIME",)),
        "cleaned_title": Column(("CLEAN_CAMPAIGN_TITLE",)),
        "cleaned_campaign": Column(("CLEAN_CAMPAIGN_ID",)),
    }
    activity = {
        "campaign_id": Column(("campaign_id",)),
        "email": Column(("email_address",), required=True, kind="email"),
        "activity": Column(("activity",), type=_ACTIVITY),
        # one action a line, as connectors of warehouses flatten the reports
        "action": Column(("action",)),
        "timestamp": Column(("timestamp",)),
    }
    tables = {
        "audience": RawTable(settings.audience, audience),
        "activity": RawTable(settings.activity, activity, ("emails",)),
    }
    return {name: table for name, table in tables.items() if table.files}


def unify(raw: Mapping[str, Table], settings: Settings, shop: Shop) -> dict[str, Table]:
    """Contacts as customers, known by address only, and what they did with which campaign as engagement.

    Times without an offset are UTC. Who left and whose address bounced is told by the audience as well.
    """
    tables, engagement = {}, []
    if "audience" in raw:
        contacts = _contacts(raw["audience"])
        tables["customers"] = contacts
        engagement += [_left(contacts, *words) for words in LEFT]
    if "activity" in raw:
        engagement += _reported(raw["activity"])
    tables["engagement"] = ibis.union(*engagement)
    tables["campaigns"] = _campaigns(tables["engagement"])
    return {name: conform(table, name, source=NAME) for name, table in tables.items()}


def _text(value: StringValue) -> StringValue:
    """A text without outer spaces; null where nothing is left."""
    return value.strip().nullif("")


def _contacts(audience: Table) -> Table:
    """One row for each contact.

    A date that nobody can read is left out; a row with someone's refusal is not set aside for it.
    """
    status = audience.file.lower().re_extract(_STATUS, 1)
    return audience.mutate(
        status=status,
        country=_text(audience.country).upper(),
        joined_at=ibis.coalesce(parse(audience.opted_in, "UTC"), parse(audience.confirmed, "UTC")),
        email_consent=ibis.cases(
            *((status == word, ibis.literal(allowed, type="boolean")) for word, allowed in CONSENT.items())
        ),
        reason=first_reason((status == "", NO_STATUS)),
    )


#: What a status says that has happened: its event, and the columns of its time, campaign and the campaign's title.
LEFT: Final = (
    ("unsubscribed", "unsubscribed", "left_at", "left_campaign", "left_title"),
    ("cleaned", "bounced", "cleaned_at", "cleaned_campaign", "cleaned_title"),
)

_ENGAGEMENT: Final = (*TRAIL, EMAIL, "campaign_id", "name", "channel", "event", "occurred_at", REASON, PIECE)


def _left(contacts: Table, status: str, event: str, time: str, campaign: str, title: str) -> Table:
    """How the contacts of one status came to it."""
    gone = contacts.filter(contacts.status == status)
    return gone.mutate(
        campaign_id=_text(gone[campaign]),
        name=_text(gone[title]),
        event=ibis.literal(event),
        piece=ibis.literal(0, type="int64"),
        **_moment(gone[time]),
        channel=ibis.literal("email"),
    ).select(*_ENGAGEMENT)


def _moment(text: StringValue) -> dict[str, ibis.Value]:
    """When something happened, and the reason where that is not readable."""
    moment = parse(text, "UTC")
    return {
        "occurred_at": moment,
        "reason": first_reason((says(text) & moment.isnull(), "occurred_at not readable")),
    }


def _reported(activity: Table) -> list[Table]:
    """Every recipient in a report as `sent`, at a time that it does not tell, and every action of theirs."""
    named = activity.mutate(
        campaign_id=_text(activity.campaign_id), name=ibis.null("string"), channel=ibis.literal("email")
    )
    recipients = named.filter(~says(named.action).fill_null(False))
    sent = recipients.mutate(
        event=ibis.literal("sent"),
        occurred_at=ibis.null(Instant),
        reason=ibis.null("string"),
        piece=ibis.literal(0, type="int64"),
    )
    flat = named.filter(says(named.action).fill_null(False))
    flat = flat.mutate(event=_event(flat.action), **_moment(flat.timestamp), piece=ibis.literal(0, type="int64"))
    # a report also lists those who did nothing
    acted = recipients.drop("action", "timestamp").unnest("activity", offset="at")
    one = acted["activity"]
    acted = acted.mutate(event=_event(one.action), **_moment(one.timestamp), piece=acted["at"] + 1)
    return [table.select(*_ENGAGEMENT) for table in (sent, flat, acted)]


def _event(action: StringValue) -> StringValue:
    word = _text(action).lower()
    return ibis.cases(*((word == known, event) for known, event in ACTIONS.items()), else_=word)


def _campaigns(engagement: Table) -> Table:
    """Campaigns as the engagement names them, each where it was met first."""
    named = engagement.filter(engagement.campaign_id.notnull() & engagement.reason.isnull())
    place = ibis.row_number().over(group_by="campaign_id", order_by=[FILE, LINE, PIECE])
    named = named.mutate(place=place, name=named.name.max().over(group_by="campaign_id"))
    return named.filter(named.place == 0).select(*TRAIL, "campaign_id", "name", "channel")
