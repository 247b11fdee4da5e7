"""Klaviyo: events and profiles as its API gives them (JSON), and profiles as its lists are exported (CSV).

An event names its metric and its profile by id only; names come from the metrics, and accounts and addresses from the
profiles, given as files of their own or with the events under `included`.
"""

from collections.abc import Mapping
from typing import Final, Literal, Self

import ibis
import pyarrow as pa
from ibis.expr.types import BooleanValue, StringValue, Table
from pydantic import model_validator

from reco.clock import parse, since_epoch
from reco.sources.base import (
    REPEATED_EVENT,
    TRAIL,
    Column,
    Paths,
    RawTable,
    Shop,
    SourceSettings,
    first_reason,
    says,
)
from reco.store import FILE, LINE, TEXT, conform

ABOUT = "E-mails sent, opened and clicked, and the profiles of their recipients, from Klaviyo."
NAME = "klaviyo"

#: Metrics of messages: what happened and in which channel.
MESSAGES: Final = {
    "received email": ("sent", "email"),
    "opened email": ("opened", "email"),
    "clicked email": ("clicked", "email"),
    "bounced email": ("bounced", "email"),
    "marked email as spam": ("complained", "email"),
    "subscribed to list": ("subscribed", "email"),
    "subscribed to email marketing": ("subscribed", "email"),
    "unsubscribed": ("unsubscribed", "email"),
    "unsubscribed from list": ("unsubscribed", "email"),
    "unsubscribed from email marketing": ("unsubscribed", "email"),
    "received sms": ("sent", "sms"),
    "clicked sms": ("clicked", "sms"),
    "failed to deliver sms": ("bounced", "sms"),
    "consented to receive sms": ("subscribed", "sms"),
    "subscribed to sms marketing": ("subscribed", "sms"),
    "unsubscribed from sms": ("unsubscribed", "sms"),
    "unsubscribed from sms marketing": ("unsubscribed", "sms"),
    "received push": ("sent", "push"),
    "opened push": ("opened", "push"),
}

#: Metrics of shopping by the unified name; any other metric keeps its own, in lower case with underscores.
SHOPPING: Final = {
    "viewed product": "view",
    "added to cart": "add_to_cart",
    "checkout started": "begin_checkout",
    "started checkout": "begin_checkout",
    "placed order": "purchase",
    "ordered product": "purchase",
    "active on site": "active",
    "submitted search": "search",
}

#: What a product is told by, and the properties of an event that tell it, the most exact first.
REFERENCES: Final = {
    "title": ("AddedItemProductName", "ProductName", "Product Name", "Name"),
    "sku": ("AddedItemSKU", "SKU"),
    "id": ("AddedItemProductID", "ProductID", "Product ID"),
    "url": ("AddedItemURL", "ProductURL", "URL"),
}
#: The same in an entry of `Items`, where those are objects.
_IN_ITEM: Final = {"title": "ProductName", "sku": "SKU", "id": "ProductID", "url": "ProductURL"}
_ITEMS: Final = pa.list_(pa.struct(dict.fromkeys(_IN_ITEM.values(), TEXT)))

#: Properties that say that a program opened or clicked, not a person.
MACHINE: Final = ("Apple Privacy Open", "machine_open", "Bot Click")

NO_METRIC: Final = "metric without a name"

_SUPPRESSIONS: Final = pa.list_(pa.struct({"reason": TEXT}))
_MARKETING: Final = "attributes.subscriptions.email.marketing"


class Settings(SourceSettings):
    """Files of events and profiles, at least one kind.

    `metrics` names the metrics, where pages of events carry no `included`. `product` is what products are told by
    first: their title, which all events have, or sku, id, or the handle at the end of their address; the others
    follow where that is missing. `personalization_property` is the property of a profile that says, by true or yes,
    false or no, whether its owner agrees to personalization.
    """

    kind: Literal["klaviyo"]
    events: Paths = ()
    metrics: Paths = ()
    profiles: Paths = ()
    profiles_csv: Paths = ()
    product: Literal["title", "sku", "id", "handle"] = "title"
    personalization_property: str | None = None

    @model_validator(mode="after")
    def _something_to_read(self) -> Self:
        if not (self.events or self.profiles or self.profiles_csv):
            raise ValueError("expected at least one of events, profiles and profiles_csv")
        return self


