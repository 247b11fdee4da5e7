"""The tables of `Material`, out of a workbook: only customers with consent, only products that may be recommended."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from reco import contexts, pipeline
from reco.errors import InputError
from reco.exports.base import TABLES, Material, select
from reco.exports.nesting import lists
from reco.workbook import Workbook

#: The model of the item-to-item lists that sessions are served from.
GOES_WITH: Final = "item_knn"
#: Length of these lists.
LENGTH: Final = 20


def of_workbook(wb: Workbook, until: pd.Timestamp | None = None) -> Material:
    """What is exported of a store: the standing slates at `until`, the end of the data by default, and its tables.

    Interactions are those before `until`, all by default.
    """
    before, until = until, pipeline.periods(wb).end if until is None else until
    material = Material({}, wb.settings.store.currency, f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}")
    material.loaders = {
        "lists": lambda: _lists(wb, until, material),
        "contexts": lambda: _contexts(wb),
        "products": lambda: _products(wb),
        "customers": lambda: _customers(wb),
        "interactions": lambda: _interactions(wb, before),
        "contacts": lambda: _contacts(wb, material),
        "impressions": lambda: _impressions(wb, material),
        "devices": lambda: _devices(wb),
        "goes_with": lambda: _goes_with(wb, until),
        "segments": lambda: _segments(wb, until),
        "pinned": lambda: _pinned(wb),
        "banned": lambda: _banned(wb),
    }
    return material


def moment(wb: Workbook, named: str) -> pd.Timestamp:
    """A moment as people name it: a day of the shop's own time, or `test` or `validation`, when these weeks begin.

    Raises `InputError` for anything else.
    """
    if named in ("test", "validation"):
        return getattr(pipeline.periods(wb), named)
    try:
        day = pd.Timestamp(datetime.fromisoformat(named))
    except ValueError:
        raise InputError(f"--until {named!r}: expected a day such as 2026-11-01, or test or validation") from None
    return (day.tz_localize(wb.settings.store.time_zone) if day.tz is None else day).tz_convert("UTC")


def about(wb: Workbook) -> dict[str, Any]:
    """What the manifest tells of the store: its name, and fingerprints of its settings and data."""
    settings = json.dumps(wb.settings.model_dump(mode="json"), sort_keys=True, default=str)
    return {
        "store": wb.settings.store.name,
        "settings": sha256(settings.encode()).hexdigest(),
        "data": wb.fingerprint,
    }


def _lists(wb: Workbook, until: pd.Timestamp, material: Material) -> pa.Table:
    """The slates of all contexts, less those of customers without consent."""
    filled = contexts.fill(wb, until)
    parts = [lists(one.slates, one.requests.anchors) for one in filled.values() if len(one.slates)]
    made = pa.concat_tables(parts) if parts else TABLES["lists"].empty_table()
    if not wb.has("customers"):
        return made
    refused = wb.connection.to_pandas(pipeline.without_consent(wb))["customer_id"]
    agreed = pc.invert(pc.is_in(made["customer_id"], pa.array(refused, pa.string())))
    material.leave_out("slates of customers without consent", len(made) - pc.sum(agreed).as_py() if len(made) else 0)
    return made.filter(agreed)


def _contexts(wb: Workbook) -> pa.Table:
    named = wb.settings.contexts
    rows = [(name, one.title, one.anchor, one.channel) for name, one in named.items()]
    return pa.Table.from_pandas(pd.DataFrame(rows, columns=TABLES["contexts"].names, dtype="str"), preserve_index=False)


def _products(wb: Workbook) -> pa.Table:
    products = wb.table("products").filter(lambda t: t.recommendable)
    products = products.mutate(price=products.price.cast("float64"))
    rows = products.order_by("product_id").select(*TABLES["products"].names).to_pyarrow().cast(TABLES["products"])
    link = wb.settings.exports.link
    if not link:
        return rows
    before, _, after = link.partition("{product_id}")
    made = pc.binary_join_element_wise(before, _percent(rows["product_id"]), after, "")
    return rows.set_column(rows.column_names.index("url"), "url", pc.coalesce(rows["url"], made))


def _percent(ids: pa.ChunkedArray) -> pa.Array:
    """Ids as they can stand in an address."""
    from urllib.parse import quote

    coded = ids.combine_chunks().dictionary_encode()
    return pa.array([quote(one, safe="") for one in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


def _customers(wb: Workbook) -> pa.Table:
    customers = wb.table("customers").anti_join(pipeline.without_consent(wb), "customer_id")
    customers = customers.mutate(mail=customers.email_consent.fill_null(True))
    return customers.order_by("customer_id").select(*TABLES["customers"].names).to_pyarrow()


def _interactions(wb: Workbook, before: pd.Timestamp | None) -> pa.Table:
    """What customers with consent bought and viewed `before` a moment, the earliest first."""
    lines = pipeline.sold(wb)
    lines = lines if before is None else lines.filter(lines.ordered_at < before)
    price = lines.revenue.cast("float64") / lines.quantity
    bought = lines.select("customer_id", "product_id", "order_id", "quantity", occurred_at="ordered_at", price=price)
    parts = [_padded(bought.to_pyarrow(), "interactions", event="Purchase")]
    if wb.has("events"):
        views = wb.table("events").filter(lambda t: (t.event == "view_item") & t.customer_id.notnull())
        views = views if before is None else views.filter(views.occurred_at < before)
        views = views.filter(views.product_id.notnull()).anti_join(pipeline.without_consent(wb), "customer_id")
        found = views.select("customer_id", "product_id", "occurred_at").to_pyarrow()
        parts.append(_padded(found, "interactions", event="View"))
    whole = pa.concat_tables([part.cast(TABLES["interactions"]) for part in parts])
    return whole.sort_by([("occurred_at", "ascending"), ("customer_id", "ascending"), ("product_id", "ascending")])


def _padded(rows: pa.Table, name: str, **constants: str) -> pa.Table:
    """`rows` with all columns of a table; those it lacks are the constants given, or empty."""
    columns = {
        field.name: rows[field.name]
        if field.name in rows.column_names
        else pa.array([constants.get(field.name)] * len(rows), field.type)
        for field in TABLES[name]
    }
    return pa.table(columns)


def _contacts(wb: Workbook, material: Material) -> pa.Table:
    """E-mail addresses out of the shop's own file, of customers who take mail.

    The file names customers by the store's customer_id, or by address alone: then the store knows whose it is by its
    SHA-256. Raises `InputError` where the settings name no file, or it lacks a column.
    """
    own = wb.settings.exports.contacts
    if own is None:
        raise InputError(
            f"{wb.settings.file.name}: exports.contacts: found nothing; expected the file of e-mail addresses, since "
            "the store keeps none, such as  contacts: {file: data/raw/contacts.csv, email: Email}"
        )
    path = wb.settings.root / own.file
    try:
        frame = pd.read_csv(path, dtype="str", keep_default_na=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, pd.errors.ParserError) as error:
        raise InputError(
            f"exports.contacts.file: {own.file}: not readable ({error}); expected a CSV in UTF-8"
        ) from None
    for key, column in {"email": own.email, "customer_id": own.customer_id}.items():
        if column is not None and column not in frame.columns:
            named = ", ".join(frame.columns)
            raise InputError(f"{own.file}: no column {column!r} for exports.contacts.{key}; expected one of {named}")
    email = frame[own.email].str.strip()
    if own.customer_id:
        customer = frame[own.customer_id]
    else:
        hashed = pd.Series([sha256(one.lower().encode()).hexdigest() for one in email], index=email.index)
        table = wb.table("identities") if wb.has("identities") else None
        known = wb.connection.to_pandas(table.filter(table.kind == "email")) if table is not None else None
        customer = hashed.map(known.set_index("identifier")["customer_id"]) if known is not None else hashed.map({})
    found = pd.DataFrame({"customer_id": customer, "email": email.to_numpy()}).query("email.str.contains('@')")
    customers = material.table("customers").to_pandas()
    mailed = found[found["customer_id"].isin(customers.loc[customers["mail"], "customer_id"])]
    mailed = mailed.drop_duplicates("customer_id").drop_duplicates("email")
    material.leave_out("contacts who are unknown, asked for no mail or gave no consent", len(frame) - len(mailed))
    return pa.Table.from_pandas(mailed.astype("str"), preserve_index=False)


def _impressions(wb: Workbook, material: Material) -> pa.Table:
    """Impressions that real shoppers saw; simulated ones go nowhere."""
    if not wb.has("impressions"):
        material.remarks.append("the store logs no impressions of its own, and simulated ones are never exported")
        return TABLES["impressions"].empty_table()
    table = wb.table("impressions").filter(lambda t: ~t.simulated.fill_null(False))
    table = table.anti_join(pipeline.without_consent(wb), "customer_id") if wb.has("customers") else table
    return table.order_by("shown_at", "slate_id", "position").select(*TABLES["impressions"].names).to_pyarrow()


def _devices(wb: Workbook) -> pa.Table:
    if not wb.has("identities"):
        return TABLES["devices"].empty_table()
    table = wb.table("identities").filter(lambda t: t.kind == "device")
    firsts = table.group_by("customer_id").aggregate(client_id=table.identifier.min())
    return firsts.order_by("customer_id").to_pyarrow()


def _goes_with(wb: Workbook, until: pd.Timestamp) -> pa.Table:
    frame = pipeline.neighbours(wb, GOES_WITH, until, LENGTH)
    query = """
        SELECT item_id AS product_id, list(similar_id ORDER BY rank) AS items FROM frame GROUP BY item_id ORDER BY 1
    """
    return select(query, frame=pa.Table.from_pandas(frame, preserve_index=False))


def _segments(wb: Workbook, until: pd.Timestamp) -> pa.Table:
    """The category that each customer bought most of."""
    lines = pipeline.sold(wb).filter(lambda t: t.ordered_at < until)
    named = lines.join(wb.table("products").select("product_id", "category"), "product_id")
    counted = (
        named.filter(named.category.notnull()).group_by("customer_id", "category").aggregate(n=lambda t: t.count())
    )
    best = counted.group_by("customer_id").aggregate(
        segment=counted.category.first(order_by=[counted.n.desc(), counted.category])
    )
    return best.order_by("customer_id").to_pyarrow()


def _pinned(wb: Workbook) -> pa.Table:
    rule = wb.settings.rules.pinned
    places = rule.places if rule else {}
    rows = [(context, place, one) for context, pins in places.items() for one, place in pins.items()]
    return pa.Table.from_pylist([dict(zip(TABLES["pinned"].names, row, strict=True)) for row in rows], TABLES["pinned"])


def _banned(wb: Workbook) -> pa.Table:
    """Products that the rules ban by name, category or brand."""
    rule = wb.settings.rules.banned
    if not rule:
        return TABLES["banned"].empty_table()
    t = wb.table("products")
    by = t.product_id.isin(rule.products) | t.category.isin(rule.categories) | t.brand.isin(rule.brands)
    return t.filter(by).order_by("product_id").select("product_id").to_pyarrow()


def folder(wb: Workbook, out: Path | None) -> Path:
    """Where exports go: `out`, or by the settings."""
    return out if out is not None else wb.settings.root / wb.settings.exports.folder / wb.settings.store.name
