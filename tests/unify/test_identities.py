"""Who is who: whatever the order of rows, nobody is two customers and no two are one for a tablet they share."""

import hashlib

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from reco.unify.identities import KINDS, Identities, resolve


def seen(*rows: tuple[str | None, str | None, str | None]) -> Identities:
    """What follows from rows of account, address and device."""
    return resolve(pd.DataFrame(rows, columns=list(KINDS), dtype=object))


def customers(identities: Identities) -> dict[tuple[str, str], str]:
    return {(row.kind, row.identifier): row.customer_id for row in identities.table.itertuples()}


def test_a_visitor_who_later_logs_in_is_one_customer_and_so_is_what_the_device_did_before():
    found = seen((None, None, "phone"), ("7", None, "phone"), (None, None, "laptop"))
    assert customers(found) == {
        ("account", "7"): "7",
        ("device", "phone"): "7",
        ("device", "laptop"): "device:laptop",
    }
    assert (found.joined_devices, found.shared_devices, found.anonymous_devices) == (1, 0, 1)


def test_a_device_on_which_two_customers_logged_in_joins_neither_of_them():
    found = seen(("7", None, "tablet"), ("8", None, "tablet"), ("7", None, "phone"))
    assert customers(found) == {
        ("account", "7"): "7",
        ("account", "8"): "8",
        ("device", "phone"): "7",
        ("device", "tablet"): "device:tablet",
    }
    assert (found.joined_devices, found.shared_devices, found.anonymous_devices) == (1, 1, 0)


def test_a_device_of_two_accounts_with_one_address_is_not_shared():
    found = seen(("7", "a1", None), ("12", "a1", None), ("7", None, "phone"), ("12", None, "phone"))
    assert set(customers(found).values()) == {"7"}
    assert (found.joined_accounts, found.shared_devices) == (1, 0)


def test_a_device_of_an_address_and_of_another_account_is_shared():
    found = seen((None, "a1", "tablet"), ("8", None, "tablet"))
    assert customers(found)["device", "tablet"] == "device:tablet"
    assert found.shared_devices == 1


def test_accounts_and_addresses_are_joined_along_a_chain():
    found = seen(("30", "a1", None), ("4", "a1", None), ("4", "b2", None), (None, "b2", "phone"), ("5", "c3", None))
    assert customers(found) == {
        ("account", "30"): "4",
        ("account", "4"): "4",
        ("account", "5"): "5",
        ("email", "a1"): "4",
        ("email", "b2"): "4",
        ("email", "c3"): "5",
        ("device", "phone"): "4",
    }
    assert found.joined_accounts == 1


def test_a_customer_is_called_by_the_shortest_and_then_least_account():
    assert set(customers(seen(("100", "a", None), ("21", "a", None), ("20", "a", None))).values()) == {"20"}


def test_a_customer_without_account_is_called_by_the_address():
    address = hashlib.sha256(b"buyer1@example.com").hexdigest()
    found = seen((None, address, "phone"))
    assert set(customers(found).values()) == {f"email:{address[:16]}"}


def test_a_shop_where_nobody_ever_logged_in_has_devices_only():
    found = seen((None, None, "phone"), (None, None, "laptop"))
    assert customers(found) == {("device", "laptop"): "device:laptop", ("device", "phone"): "device:phone"}
    assert found.anonymous_devices == 2


def test_of_nobody_nothing_is_known():
    assert len(seen().table) == 0
    assert len(seen((None, None, None)).table) == 0


#: Few names, so that rows often name the same; one name stands for an account, an address and a device at once.
names = st.none() | st.sampled_from(["1", "2", "3", "10", "x"])
many_rows = st.lists(st.tuples(names, names, names), max_size=12)


@given(many_rows, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_their_repetition_change_nothing(rows, random):
    shuffled = rows + rows[:3]
    random.shuffle(shuffled)
    one, other = seen(*rows), seen(*shuffled)
    pd.testing.assert_frame_equal(one.table, other.table)
    assert one[1:] == other[1:]


@given(many_rows)
def test_every_identifier_occurs_once_and_none_is_lost(rows):
    table = seen(*rows).table
    expected = {(kind, row[number]) for row in rows for number, kind in enumerate(KINDS) if row[number] is not None}
    assert sorted(zip(table["kind"], table["identifier"], strict=True)) == sorted(expected)
    assert table["customer_id"].notna().all()


@given(many_rows)
def test_what_stands_in_one_row_with_an_address_belongs_to_the_customer_of_that_address(rows):
    customer = customers(seen(*rows))
    for account, email, _ in rows:
        if account is not None and email is not None:
            assert customer["account", account] == customer["email", email]


def person_of(rows: list[tuple]) -> dict[tuple[str, str], int]:
    """Components of accounts and addresses by repeated union, the slow way."""
    person = {}
    for account, email, _ in rows:
        person |= {(kind, one): len(person) for kind, one in (("account", account), ("email", email))
                   if one is not None and (kind, one) not in person}  # fmt: skip
    for _ in rows:
        for account, email, _ in rows:
            if account is not None and email is not None:
                least = min(person["account", account], person["email", email])
                person["account", account] = person["email", email] = least
    return person


@given(many_rows)
def test_customers_are_the_connected_components_of_accounts_and_addresses_whatever_the_devices(rows):
    person, customer = person_of(rows), customers(seen(*rows))
    for one in person:
        for other in person:
            assert (customer[one] == customer[other]) == (person[one] == person[other])


@given(many_rows)
def test_a_device_belongs_to_the_one_customer_seen_on_it_or_to_nobody_else(rows):
    person, found = person_of(rows), seen(*rows)
    customer = customers(found)
    counts = {"shared": 0, "joined": 0, "alone": 0}
    for device in {row[2] for row in rows} - {None}:
        owners = {
            person[kind, one]
            for account, email, other in rows
            for kind, one in (("account", account), ("email", email))
            if other == device and one is not None
        }
        if len(owners) == 1:
            counts["joined"] += 1
            (owner,) = owners
            assert customer["device", device] in {customer[one] for one in person if person[one] == owner}
        else:
            counts["shared" if owners else "alone"] += 1
            assert customer["device", device] == f"device:{device}"
    assert counts == {
        "shared": found.shared_devices,
        "joined": found.joined_devices,
        "alone": found.anonymous_devices,
    }


def test_an_account_an_address_and_a_device_of_the_same_words_are_three_customers():
    found = seen(("7", None, None), (None, "7", None), (None, None, "7"))
    assert sorted(customers(found).values()) == ["7", "device:7", "email:7"]
