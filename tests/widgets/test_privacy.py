"""No customer is named in what goes out: modules, mails, payloads, the gallery; for a shop whose ids would tell."""

import json

import pandas as pd
import pytest

from reco import Workbook
from reco.contexts import fill, make_slates
from reco.contexts.sending import mail_requests, send_list
from reco.report import gallery
from reco.settings import Context, Sending
from reco.widgets import email, in_app, module, widget

UNTIL = pd.Timestamp("2026-06-01", tz="UTC")
WHO = "someone"


@pytest.fixture
def shop(open_shop) -> Workbook:
    """Twelve customers with telling ids who bought 4 of 8 products, some of them a week ago."""
    lines = [
        f"o{who}-{n},{WHO}-{who:02}-of-the-town,p{(who + n) % 8},{'2026-05-25' if who % 2 else '2026-05-01'},1,2"
        for who in range(12)
        for n in range(4)
    ]
    wb = open_shop("order,customer,product,time,quantity,price\n" + "\n".join(lines))
    strategies = [{"title": "For you, {name}", "model": "item_knn", "by": "customer"}]
    given = {"title": "Place", "size": 4, "strategies": strategies}
    contexts = {
        f"{anchor}_{channel}": Context(**given, anchor=anchor, channel=channel)
        for anchor in ("product", "basket", "customer")
        for channel in ("on_site", "email")
    }
    mail = {"title": "After", "context": "customer_email", "since": "order", "after_days": 7}
    catalogue = wb.settings.catalogue.model_copy(update={"min_customers": 1})
    settings = {"contexts": contexts, "sending": Sending(mails={"after": mail}), "catalogue": catalogue}
    return Workbook(wb.settings.model_copy(update=settings))


def everything(slate: pd.DataFrame, context: Context) -> str:
    products = pd.DataFrame({"title": slate["item_id"].to_numpy(), "price": 2.0, "url": "https://shop.example/p"})
    shown = widget(slate, products.set_index(slate["item_id"]), context, "GBP")
    mail = email(shown)
    return "".join([module(shown), json.dumps(in_app(shown)), mail.html, mail.text, mail.subject, mail.preheader])


def test_nothing_that_goes_out_names_its_customer(shop):
    for name, (requests, slates, _) in fill(shop, UNTIL).items():
        assert len(slates)
        for slate_id, slate in slates.groupby("slate_id"):
            out = everything(slate, shop.settings.contexts[name])
            assert slate_id in out
            assert WHO not in out
        if "product" not in name:
            assert requests.frame["customer_id"].str.startswith(WHO).all()


def test_mails_of_a_day_name_nobody(shop):
    day = pd.Timestamp("2026-06-01")
    listed = send_list(shop, day)
    assert len(listed) == 6
    for name, requests in mail_requests(shop, listed, day).items():
        assert requests.frame["slate_id"].is_unique
        assert set(requests.frame["customer_id"]) == set(listed["customer_id"])
        for _, slate in make_slates(shop, name, requests, UNTIL).frame.groupby("slate_id"):
            assert WHO not in everything(slate, shop.settings.contexts[name])


def test_the_gallery_names_nobody(shop):
    page = gallery.gallery(shop, UNTIL)
    assert "One of the best customers" in page
    assert WHO not in page
