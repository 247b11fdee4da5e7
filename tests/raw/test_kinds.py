"""Ids, addresses and numbers come out in one form, or visibly unreadable."""

import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.errors import InputError
from reco.sources.base import Column

PRICE = {"price": Column(("Price",), kind="number"), "stock": Column(("Stock",), kind="number")}


def cells(*values: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([["Price", "Stock"], *([value, "1"] for value in values)])
    return text.getvalue()


def prices(reading) -> list[object]:
    return [row["price"] for row in reading.rows]


@pytest.mark.parametrize(
    ("sign", "written", "read"),
    [
        (".", "1,234.56", "1234.56"),
        (".", "1,23,456.7", "123456.7"),
        (".", "1'234'567.5", "1234567.5"),
        (".", "1 234.50", "1234.50"),
        (".", "$1,234.50", "1234.50"),
        (".", "-$5", "-5"),
        (".", "$-5", "-5"),
        (".", "USD 5.10", "5.10"),
        (".", "'-3", "-3"),
        (".", "−4", "-4"),
        (".", "+3", "3"),
        (".", ".5", "0.5"),
        (".", "5.", "5"),
        (".", "1.5e-3", "1.5e-3"),
        (".", "  7 ", "7"),
        (".", "1.234", "1.234"),
        (".", "", ""),
        (",", "1.234,56", "1234.56"),
        (",", "12,50 €", "12.50"),
        (",", "1 234,50", "1234.50"),
        (",", "1.234.567", "1234567"),
        (",", "-,5", "-0.5"),
        (",", "1.234", "1234"),
        (",", "1,234", "1.234"),
        (",", "7", "7"),
    ],
)
def test_a_number_is_read_by_the_sign_of_its_file(read_bytes, sign, written, read):
    assert prices(read_bytes(cells(written), PRICE, decimal=sign)) == [read]


@pytest.mark.parametrize("written", ["12,50", "n/a", "12 34", "5%", "1-2", "1.2.3", "--5", "(5)"])
def test_what_is_no_number_stays_as_it_is(read_bytes, written):
    assert prices(read_bytes(cells(written), PRICE, decimal=".")) == [written]


def test_what_others_would_still_read_as_a_number_is_kept_from_it(read_bytes):
    assert prices(read_bytes(cells("12.50"), PRICE, decimal=",")) == ["12.50 (expected with a decimal comma)"]
    assert prices(read_bytes(cells("1_000"), PRICE, decimal=".")) == ["1_000 (expected with a decimal point)"]


def test_the_sign_is_decided_once_for_all_columns_of_a_file(read_bytes):
    reading = read_bytes("Price;Stock\n1,234;'-3\n2;0,5\n7;1.000\n", PRICE)
    assert reading.rows == [
        {"price": "1.234", "stock": "-3"},
        {"price": "2", "stock": "0.5"},
        {"price": "7", "stock": "1000"},
    ]
    assert reading.file.decimal == ","
    assert read_bytes("Price,Stock\n1,2\n", PRICE).file.decimal == "."


def test_the_sign_that_more_numbers_speak_for_stands_and_the_others_are_unreadable(read_bytes):
    assert prices(read_bytes(cells("12,50", "9,90", "7.25"), PRICE)) == [
        "12.50",
        "9.90",
        "7.25 (expected with a decimal comma)",
    ]


@pytest.mark.parametrize("values", [("1,234",), ("1.234", "5.678"), ("12,50", "12.50")])
def test_numbers_that_can_be_read_two_ways_are_an_error_that_says_what_to_do(read_bytes, values):
    with pytest.raises(InputError, match=r"orders\.csv: numbers .*expected `decimal` in the settings of the source"):
        read_bytes(cells(*values), PRICE)


def test_json_has_a_decimal_point_where_nothing_speaks_against_it(read_bytes):
    assert prices(read_bytes('[{"Price": 1.234}, {"Price": "5.678"}]', PRICE, "a.json")) == ["1.234", "5.678"]


@settings(max_examples=60, deadline=None)
@given(
    numbers=st.lists(st.decimals(-(10**9), 10**9, places=2), min_size=1, max_size=10),
    comma=st.booleans(),
    grouped=st.booleans(),
)
def test_numbers_of_both_conventions_are_read_back(read_bytes, numbers, comma, grouped):
    texts = [f"{number:,.2f}" if grouped else f"{number:.2f}" for number in numbers]
    if comma:
        texts = [text.translate(str.maketrans(",.", ".,")) for text in texts]
    reading = read_bytes(cells(*texts), PRICE)
    assert prices(reading) == [f"{number:.2f}" for number in numbers]
    assert reading.file.decimal == ("," if comma else ".")


def test_an_id_loses_its_apostrophe_and_outer_spaces_only(read_bytes):
    asked = {"id": Column(("id",), kind="id")}
    reading = read_bytes("id,x\n'007,\n 1e5 ,\nO'Neil,\n'' ,\n-42,\n,\n", asked)
    assert [row["id"] for row in reading.rows] == ["007", "1e5", "O'Neil", "'", "-42", ""]


def test_no_address_is_kept_and_what_is_none_is_null(read_bytes):
    asked = {"email": Column(("Email",), kind="email")}
    reading = read_bytes("Email,x\n Buyer1@Example.COM ,1\nnot-an-email,2\n,3\n", asked)
    digest = "a21e87765fa9375c2c6588b7dfb64959c1b0b30a30f0761ce40cfbdc37a99811"
    assert [row["email"] for row in reading.rows] == [digest, None, None]
