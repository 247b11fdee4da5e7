"""Every mistake in the settings is blamed on its file, line and key, or on its environment variable."""

import re
from pathlib import Path

import pytest
import yaml

from reco import Workbook
from reco.errors import InputError
from reco.settings import find, load
from reco.sources import SOURCES

ROOT = Path(__file__).resolve().parents[1]
DEFAULT = (ROOT / "workbook.yaml").read_text()


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A function that loads the default settings with one text replaced by another; it starts in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def write(old: str = "", new: str = "", whole: str | bytes = DEFAULT):
        if old:
            assert whole.count(old), f"{old!r} is not in the default settings"
            whole = whole.replace(old, new, 1)
        (tmp_path / "workbook.yaml").write_bytes(whole if isinstance(whole, bytes) else whole.encode())
        return load()

    return write


def line_of(text: str) -> int:
    """Number of the first line of the default settings that holds `text`."""
    return next(number for number, line in enumerate(DEFAULT.splitlines(), 1) if text in line)


def refused(write, *arguments, **options) -> str:
    with pytest.raises(InputError) as caught:
        write(*arguments, **options)
    return str(caught.value)


def test_default_settings_load_from_a_folder_below():
    settings = load(ROOT / "workbook.yaml")
    assert (settings.store.name, settings.file, settings.root) == ("complete_journey", ROOT / "workbook.yaml", ROOT)
    assert settings.hybrid.weights == {"collaborative": 0.5, "content": 0.3, "rules": 0.2}