def raw_tables(settings: Settings) -> dict[str, RawTable]:
    """Tables of those files that the settings name; metrics and what is included serve to look up names only."""
    tables = {
        "events": RawTable(settings.events, _event_columns(), ("data",)),
        "included": RawTable(settings.events, _INCLUDED, ("included",), partial=True),
        "metrics": RawTable(settings.metrics, _METRIC, ("data",), partial=True),
        "profiles": RawTable(settings.profiles, _profile_columns(settings), ("data",), fills="customers"),
        "profiles_csv": RawTable(settings.profiles_csv, _csv_columns(settings), fills="customers"),
    }
    return {name: table for name, table in tables.items() if table.files}


_METRIC: Final = {"id": Column(("id",)), "name": Column(("attributes.name", "name"))}
_PERSON: Final = {
    "id": Column(("id",)),
    "external_id": Column(("attributes.external_id",)),
    "email": Column(("attributes.email",), kind="email"),
}
_INCLUDED: Final = {"type": Column(("type",)), **_METRIC, **_PERSON}


def _property(name: str, kind: pa.DataType = TEXT) -> Column:
    return Column((f"attributes.event_properties.{name}", f"event_properties.{name}"), type=kind)


def _event_columns() -> dict[str, Column]:
    """Columns of an event, by today's API and by the first version, whose archives live on."""
    told_by = {f"{kind}_{n}": _property(name) for kind, names in REFERENCES.items() for n, name in enumerate(names)}
    return {
        "id": Column(("id",), required=True),
        "metric_id": Column(("relationships.metric.data.id", "statistic_id")),
        "metric": Column(("event_name",)),
        "profile_id": Column(("relationships.profile.data.id", "person.id")),
        "email": Column(("person.email", "person.$email"), kind="email"),
        "timestamp": Column(("attributes.timestamp", "timestamp")),
        "datetime": Column(("attributes.datetime", "datetime")),
        "message": _property("$message"),
        "campaign": _property("Campaign Name"),
        "searched": _property("SearchTerm"),
        "items": _property("Items", _ITEMS),
        "item_names": _property("Items", pa.list_(TEXT)),
        **{f"machine_{n}": _property(name) for n, name in enumerate(MACHINE)},
        **told_by,
    }


def _profile_columns(settings: Settings) -> dict[str, Column]:
    agreed = settings.personalization_property
    return {
        **_PERSON,
        "country": Column(("attributes.location.country",)),
        "created": Column(("attributes.created",)),
        "consent": Column((f"{_MARKETING}.consent",)),
        "suppression": Column((f"{_MARKETING}.suppression",), type=_SUPPRESSIONS),
        "suppressions": Column((f"{_MARKETING}.suppressions",), type=_SUPPRESSIONS),
        **({"agreed": Column((f"attributes.properties.{agreed}",))} if agreed else {}),
    }


def _csv_columns(settings: Settings) -> dict[str, Column]:
    agreed = settings.personalization_property
    return {
        "id": Column(("Klaviyo ID",)),
        "external_id": Column(("External ID",), kind="id"),
        "email": Column(("Email", "Email Address"), kind="email"),
        "country": Column(("Country",)),
        "created": Column(("Profile Created On", "Date Added")),
        "consent": Column(("Email Marketing Consent",)),
        "suppressed": Column(("Email Suppressions",)),
        **({"agreed": Column((agreed,))} if agreed else {}),
    }


