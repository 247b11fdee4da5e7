"""Delimited text: what is written is what is read, and what is broken is refused by its line."""

import codecs
import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.errors import InputError
from reco.raw import delimited
from reco.sources.base import Column

AB = {"a": Column(("a",)), "b": Column(("b",))}


def refusals(reading) -> list[tuple[int, str]]:
    return [(one["line"], one["reason"]) for one in reading.refused]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_separator_and_line_end_is_understood(read_bytes, separator, end):
    text = end.join([f"x{separator}b{separator}a", f'1{separator}"two, or; more"{separator}3', ""])
    reading = read_bytes(text, AB)
    assert reading.rows == [{"a": "3", "b": "two, or; more"}]
    assert (reading.lines, reading.file.separator) == ([2], separator)


def test_the_separator_is_the_one_that_finds_most_columns(read_bytes):
    reading = read_bytes("a;b;x,y,z,v,w\n1;2;3,,,,\n", AB)
    assert (reading.rows, reading.file.separator) == ([{"a": "1", "b": "2"}], ";")


def test_a_line_that_tells_the_separator_is_no_header(read_bytes):
    reading = read_bytes("sep=|\r\na|b\r\n1|2\r\n", AB)
    assert (reading.rows, reading.lines) == ([{"a": "1", "b": "2"}], [3])


def test_a_separator_that_is_given_is_not_doubted(read_bytes):
    assert read_bytes("a:b\n1:2\n", AB, separator=":").rows == [{"a": "1", "b": "2"}]


def test_cells_keep_line_ends_quotes_formulas_and_markup(read_bytes):
    hostile = "=HYPERLINK(1),<script>alert(1)</script>"
    text = f'a,b\n"one\r\ntwo\nthree","say ""hi"""\n"{hostile}",0000-00-00 00:00:00\n'
    reading = read_bytes(text, AB)
    assert reading.rows == [
        {"a": "one\r\ntwo\nthree", "b": 'say "hi"'},
        {"a": hostile, "b": "0000-00-00 00:00:00"},
    ]
    assert reading.lines == [2, 5]


def test_blank_lines_are_skipped_and_counted(read_bytes):
    reading = read_bytes("\n\na,b\n\n1,2\n   \n3,4\n\n", AB)
    assert (reading.lines, reading.file.refused) == ([5, 7], 0)