def test_file_is_found_in_the_folders_above(written, tmp_path, monkeypatch):
    written()
    (tmp_path / "notebooks" / "explore").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks" / "explore")
    assert find("workbook.yaml") == (tmp_path / "workbook.yaml").resolve()


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        (  # an unknown key of a section
            "currency: USD",
            "currency: USD\n  colour: red",
            line_of("currency: USD") + 1,
            "store.colour: unknown key; expected one of name, title, path, time_zone, currency",
        ),
        (  # of a source, which has its own keys
            "- kind: complete_journey",
            "- {kind: complete_journey, colour: red}",
            line_of("- kind"),
            "sources.0.colour: unknown key; expected one of kind, .*households",
        ),
        (  # of the source of the experiment
            "campaign: all}",
            "campain: all}",
            line_of("campaign: all"),
            "experiments.source.campain: unknown key; expected one of kind, path, campaign",
        ),
        (  # three levels down, in a list
            "{title: Similar products, model: tfidf}",
            "{title: Similar products, model: tfidf, size: 3}",
            line_of("Similar products"),
            "contexts.product_page.strategies.2.size: unknown key; expected one of title, kind, model, by",
        ),
        (
            "- kind: complete_journey",
            "- kind: magento",
            line_of("- kind"),
            f"sources.0.kind: expected one of {', '.join(SOURCES)}, found 'magento'",
        ),
        (
            "- kind: complete_journey",
            "- path: x.csv",
            line_of("- kind"),
            f"sources.0: its kind is missing; expected one of {', '.join(SOURCES)}$",
        ),
        (
            "min_customers: 10",
            "min_customers: ten",
            line_of("min_customers"),
            "catalogue.min_customers: Input should be a valid integer, unable to parse string as an integer, "
            "found 'ten'",
        ),
        (
            "attribution_days: 7",
            "attribution_days: 0",
            line_of("attribution_days"),
            "kpis.attribution_days: Input should be greater than or equal to 1, found 0",
        ),
        (
            "implementation_cost: 5000",
            "implementation_cost: .inf",
            line_of("implementation_cost"),
            "kpis.implementation_cost: Input should be a finite number, found inf",
        ),
        (
            "implementation_cost: 5000",
            "implementation_cost: .nan",
            line_of("implementation_cost"),
            "kpis.implementation_cost: Input should be a finite number, found nan",
        ),
        (  # YAML 1.1 reads an unquoted NO as false
            "currency: USD",
            "currency: NO",
            line_of("currency"),
            "store.currency: Input should be a valid string, found False",
        ),
        ("models: {}", "models: {als: }", line_of("models:"), "models.als: .* dictionary, found nothing"),
        ("  - kind:", "  kind:", line_of("sources:"), "sources: Input should be a valid list, found a mapping"),
        ("    title: Shopping cart\n", "", line_of("  cart:"), "contexts.cart.title: this key is missing"),
        (  # a missing key of the whole file
            "kpis:",
            "monitoring_too:",
            line_of("store:"),
            "kpis: this key is missing",
        ),
        (
            "time_zone: America/New_York",
            "time_zone: America/New_Yorck",
            line_of("time_zone"),
            "store.time_zone: expected an IANA time zone such as Europe/London, found 'America/New_Yorck'",
        ),
        (
            "collaborative: 0.5",
            "collaborative: 0.6",
            line_of("hybrid:"),
            "hybrid: expected weights that add up to 1, found 1.1$",
        ),
        (
            "parts: {collaborative: ease, content: tfidf, rules: association_rules}",
            "parts: {collaborative: ease, content: tfidf}",
            line_of("hybrid:"),
            "hybrid: expected the same keys in parts and weights$",
        ),
        (
            "parts: {collaborative: ease",
            "parts: {collaborativ: ease",
            line_of("parts:"),
            "hybrid.parts.collaborativ: Input should be 'collaborative', 'content' or 'rules', found 'collaborativ'",
        ),
        (
            "collaborative: ease",
            "collaborative: eas",
            line_of("parts:"),
            "hybrid.parts.collaborative: no such model; expected one of .*ease.*, found 'eas'",
        ),
        (
            "collaborative: ease",
            "collaborative: personalize",
            line_of("parts:"),
            "hybrid.parts.collaborative: was trained elsewhere and cannot learn other weeks; expected a model that is",
        ),
        (
            "model: tfidf}",
            "model: tfidv}",
            line_of("model: tfidf}"),
            "contexts.product_page.strategies.2.model: no such model; expected one of .*trending.*, found 'tfidv'",
        ),
        (  # what takes a strategy's place
            "instead: {title: Customers also bought, model: item_knn}",
            "instead: {title: Customers also bought, model: item_knm}",
            line_of("Customers also bought"),
            "contexts.product_page.strategies.0.instead.model: no such model; expected one of .*, found 'item_knm'",
        ),
        (
            "kind: upgrade",
            "kind: upgraid",
            line_of("kind: upgrade"),
            "contexts.cart.strategies.1.kind: Input should be 'model', .*, found 'upgraid'",
        ),
        (
            "{title: Similar products, model: tfidf}",
            "{title: Similar products}",
            line_of("Similar products"),
            "contexts.product_page.strategies.2: expected a model for a strategy of kind model$",
        ),
        (
            ", file: data/staff_picks.csv}",
            "}",
            line_of("Staff picks"),
            "contexts.homepage.strategies.3: expected a file of product ids for a strategy of kind curated$",
        ),
        (
            "min_size: 2\n    size: 4",
            "min_size: 5\n    size: 4",
            line_of("min_size: 2"),
            "contexts.cart.min_size: expected at most the size of 4, found 5",
        ),
        (
            "min_categories: {least: 3}",
            "min_categoriez: {least: 3}",
            line_of("min_categories:"),
            "rules.min_categoriez: unknown key; expected one of consent, banned, .*min_categories",
        ),
        (
            "min_categories: {least: 3}",
            "min_categories: {lest: 3}",
            line_of("min_categories:"),
            "rules.min_categories.lest: unknown key; expected one of least",
        ),
        (
            "pinned: {places: {}}",
            "pinned: {places: {chekout: {x: 1}}}",
            line_of("pinned:"),
            "rules.pinned.places.chekout: no such context; expected one of product_page, .*, found 'chekout'",
        ),
        (
            "title: We miss you, context: email",
            "title: We miss you, context: mail",
            line_of("We miss you"),
            "sending.mails.win_back.context: no such context; expected one of product_page, .*, found 'mail'",
        ),
        ("models: {}", "models: {alz: {}}", line_of("models:"), "models.alz: no model 'alz'; expected one of .*als"),
        (
            "models: {}",
            "models:\n  als:\n    factor: 64",
            line_of("models:") + 1,
            "models.als: model 'als' has no option 'factor'; expected one of factors",
        ),
        (  # the hybrid knows customers, not baskets
            "{title: Goes with your cart, model: item_knn}",
            "{title: Recommended for you, model: hybrid}",
            line_of("  abandoned_cart:"),
            "contexts.abandoned_cart: strategy 'Recommended for you': .* expected by: customer$",
        ),
        (
            "currency: USD",
            "currency: USD\n  currency: EUR",
            line_of("currency") + 1,
            f"key 'currency' stands twice .first on line {line_of('currency')}.",
        ),
        (
            "- kind: complete_journey",
            "- {kind: complete_journey, households: 0}",
            line_of("- kind"),
            "sources.0.households: .*found 0",
        ),
    ],
)
def test_a_mistake_is_named_with_file_line_and_key(written, old, new, line, message):
    found = refused(written, old, new)
    first = re.search(f"^workbook.yaml:{line}: .*", found, re.MULTILINE)
    assert first, found
    assert re.search(f"workbook.yaml:{line}: (.*: )?{message}", found), found