def unify(raw: Mapping[str, Table], settings: Settings, shop: Shop) -> dict[str, Table]:
    """Profiles as customers; events of messages as engagement and of shopping as events.

    A profile is a device as far as identities go (`klaviyo:` and its id), joined to account and address where its
    profile is among the files. Opens and clicks by programs are told apart (`machine_opened`, `machine_clicked`).
    Times without an offset are UTC.
    """
    given = [raw[name] for name in ("profiles", "profiles_csv") if name in raw]
    customers = [_customers(profiles) for profiles in given]
    tables = {"customers": ibis.union(*customers) if len(customers) > 1 else customers[0]} if customers else {}
    if "events" in raw:
        events = _events(raw)
        message = events.metric.isin(list(MESSAGES)).fill_null(False)
        engagement = _engagement(events.filter(message))
        tables |= {
            "events": _shopping(events.filter(~message), settings.product),
            "engagement": engagement,
            "campaigns": _campaigns(engagement),
        }
    return {name: conform(table, name, source=NAME) for name, table in tables.items()}


def _text(value: StringValue) -> StringValue:
    """A text without outer spaces; null where nothing is left."""
    return value.strip().nullif("")


def _yes(value: StringValue) -> BooleanValue:
    """What a word says, true, false or null."""
    word = value.strip().lower()
    return ibis.cases((word.isin(["true", "yes", "1"]), True), (word.isin(["false", "no", "0"]), False), else_=None)


def _device(profile_id: StringValue) -> StringValue:
    return ibis.literal("klaviyo:") + _text(profile_id)


def _customers(profiles: Table) -> Table:
    """One row for each profile; mail may go to those who subscribed and are not suppressed.

    A date that nobody can read is left out; a row with someone's refusal is not set aside for it.
    """
    agreed = _yes(profiles.agreed) if "agreed" in profiles.columns else ibis.null("boolean")
    return profiles.select(
        *TRAIL,
        customer_id=_text(profiles.external_id),
        email="email",
        device_id=_device(profiles.id),
        country=_text(profiles.country),
        joined_at=parse(profiles.created, "UTC"),
        email_consent=ibis.cases(
            (_suppressed(profiles), False), (profiles.consent.strip().lower() == "subscribed", True),
            (says(profiles.consent), False), else_=None,
        ),
        personalization_consent=agreed,
    )  # fmt: skip


def _suppressed(profiles: Table) -> BooleanValue:
    """Whether no mail may go to a profile, whatever it once consented to."""
    if "suppressed" in profiles.columns:
        return _text(profiles.suppressed.re_replace(r"[\[\]\s]", "")).notnull()
    lists = (profiles.suppression, profiles.suppressions)
    return (lists[0].length().fill_null(0) > 0) | (lists[1].length().fill_null(0) > 0)


def _events(raw: Mapping[str, Table]) -> Table:
    """Events with the name of their metric, and the account and address of their profile."""
    events, included = raw["events"], raw.get("included")
    metrics = [raw["metrics"].select("id", "name")] if "metrics" in raw else []
    people = [raw[name].select("id", "external_id", "email") for name in ("profiles", "profiles_csv") if name in raw]
    if included is not None:
        metrics.append(included.filter(included.type == "metric").select("id", "name"))
        people.append(included.filter(included.type == "profile").select("id", "external_id", "email"))
    names = _one_per_id(metrics, "name").rename(known_metric="name", named="id")
    persons = _one_per_id(people, "external_id", "email").rename(known_email="email", known="id")
    found = events.left_join(names, events.metric_id == names.named)
    found = found.left_join(persons, found.profile_id == persons.known)
    metric = _text(ibis.coalesce(found.metric, found.known_metric)).lower()
    occurred_at = ibis.coalesce(since_epoch(found.timestamp.try_cast("int64"), "s"), parse(found.datetime, "UTC"))
    told = says(found.timestamp) | says(found.datetime)
    again = ibis.row_number().over(group_by=found.id, order_by=[found.file, found.line])
    return found.mutate(
        metric=metric,
        customer_id=_text(found.external_id),
        email=ibis.coalesce(found.email, found.known_email),
        device_id=_device(found.profile_id),
        occurred_at=occurred_at,
        reason=first_reason(
            (metric.isnull(), NO_METRIC),
            (told.fill_null(False) & occurred_at.isnull(), "occurred_at not readable"),
            (found.id.notnull() & (again > 0), REPEATED_EVENT),
        ),
    )


