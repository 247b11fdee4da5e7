"""A customer without personalization consent counts in totals and is recommended nothing personal."""

import pandas as pd
import pytest
import yaml

from reco import Workbook
from reco.contexts.requests import refused_mail, standing_requests
from reco.contexts.slates import make_slates
from reco.pipeline import history, sold

UNTIL = pd.Timestamp("2024-03-01", tz="UTC")
CONTEXT = {"title": "Place", "size": 2, "strategies": [{"title": "Popular", "model": "trending"}]}


@pytest.fixture
def shop(open_shop, tmp_path):
    """Five customers with two orders each; eve said no to personalization, dan to mail, the others said nothing."""
    lines = [
        f"{name}{day},{name},{product},2024-0{day}-05,1,2"
        for name in ("ann", "bob", "cyd", "dan", "eve")
        for day, products in ((1, ("jam", "tea")), (2, ("oil", "tea")))
        for product in products
    ]
    wb = open_shop("order,customer,product,time,quantity,price\n" + "\n".join(lines) + "\n")
    (tmp_path / "customers.csv").write_text("id,personal,mail\neve,no,yes\ndan,yes,no\nann,,\n")
    settings = yaml.safe_load(wb.settings.file.read_text())
    tables = {"customers": {"customer_id": "id", "personalization_consent": "personal", "email_consent": "mail"}}
    settings["sources"].append({"kind": "tabular", "path": "customers.csv", "tables": tables})
    settings["catalogue"] = {"min_customers": 1}
    settings["contexts"] = {
        "homepage": {**CONTEXT, "channel": "on_site", "anchor": "customer"},
        "cart": {**CONTEXT, "channel": "on_site", "anchor": "basket"},
        "email": {**CONTEXT, "channel": "email", "anchor": "customer"},
    }
    wb.settings.file.write_text(yaml.safe_dump(settings))
    return Workbook.load(wb.settings.file)


def asking(wb: Workbook, context: str) -> list[str]:
    return sorted(standing_requests(wb, context, UNTIL).frame["customer_id"])


def test_their_orders_count_in_totals_but_no_model_learns_from_them(shop):
    assert shop.table("order_lines").customer_id.nunique().execute() == 5
    assert sorted(history(shop, UNTIL).users) == ["ann", "bob", "cyd", "dan"]
    assert sold(shop).filter(lambda lines: lines.customer_id == "eve").count().execute() == 0


def test_they_see_a_homepage_of_what_is_popular_and_no_slate_made_of_their_own_basket(shop):
    assert asking(shop, "homepage") == ["ann", "bob", "cyd", "dan", "eve"]
    assert asking(shop, "cart") == ["ann", "bob", "cyd", "dan"]
    requests = standing_requests(shop, "homepage", UNTIL)
    slates = make_slates(shop, "homepage", requests, UNTIL).frame
    assert len(slates[slates["customer_id"] == "eve"]) > 0


def test_nobody_who_refused_mail_is_sent_any(shop):
    assert refused_mail(shop).tolist() == ["dan"]
    assert asking(shop, "email") == ["ann", "bob", "cyd", "eve"]


def test_silence_counts_as_the_settings_say(shop):
    settings = yaml.safe_load(shop.settings.file.read_text())
    settings["privacy"] = {"without_consent": "not_personal"}
    shop.settings.file.write_text(yaml.safe_dump(settings))
    assert history(Workbook.load(shop.settings.file), UNTIL).users.tolist() == ["dan"]