TABULAR = """\
- kind: tabular
    path: orders.csv
    tables:
      order_lines:
        order_id: Order
        product_id: SKU
        ordered_at: Date
        quantity: Qty
        unit_price: Price
        email: Email
      events: {event: Action, occurred_at: At, position: Place}
      customers: {email: Email, email_consent: Newsletter}
    values:
      events:
        event: {bought: purchase}
    constants:
      customers:
        personalization_consent: true
    time_format: ["%d.%m.%Y", unix]
"""


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("events: {", "visits: {", 10,
         "tables.visits: no unified table of that name; expected one of customers, .*events"),
        ("        quantity: Qty", "        qty: Qty", 7,
         "tables.order_lines.qty: no such column; expected one of order_id"),
        # without a key every row would be set aside
        ("        quantity: Qty\n", "", 3, "tables.order_lines: expected a column for quantity$"),
        ("        unit_price: Price\n", "", 3, "tables.order_lines: expected a column for revenue or unit_price$"),
        ("customers: {email: Email", "customers: {country: Land", 11,
         "tables.customers: expected a column for customer_id or email or device_id$"),
        ("        event: {bought", "        query: {bought", 14,
         "values.events.query: expected a column that is mapped under tables$"),
        ("      events:\n", "      clicks:\n", 14,
         "values.clicks.event: expected a column of a table that is mapped under tables$"),
        ("        event: {bought: purchase}", "        event: {yes: purchase}", 14,
         "values.events.event.*: Input should be a valid string, found True"),
        ("personalization_consent: true", "colour: red", 17,
         "constants.customers.colour: expected a column of a table"),
        ("personalization_consent: true", "personalization_consent: maybe", 17,
         "constants.customers.personalization_consent: expected yes or no, found 'maybe'"),
        ("      customers:\n        personalization_consent: true", "      order_lines:\n        discount: 1,5", 17,
         "constants.order_lines.discount: expected a number, found '1,5'"),
        # an address would be kept as it stands
        ("product_id: SKU", "product_id: email", 5,
         "tables.order_lines.product_id: found 'email', which is mapped to email, too, and kept as a hash only; "
         "expected another column, or none$"),
        ("personalization_consent: true", "email: buyer1@example.com", 17,
         "constants.customers.email: expected no words"),
        ("      events:\n        event: {bought: purchase}",
         "      customers:\n        email: {none: buyer1@example.com}", 14,
         "values.customers.email: expected no words for addresses"),
        ("%d.%m.%Y", "%Q", 18, "time_format: time format '%Q': %Q is not known; expected %Y, .*"),
        ("%d.%m.%Y", "%H:%M", 18, "time_format: expected a time format with a year, a month and a day, such as"),
        ("    path: orders.csv\n", "    path: []\n", 1, "path: Value should have at least 1 item"),
        ("    path: orders.csv\n", "    path: orders.csv\n    separator: ', '\n", 2,
         "separator: String should have at most 1 character, found ', '"),
        ("    path: orders.csv\n", "    path: orders.csv\n    decimal: '.,'\n", 2,
         "decimal: Input should be '.' or ',', found '.,'"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_mapping_is_named_with_its_very_line_and_key(written, old, new, line, message):
    assert written("- kind: complete_journey\n", TABULAR).sources[0].time_format == ("%d.%m.%Y", "unix")
    assert TABULAR.count(old) == 1
    found = refused(written, "- kind: complete_journey\n", TABULAR.replace(old, new))
    assert re.search(f"^workbook.yaml:{line_of('- kind') + line}: sources.0.{message}", found, re.MULTILINE), found


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        ("", "workbook.yaml:1: expected a mapping of settings, found NoneType"),
        ("- store", "workbook.yaml:1: expected a mapping of settings, found list"),
        ("store:\n  name: a: b\n", "workbook.yaml:2: not readable as YAML (mapping values are not allowed here)"),
        ("store:\n\tname: x\n", "workbook.yaml:2: not readable as YAML (found character '\\t' that cannot start"),
        ("store: [\n", "workbook.yaml:2: not readable as YAML"),
        ("? [a, b]\n: 1\n", "workbook.yaml:1: not readable as YAML (found unhashable key)"),
        (b"store: caf\xe9\n", "workbook.yaml: not readable as YAML ('utf-8' codec can't decode"),
    ],
)
def test_a_file_that_is_no_settings(written, whole, message):
    assert refused(written, whole=whole).startswith(message)