@pytest.mark.parametrize(
    ("mark", "encoding", "told"),
    [
        (codecs.BOM_UTF8, "utf-8", "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
        (codecs.BOM_UTF32_LE, "utf-32-le", "utf-32"),
        (b"", "utf-8", "utf-8"),
        (b"", "utf-16-le", "utf-16-le"),
        (b"", "utf-16-be", "utf-16-be"),
        (b"", "cp1252", "cp1252"),
    ],
)
def test_encodings_are_told_apart(read_bytes, mark, encoding, told):
    reading = read_bytes(mark + "a,b\nKräuter,Café\n".encode(encoding), AB)
    assert (reading.rows, reading.file.encoding) == ([{"a": "Kräuter", "b": "Café"}], told)


def test_windows_characters_and_bytes_that_windows_lacks(read_bytes):
    assert read_bytes(b"a,b\n5 \x80,\x93x\x94\n", AB).rows == [{"a": "5 €", "b": "“x”"}]
    latin = read_bytes(b"a,b\n\x81,\xe9\n", AB)
    assert (latin.rows, latin.file.encoding) == ([{"a": "\x81", "b": "é"}], "latin-1")


def test_broken_bytes_in_utf_8_are_refused_and_not_read_as_another_encoding(read_bytes):
    reading = read_bytes("a,b\nKräuter,é\n".encode() + b"x\xff,1\n" + "ö,ü\n".encode(), AB)
    assert reading.rows == [{"a": "Kräuter", "b": "é"}, {"a": "ö", "b": "ü"}]
    assert refusals(reading) == [(3, delimited.NOT_TEXT)]


def test_a_file_cut_within_a_character_loses_its_last_row_only(read_bytes):
    reading = read_bytes("a,b\n1,2\n3,é".encode()[:-1], AB)
    assert (reading.rows, refusals(reading)) == ([{"a": "1", "b": "2"}], [(3, delimited.NOT_TEXT)])
    reading = read_bytes("\ufeffa,b\n1,2\n3,é".encode("utf-16-le")[:-1], AB)
    assert (reading.rows, refusals(reading)) == ([{"a": "1", "b": "2"}], [(3, delimited.NOT_TEXT)])


def test_a_row_with_a_zero_byte_is_refused(read_bytes):
    reading = read_bytes(b"a,b\n1,2\n3,x\0\n", AB)
    assert (reading.rows, refusals(reading)) == ([{"a": "1", "b": "2"}], [(3, delimited.NOT_TEXT)])


def test_an_encoding_that_is_given_is_not_doubted(read_bytes):
    assert read_bytes("a,b\nŁódź,ż\n".encode("cp1250"), AB, encoding="cp1250").rows == [{"a": "Łódź", "b": "ż"}]
    with pytest.raises(InputError, match=r"orders\.csv: is not utf-8 text"):
        read_bytes(b"a,b\n\xff,1\n", AB, encoding="utf-8")
    for unknown in ("nonsense", "zlib"):
        with pytest.raises(InputError, match="no encoding is called"):
            read_bytes(b"a,b\n", AB, encoding=unknown)


@pytest.mark.parametrize("content", [b"", b"\n\r\n  \n", codecs.BOM_UTF8])
def test_an_empty_file_is_an_error_and_a_header_alone_is_not(read_bytes, content):
    with pytest.raises(InputError, match=r"orders\.csv: is empty; expected the names of its columns"):
        read_bytes(content, AB)
    assert read_bytes("a,b", AB).rows == []


@pytest.mark.parametrize("content", [b"PK\x03\x04rest", b"%PDF-1.7", b"PAR1....", b"\x1f\x8b\x08"])
def test_a_file_that_is_no_text_is_called_what_it_is(read_bytes, content):
    with pytest.raises(InputError, match=r"orders\.csv: is .*; expected text"):
        read_bytes(content, AB)


def test_lines_with_too_many_or_too_few_values_are_refused(read_bytes):
    reading = read_bytes('a,b\n1\n1,2\n1,2,3\n"x\ny"\n3,4\n', AB)
    assert reading.lines == [3, 7]
    assert refusals(reading) == [
        (2, "1 value, expected 2"),
        (4, "3 values, expected 2"),
        (5, "1 value, expected 2 (lines 5 to 6)"),
    ]


def test_a_broken_quote_costs_its_own_line_only(read_bytes):
    reading = read_bytes('a,b\n1,"x"y\n3,4\n5,"open\n6,7\n8,"fine"\n', AB)
    assert reading.rows == [{"a": "3", "b": "4"}, {"a": "6", "b": "7"}, {"a": "8", "b": "fine"}]
    assert refusals(reading) == [(2, "a quote out of place"), (4, "a quote out of place")]


def test_a_quote_that_nothing_closes_costs_its_own_line_only(read_bytes):
    reading = read_bytes('a,b\n1,"open\n2,3\n4,5\n', AB)
    assert (reading.lines, refusals(reading)) == ([3, 4], [(2, "a quote that is not closed")])


@pytest.mark.parametrize("end", ["3", '3,"4', '"3'])
def test_a_file_cut_in_a_line_says_so(read_bytes, end):
    reading = read_bytes(f"a,b\n1,2\n{end}", AB)
    assert (reading.rows, refusals(reading)) == ([{"a": "1", "b": "2"}], [(3, "cut off")])


def test_a_last_line_without_an_end_is_whole_when_its_values_are(read_bytes):
    assert read_bytes("a,b\n1,2", AB).rows == [{"a": "1", "b": "2"}]


def test_a_large_cell_is_read_and_a_larger_one_refused(read_bytes):
    large, larger = "x" * 10_000_000, "y" * (delimited.LONGEST_CELL + 1)
    reading = read_bytes(f"a,b\n1,{large}\n2,{larger}\n3,4\n", AB)
    assert [row["b"] for row in reading.rows] == [large, "4"]
    assert refusals(reading) == [(3, "a cell of more than 16,777,216 characters")]
    assert len(reading.refused[0]["row"]) <= 500


def test_quotes_that_never_match_take_no_more_than_linear_time(read_bytes, monkeypatch):
    # each line closes the quote of the line before and opens another, so each start would read to the end
    monkeypatch.setattr(delimited, "AGAIN_AT_LEAST", 1000)
    text = "a,b\n1,2\n" + 'x",y,"\n' * 20_000
    reading = read_bytes(text, AB)
    assert reading.rows == [{"a": "1", "b": "2"}]
    assert reading.refused[-1]["reason"].endswith("to 20002)")
    assert reading.file.refused < 20


def test_headers_are_found_without_case_spaces_and_translation(read_bytes):
    asked = {
        "sku": Column(("Variant SKU", "SKU")),
        "related": Column(("[shop.related]",)),
        "weight": Column(("Weight (kg)",)),
        "absent": Column(("Nothing",)),
    }
    text = " variant sku ,WEIGHT (KG),Verwandt (neu) (Shop.Related)\nA,1.5,x; y\n"
    assert read_bytes(text, asked).rows == [{"sku": "A", "related": "x; y", "weight": "1.5", "absent": None}]


def test_of_two_headers_for_a_column_the_one_named_first_stands(read_bytes):
    asked = {"price": Column(("Variant Price", "Price"))}
    assert read_bytes("Price,Variant Price\n1,2\n", asked).rows == [{"price": "2"}]


def test_a_missing_column_is_named_with_what_was_found_and_no_address(read_bytes):
    asked = {"a": Column(("Order ID", "Id"), required=True)}
    with pytest.raises(InputError, match=r"orders\.csv: no column 'Order ID' or 'Id'; found: \*\*\*, Total"):
        read_bytes("buyer1@example.com,Total\n1,2\n", asked)


def test_a_header_that_stands_twice_matters_only_where_it_is_asked_for_and_differs(read_bytes):
    assert read_bytes("a,x,x,b\n1,2,3,4\n", AB).rows == [{"a": "1", "b": "4"}]
    assert read_bytes("a,b,a\n1,2,1\n3,4,3\n", AB).rows == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    with pytest.raises(InputError, match=r"orders\.csv: two columns are called 'a' and differ in line 3"):
        read_bytes("a,b,a\n1,2,1\n3,4,5\n", AB)


def test_an_address_column_is_known_by_its_content(read_bytes):
    asked = {"email": Column(("Email Address",), required=True, kind="email", by_content=True)}
    text = "Deine Adresse,Notiz\nbuyer1@example.com,x\nbuyer2@example.com,see buyer1@example.com\n"
    reading = read_bytes(text, asked)
    # SHA-256 of buyer1@example.com, by `printf buyer1@example.com | sha256sum`
    assert reading.rows[0]["email"] == "a21e87765fa9375c2c6588b7dfb64959c1b0b30a30f0761ce40cfbdc37a99811"
    with pytest.raises(InputError, match="none that holds e-mail addresses; found: Name, Notiz"):
        read_bytes("Name,Notiz\nx,y\n", asked)


def test_refused_rows_hide_addresses_and_long_numbers(read_bytes):
    text = "a,b\nbuyer1@example.com,+31 6 1234 5678,2026-11-24 10:00,12345,'2125550123\n"
    assert read_bytes(text, AB).refused[0]["row"] == "***,***,2026-11-24 10:00,12345,'***"


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
PLAIN = st.text("abcäöüéñ ,;|\t'\"=0\n\r", max_size=8)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_table_is_read_back_as_it_was_written(read_bytes, data):
    encoding = data.draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
    rows = data.draw(st.lists(st.tuples(*[PLAIN if encoding == "cp1252" else CELLS] * 2), max_size=12))
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    separator = data.draw(st.sampled_from(",;\t|"))
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b"])
    lines = []
    for row in rows:
        lines.append(_lines(text.getvalue()) + 1)
        writer.writerow(row)
    reading = read_bytes(text.getvalue().encode(encoding), AB)
    assert [tuple(row.values()) for row in reading.rows] == rows
    assert (reading.lines, reading.file.refused) == (lines, 0)


def _lines(text: str) -> int:
    """Line ends of all three kinds."""
    return text.count("\n") + text.count("\r") - text.count("\r\n")


CLEAN = b"a,b\n" + b"".join(b'%d,"caf\xc3\xa9 %d"\r\n' % (n, n) for n in range(20))


@settings(max_examples=100, deadline=None)
@given(
    cut=st.integers(0, len(CLEAN)),
    inserted=st.binary(max_size=6) | st.sampled_from([b'"', b"\r", b"\n", b",", b"\0"]),
    place=st.integers(0, len(CLEAN)),
    flipped=st.integers(1, 255),
)
def test_damage_gives_an_error_or_rows_and_refusals(read_bytes, cut, inserted, place, flipped):
    damaged = bytearray(CLEAN[:cut] or CLEAN)
    at = min(place, len(damaged) - 1)
    damaged[at] ^= flipped
    damaged[at:at] = inserted
    try:
        reading = read_bytes(bytes(damaged), AB)
    except InputError as error:
        assert "orders.csv" in str(error)
        return
    everything = sorted([*reading.lines, *(one["line"] for one in reading.refused)])
    assert len(set(everything)) == len(everything)
    assert all(isinstance(cell, str | None) for row in reading.rows for cell in row.values())