def _one_per_id(tables: list[Table], *columns: str) -> Table:
    """One row an id, as pages and exports repeat them; without tables none."""
    if not tables:
        return ibis.memtable(pa.table({name: pa.array([], TEXT) for name in ("id", *columns)}))
    every = ibis.union(*tables) if len(tables) > 1 else tables[0]
    return every.filter(every.id.notnull()).group_by("id").aggregate(**{name: every[name].max() for name in columns})


def _engagement(events: Table) -> Table:
    """Messages sent, opened, clicked and so on, each with its campaign."""
    kinds = [(events.metric == metric, kind) for metric, (kind, _) in MESSAGES.items()]
    channels = [(events.metric == metric, channel) for metric, (_, channel) in MESSAGES.items()]
    kind = ibis.cases(*kinds, else_=None)
    machine = ibis.literal(False)
    for n, _ in enumerate(MACHINE):
        machine = machine | _yes(events[f"machine_{n}"]).fill_null(False)
    return events.mutate(
        event=ibis.ifelse(machine & kind.isin(["opened", "clicked"]), ibis.literal("machine_") + kind, kind),
        channel=ibis.cases(*channels, else_=None),
        campaign_id=ibis.coalesce(_text(events.message), _text(events.campaign)),
        name=_text(events.campaign),
    )


def _campaigns(engagement: Table) -> Table:
    """Campaigns as the engagement names them, each where it was met first."""
    named = engagement.filter(engagement.campaign_id.notnull() & engagement.reason.isnull())
    place = ibis.row_number().over(group_by="campaign_id", order_by=[FILE, LINE])
    named = named.mutate(place=place, name=named.name.max().over(group_by="campaign_id"))
    return named.filter(named.place == 0).select(*TRAIL, "campaign_id", "name", "channel")


def _shopping(events: Table, first: str) -> Table:
    """Events of shopping and all others; a checkout gives one row for each of its items."""
    plain = events.metric.re_replace(r"[^\p{L}\p{N}]+", "_").re_replace("^_|_$", "")
    shopping = [(events.metric == metric, kind) for metric, kind in SHOPPING.items()]
    named = events.mutate(
        event=ibis.cases(*shopping, else_=plain),
        event_id=events.id,
        query=_text(events.searched),
        reference=_reference(
            first, {kind: [events[f"{kind}_{n}"] for n, _ in enumerate(names)] for kind, names in REFERENCES.items()}
        ),
    )
    is_checkout = (named.event == "begin_checkout").fill_null(False)
    others = named.filter(~is_checkout).mutate(product_id="reference", piece=ibis.literal(0, type="int64"))
    spread = named.filter(is_checkout).unnest("item_names", offset="at", keep_empty=True)
    item = spread["items"][spread["at"]]
    # an entry is the name of a product, or an object that tells it
    name = ibis.ifelse(spread.item_names.startswith("{"), ibis.null("string"), _text(spread.item_names))
    told = _reference(first, {kind: [item[field]] for kind, field in _IN_ITEM.items()})
    checkouts = spread.mutate(product_id=ibis.coalesce(told, name), piece=spread["at"].fill_null(0))
    return others.select(*_EVENT).union(checkouts.select(*_EVENT))


def _reference(first: str, told: Mapping[str, list[StringValue]]) -> StringValue:
    """What tells a product: its `first` name where there is one, else its title, SKU or id."""
    handle = ibis.coalesce(*told["url"]).re_extract(r"/products/([^/?#]+)", 1).nullif("")
    by = {kind: ibis.coalesce(*(_text(name) for name in told[kind])) for kind in ("title", "sku", "id")}
    by["handle"] = handle
    return ibis.coalesce(by.pop(first), *by.values())


_EVENT: Final = (
    *TRAIL, "event_id", "event", "customer_id", "email", "device_id", "product_id", "occurred_at", "query", "reason",
    "piece",
)  # fmt: skip
