"""JSON: every object is a row, whatever it comes in; what is broken is refused and costs no other."""

import json
from typing import NamedTuple

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reco.errors import InputError
from reco.raw import documents
from reco.sources.base import Column

TEXT = pa.string()
ID = {"id": Column(("id",))}
NOTHING = {"sku": None, "price": None, "more": None}
ITEMS = pa.list_(pa.struct({"sku": TEXT, "price": TEXT, "more": pa.list_(TEXT)}))


def ids(reading) -> list[object]:
    return [row["id"] for row in reading.rows]


def refusals(reading) -> list[tuple[int, str]]:
    return [(one["line"], one["reason"]) for one in reading.refused]


@pytest.mark.parametrize(
    "text",
    [
        '{"id": 1}\n{"id": 2}\n',
        '{"id": 1}\r\n\r\n{"id": 2}',
        '[{"id": 1}, {"id": 2}]',
        '[\n  {"id": 1},\n  {"id": 2}\n]\n',
        '{"data": [{"id": 1}, {"id": 2}], "links": {"next": null}}',
        '{"links": {"id": 7}, "included": [{"id": 8}], "data": [{"id": 1}, {"id": 2}]}',
        '{"data": [{"id": 1}]}\n{"data": [{"id": 2}]}\n',
        '{\n "id": 1\n}\n{\n "id": 2\n}\n',
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_all_that_holds_objects_is_understood(read_bytes, text, name):
    assert ids(read_bytes(text, ID, name, records=("data",))) == ["1", "2"]


def test_lines_are_told_in_json_lines_and_numbers_of_records_in_documents(read_bytes):
    assert read_bytes('{"id": 1}\n\n{"id": 2}\n', ID, "a.jsonl").lines == [1, 3]
    assert read_bytes('[\n{"id": 1},\n\n{"id": 2}]', ID, "a.json").lines == [1, 2]


def test_one_object_is_one_record(read_bytes):
    assert ids(read_bytes('{\n"id": "x", "tags": ["a"]}', ID, "a.json", records=("data",))) == ["x"]


def test_empty_lists_have_no_rows_and_empty_files_are_an_error(read_bytes):
    for text in ("[]", '{"data": []}'):
        assert read_bytes(text, ID, "a.json", records=("data",)).rows == []
    for text in ("", " \n\n"):
        with pytest.raises(InputError, match=r"a\.json: is empty"):
            read_bytes(text, ID, "a.json")


def test_a_page_without_the_list_is_an_error_only_where_a_column_is_required(read_bytes):
    page = '{"data": [{"id": 1}], "links": {}}'
    assert read_bytes(page, ID, "a.json", records=("included",)).rows == []
    with pytest.raises(InputError, match="no list under 'included'; found: data, links"):
        read_bytes(page, {"id": Column(("id",), required=True)}, "a.json", records=("included",))


def test_a_required_column_that_no_record_has_is_an_error(read_bytes):
    asked = {"order": Column(("order_id", "order.id"), required=True)}
    with pytest.raises(InputError, match=r"no record has 'order_id' or 'order\.id'; found: id, total"):
        read_bytes('[{"id": 1, "total": 2}]', asked, "a.json")
    assert read_bytes('[{"x": 1}, {"order": {"id": 2}}]', asked, "a.json").rows == [{"order": None}, {"order": "2"}]
    assert read_bytes('[{"order_id": null}]', asked, "a.json").rows == [{"order": None}]


def test_dots_lead_into_objects_and_stand_in_names_too(read_bytes):
    asked = {
        "city": Column(("billing.city",)),
        "cost": Column(("$value.x/y",)),
        "flat": Column(("flat.name",)),
        "gone": Column(("billing.city.part",)),
    }
    text = '{"billing": {"city": "Oslo"}, "$value": {"x/y": 3}, "flat.name": "f", "flat": {"name": "deep"}}'
    assert read_bytes(text, asked, "a.json").rows == [{"city": "Oslo", "cost": "3", "flat": "f", "gone": None}]


def test_values_keep_their_digits_and_nothing_becomes_a_word(read_bytes):
    values = [
        "1.10",
        "12345678901234567890123",
        "0.12345678901234567890",
        "1e5",
        "-0.50",
        "true",
        "null",
        '"null"',
        "7",
    ]
    text = json.dumps([{"id": n} for n in range(len(values))])
    for n, value in enumerate(values):
        text = text.replace(f'"id": {n}}}', f'"id": {value}, "text": "say 1.50, [2.50] \\" 3.0e1"}}')
    reading = read_bytes(text, ID | {"text": Column(("text",))}, "a.json")
    assert ids(reading) == [*values[:6], None, "null", "7"]
    assert {row["text"] for row in reading.rows} == {'say 1.50, [2.50] " 3.0e1'}


def test_objects_and_lists_where_text_is_asked_for_stay_as_json(read_bytes):
    text = '[{"id": {"a": [1, 2.5, "x"]}}, {"id": [1]}, {"id": ""}]'
    assert ids(read_bytes(text, ID, "a.json")) == ['{"a":[1,2.5,"x"]}', "[1]", ""]


def test_nested_columns_are_lists_and_structs_of_texts(read_bytes):
    asked = {"items": Column(("items",), type=ITEMS)}
    items = '[{"sku": "A", "price": 9.90, "more": [1, "b"], "else": 1}, {"sku": null}, "text", null]'
    assert read_bytes(f'{{"items": {items}}}', asked, "a.json").rows == [
        {"items": [{"sku": "A", "price": "9.90", "more": ["1", "b"]}, NOTHING, NOTHING, None]}
    ]


@pytest.mark.parametrize("value", ['""', "null", "7", '{"sku": "A"}', '"[]"', "true"])
def test_a_value_of_another_kind_than_a_list_is_null(read_bytes, value):
    asked = {"items": Column(("items",), type=ITEMS)}
    assert read_bytes(f'[{{"items": {value}}}]', asked, "a.json").rows == [{"items": None}]


def test_addresses_are_hashed(read_bytes):
    asked = {"email": Column(("billing.email",), kind="email")}
    text = '[{"billing": {"email": " Buyer1@Example.com "}}, {"billing": ""}, {"billing": {"email": "none"}}]'
    assert [row["email"] for row in read_bytes(text, asked, "a.json").rows] == [
        "a21e87765fa9375c2c6588b7dfb64959c1b0b30a30f0761ce40cfbdc37a99811",
        None,
        None,
    ]


def test_a_bad_line_costs_itself_only(read_bytes):
    text = '{"id": 1}\n{"id": 2\n[3]\n4\n{"id": "\\ud800"}\n{"id": "\x01"}\n{"id": 5}\n{"id": 6'
    reading = read_bytes(text, ID, "a.jsonl")
    assert (ids(reading), reading.lines) == (["1", "5"], [1, 7])
    assert refusals(reading) == [
        (2, "not JSON"),
        (3, "no JSON object"),
        (4, "no JSON object"),
        (5, "not JSON"),
        (6, "not JSON"),
        (8, "cut off"),
    ]


def test_a_bad_first_line_does_not_hide_that_lines_are_records(read_bytes):
    text = '{"id": 0\n' + "".join(f'{{"id": {n}}}\n' for n in range(1, 9))
    for name in ("a.json", "a.jsonl"):
        reading = read_bytes(text, ID, name)
        assert (reading.lines, refusals(reading)) == (list(range(2, 10)), [(1, "not JSON")])


@pytest.mark.parametrize(
    ("text", "whole", "rest"),
    [
        ('[{"id": 1}, {"id": 2}, {"id": 3', ["1", "2"], '{"id": 3'),
        ('[{"id": 1}, {"id": "two', ["1"], '{"id": "two'),
        ('[{"id": 1},', ["1"], ""),
        ('[{"id": 1}', ["1"], ""),
        ('{"data": [{"id": 1}, {"id"', ["1"], '{"id"'),
        ('{"data": [{"id": 1}], "li', ["1"], '"li'),
    ],
)
def test_a_document_cut_in_the_middle_keeps_what_is_whole(read_bytes, text, whole, rest):
    reading = read_bytes(text, ID, "a.json", records=("data",))
    assert ids(reading) == whole
    assert [(one["line"], one["reason"], one["row"]) for one in reading.refused] == [(len(whole) + 1, "cut off", rest)]


def test_a_broken_element_costs_itself_where_its_end_can_be_seen(read_bytes):
    reading = read_bytes('[{"id": 1}, {"id" 2}, {"id": 3}, 4, {"id": 5}]', ID, "a.json")
    assert (ids(reading), reading.lines) == (["1", "3", "5"], [1, 3, 5])
    assert refusals(reading) == [(2, "not JSON"), (4, "no JSON object")]


def test_depth_is_no_danger(read_bytes):
    deep = "[" * 300_000 + "]" * 300_000
    lines = read_bytes(f'{{"id": {deep}}}\n{{"id": 2}}\n', ID, "a.jsonl")
    assert [len(str(one)) for one in ids(lines)] == [600_000, 1]
    document = read_bytes(f'[{{"id": {deep}}}, {{"id": 2}}]', ID, "a.json")
    assert (ids(document), refusals(document)) == (["2"], [(1, "nested too deeply")])


def test_an_integer_of_many_digits_is_no_danger(read_bytes):
    digits = "9" * 5000
    assert ids(read_bytes(f'[{{"id": {digits}}}]', ID, "a.json")) == [digits]


def test_documents_are_read_in_small_parts(read_bytes, monkeypatch):
    monkeypatch.setattr(documents, "PART", 7)
    records = [{"id": n, "text": 'é"\\ ] } [', "list": [1.5, {"a": None}]} for n in range(50)]
    page = json.dumps({"first": {"a": [1]}, "data": records, "last": 1234567}, indent=1)
    reading = read_bytes(page, ID | {"text": Column(("text",))}, "a.json", records=("data",))
    assert [(row["id"], row["text"]) for row in reading.rows] == [(str(n), 'é"\\ ] } [') for n in range(50)]


def test_json_that_is_utf_16_or_not_utf_8_is_decoded(read_bytes):
    assert ids(read_bytes('[{"id": "é"}]'.encode("utf-16"), ID, "a.json")) == ["é"]
    assert ids(read_bytes('{"id": "é"}\n'.encode("cp1252"), ID, "a.jsonl")) == ["é"]
    reading = read_bytes('{"id": "éé"}\n'.encode() + b'{"id": "\xff"}\n', ID, "a.jsonl")
    assert (ids(reading), [line for line, _ in refusals(reading)]) == (["éé"], [2])


class Number(NamedTuple):
    """A number as JSON writes it."""

    digits: str


def written(value: object) -> str:
    """JSON with numbers as they are."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {written(one)}" for key, one in value.items()) + "}"
    return value.digits if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def as_text(value: object) -> str | None:
    """What a raw table keeps of a value."""
    return value if isinstance(value, str | None) else written(value)


SAFE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
FRACTIONS = st.just("") | st.text("0123456789", min_size=1, max_size=25).map(".{}".format)
NUMBERS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-"]),
    st.integers(0, 10**26),
    FRACTIONS,
    st.sampled_from(["", "e5", "E-7", "e+12"]),
)
SCALARS = st.none() | st.booleans() | SAFE | NUMBERS.map(Number)


@settings(max_examples=80, deadline=None)
@given(
    records=st.lists(st.fixed_dictionaries({}, optional={"a": SCALARS, "b": SCALARS}), max_size=8),
    shape=st.sampled_from(["lines", "list", "page"]),
)
def test_any_objects_are_read_back(read_bytes, records, shape):
    texts = [written(record) for record in records]
    text = {
        "lines": "".join(f"{one}\n" for one in texts) or "[]",
        "list": f"[{', '.join(texts)}]",
        "page": f'{{"data": [{", ".join(texts)}]}}',
    }[shape]
    asked = {"a": Column(("a",)), "b": Column(("b",))}
    reading = read_bytes(text, asked, "a.json", records=("data",))
    assert reading.rows == [{"a": as_text(one.get("a")), "b": as_text(one.get("b"))} for one in records]
    assert (reading.lines, reading.refused) == (list(range(1, len(records) + 1)), [])


WHOLE = json.dumps([{"id": n, "items": [{"sku": "é", "price": 1.5}]} for n in range(12)], ensure_ascii=False)
FORMS = [WHOLE.encode(), "\n".join(json.dumps(one) for one in json.loads(WHOLE)).encode()]


@settings(max_examples=100, deadline=None)
@given(
    form=st.sampled_from(FORMS),
    cut=st.integers(1, 800),
    inserted=st.binary(max_size=6) | st.sampled_from([b'"', b"{", b"]", b",", b"\\"]),
    place=st.integers(0, 800),
    flipped=st.integers(1, 255),
)
def test_damage_gives_an_error_or_rows_and_refusals(read_bytes, form, cut, inserted, place, flipped):
    damaged = bytearray(form[:cut])
    at = min(place, len(damaged) - 1)
    damaged[at] ^= flipped
    damaged[at:at] = inserted
    asked = ID | {"items": Column(("items",), type=ITEMS)}
    try:
        reading = read_bytes(bytes(damaged), asked, "a.json")
    except InputError as error:
        assert "a.json" in str(error)
        return
    everything = sorted([*reading.lines, *(one["line"] for one in reading.refused)])
    assert len(set(everything)) == len(everything)
