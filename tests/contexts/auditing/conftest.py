"""The corner shop, what the auditor knows of it, and what it counts."""

from collections.abc import Callable

import pandas as pd
import pytest

from reco import Workbook
from reco.contexts.auditing.case import Case
from reco.contexts.auditing.facts import Facts, facts
from reco.contexts.auditing.tables import look
from tests.contexts.auditing.corner import UNTIL, corner_shop, requests


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workbook:
    return corner_shop(tmp_path_factory.mktemp("corner"))


@pytest.fixture(scope="session")
def known(shop: Workbook) -> Facts:
    return facts(shop, UNTIL, shop.settings.rules)


@pytest.fixture(scope="session")
def broken(shop: Workbook, known: Facts) -> Callable[..., dict[str, int]]:
    """A function: what the auditor counts, by rule, without zeros; with other rules, facts or requests where given."""

    def count(slates: pd.DataFrame, rules: dict | None = None, column: str = "violations", **more) -> dict[str, int]:
        name = more.pop("context", "cart")
        asked = more.pop("requests", requests(name))
        changed = shop.settings.rules.changed(**rules or {})
        facts_ = more.pop("facts", known)
        context = shop.settings.contexts[name].model_copy(update=more)
        table = look(Case.of(name, context, changed, facts_, *asked, slates))
        return {rule: int(found) for rule, found in zip(table["rule"], table[column], strict=True) if found}

    return count