def test_every_mistake_is_told_at_once(written):
    found = refused(written, "attribution_days: 7", "attribution_days: no\n  implementation: 1")
    assert re.findall(r"workbook.yaml:\d+: (\S+):", found) == ["kpis.attribution_days", "kpis.implementation"]


def test_a_missing_file_is_named_with_the_place_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert refused(load, "shop.yaml") == f"shop.yaml: no such settings file in {tmp_path} or above it"


def test_bad_settings_write_nothing(written, tmp_path):
    refused(written, "currency: USD", "currency: dollars")
    with pytest.raises(InputError, match=r"store\.currency"):
        Workbook.load(tmp_path / "workbook.yaml")
    assert [path.name for path in tmp_path.rglob("*")] == ["workbook.yaml"]


def test_rules_hold_in_the_order_of_the_file(written):
    rules = written("  in_stock:", "  brand_cap:\n  in_stock:").rules
    assert rules.order[:4] == ("consent", "banned", "brand_cap", "in_stock")
    assert rules.order[-1] == "reset"
    assert rules.brand_cap.most == 3
    assert rules.category_cap is None
    assert [rule.kind for rule in rules.declared()] == list(rules.order)


def test_without_rules_the_usual_ones_hold(written):
    whole = DEFAULT[: DEFAULT.index("rules:  ")] + DEFAULT[DEFAULT.index("sending:  ") :]
    assert written(whole=whole).rules.order == ("consent", "not_bought_within", "min_categories", "fallback")


def test_the_order_of_rules_is_part_of_what_results_depend_on(written):
    first = written().rules.model_dump(mode="json")
    other = written("  consent: {}\n", "").rules.changed(consent={}).model_dump(mode="json")
    assert first != other
    assert {**first, "order": sorted(first["order"])} == {**other, "order": sorted(other["order"])}


def test_environment_overrides_a_rule_and_keeps_the_order(written, monkeypatch):
    before = written().rules
    monkeypatch.setenv("RECO_RULES__MIN_CATEGORIES__LEAST", "2")
    after = written().rules
    assert after.min_categories.least == 2
    assert after.order == before.order


def test_loaded_settings_do_not_change(written):
    with pytest.raises(ValueError, match="frozen"):
        written().kpis.implementation_cost = 1


@pytest.mark.parametrize("name", ["RECO_KPIS__IMPLEMENTATION_COST", "reco_kpis__implementation_cost"])
def test_environment_overrides_one_value_and_keeps_its_neighbours(written, monkeypatch, name):
    monkeypatch.setenv(name, "30000")
    kpis = written().kpis
    assert (kpis.implementation_cost, kpis.attribution_days) == (30000, 7)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("RECO_KPIS__IMPLEMENTATION_COST", "much", "kpis.implementation_cost: .*found 'much'"),
        ("reco_kpis__implementation_cost", "-1", "kpis.implementation_cost: .*greater than 0, found '-1'"),
        ("RECO_STORE__TIME_ZONE", "Mars", "store.time_zone: .*found 'Mars'"),
        ("RECO_HYBRID__PARTS__COLLABORATIVE", "eas", "hybrid.parts.collaborative: no such model"),
        ("RECO_HYBRID__WEIGHTS__COLLABORATIVE", "0.6", "hybrid: expected weights that add up to 1, found 1.1"),
        ("RECO_KPIS", '{"implementation_cost": 0}', "kpis.implementation_cost: .*greater than 0, found 0"),
        ("RECO_KPIS", "much", "not readable as JSON"),
        ("RECO_KPIS__COST", "5", "kpis.cost: unknown key; expected one of attribution_days"),
        ("RECO_KPI__IMPLEMENTATION_COST", "5", "no section 'kpi'; expected one of store, .*kpis"),
        ("RECO_SOURCES__0__HOUSEHOLDS", "5", "sources: Input should be a valid list"),
    ],
)
def test_a_bad_environment_is_blamed_on_the_variable(written, monkeypatch, name, value, message):
    monkeypatch.setenv(name, value)
    found = refused(written)
    assert re.match(f"environment variable {name}: {message}", found), found


def test_parts_of_the_hybrid_can_be_left_out(written):
    hybrid = written(
        "  parts: {collaborative: ease, content: tfidf, rules: association_rules}\n"
        "  weights: {collaborative: 0.5, content: 0.3, rules: 0.2}",
        "  parts: {collaborative: als, content: tfidf}\n  weights: {collaborative: 0.6, content: 0.4}",
    ).hybrid
    assert hybrid.parts == {"collaborative": "als", "content": "tfidf"}


def test_environment_reaches_a_section_that_the_file_leaves_out(written, monkeypatch):
    monkeypatch.setenv("RECO_SPLIT__TEST_WEEKS", "2")
    split = written("split:   ", "#split:   ", DEFAULT.replace("  validation_weeks: 4\n  test_weeks: 4\n", "")).split
    assert (split.validation_weeks, split.test_weeks) == (4, 2)


def test_variables_of_others_are_left_alone(written, monkeypatch):
    monkeypatch.setenv("RECO_SERVICE_HOST", "10.0.0.1")  # what Kubernetes sets for a service called reco
    assert written().store.name == "complete_journey"


def test_paths_start_at_the_settings_file(written, tmp_path):
    settings = written("path: data/store ", "path: elsewhere ")
    assert Workbook(settings).folder == tmp_path / "elsewhere" / "complete_journey"


def test_the_sample_of_the_tests_is_valid_settings(sample_settings, tmp_path):
    (tmp_path / "sample.yaml").write_text(yaml.safe_dump(sample_settings))
    assert load(tmp_path / "sample.yaml").sources[0].households == 300


def test_the_examples_of_the_readme_are_valid_settings(tmp_path):
    section = (ROOT / "README.md").read_text().partition("## Your own data")[2].partition("## ")[0]
    lines = [line[4:] for line in section.splitlines() if line.startswith("    ") and "reco " not in line]
    kpis = yaml.safe_dump({"kpis": yaml.safe_load(DEFAULT)["kpis"]})
    (tmp_path / "my_shop.yaml").write_text("\n".join([*lines, kpis]))
    found = load(tmp_path / "my_shop.yaml")
    assert [source.kind for source in found.sources] == ["shopify", "ga4", "klaviyo", "tabular"]
