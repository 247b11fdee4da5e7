"""Real impressions. Counts of the sample: zr-obp, obd/README.md, and the files of the wheel obp 0.4.1."""

from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from reco import Workbook, raw
from reco.engines import ENGINES
from reco.errors import InputError
from reco.sources import open_bandit
from reco.sources.base import Shop
from reco.store import SCHEMAS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def read(tmp_path):
    """A function that gives the impressions of one campaign as a frame."""

    def impressions(root: Path = ROOT, **options) -> pd.DataFrame:
        settings, engine = open_bandit.Settings(kind="open_bandit", **options), ENGINES["duckdb"]
        described = open_bandit.raw_tables(settings)
        connection = engine.connect(None)
        files = raw.read("open_bandit", described, root, tmp_path / "raw")
        tables = raw.tables(files, described, connection, engine)
        return connection.to_pandas(open_bandit.unify(tables, settings, Shop("Asia/Tokyo", "JPY"))["impressions"])

    return impressions


@pytest.mark.parametrize(
    ("campaign", "random", "bts"),  # clicks on 10,000 impressions of each policy
    [("all", 38, 42), ("men", 46, 69), ("women", 46, 46)],
)
def test_impressions_and_clicks_of_each_policy(read, campaign, random, bts):
    log = read(campaign=campaign)
    by = log.groupby("variant")["clicked"].agg(["size", "sum"])
    assert by["size"].to_dict() == {"random": 10_000, "bts": 10_000}
    assert by["sum"].to_dict() == {"random": random, "bts": bts}


def test_the_whole_file_is_the_three_campaigns():
    assert pq.read_metadata(ROOT / "data" / "open_bandit.parquet").num_rows == 60_000


def test_columns_are_those_of_impressions_and_nothing_is_called_simulated(read):
    log = read()
    assert log.columns.tolist() == SCHEMAS["impressions"].names
    assert not log["simulated"].any()
    assert log["impression_id"].is_unique
    assert set(log["position"]) == {1, 2, 3}
    assert log["propensity"].between(0, 1, inclusive="right").all()
    assert log["shown_at"].dt.strftime("%Y-%m").unique().tolist() == ["2019-11"]


def test_random_shows_each_of_80_items_with_equal_chance(read):
    log = read(campaign="all")
    random = log[log["variant"] == "random"]
    assert random["product_id"].nunique() == 80
    assert random["propensity"].tolist() == pytest.approx([1 / 80] * len(random))


def test_reading_twice_numbers_impressions_alike(read):
    assert read().sort_values("impression_id").equals(read().sort_values("impression_id"))


def test_a_missing_or_garbled_file_is_named(read, tmp_path):
    with pytest.raises(InputError, match=r"data/open_bandit\.parquet: no such file"):
        read(tmp_path)
    (tmp_path / "log.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(InputError, match=r"log\.parquet: cannot be read as Parquet"):
        read(tmp_path, path="log.parquet")


def test_a_shop_s_own_log_is_accounted_for_campaign_by_campaign(open_shop):
    wb = open_shop(None)
    settings = yaml.safe_load(wb.settings.file.read_text())
    log = {"kind": "open_bandit", "path": str(ROOT / "data" / "open_bandit.parquet"), "campaign": "men"}
    wb.settings.file.write_text(yaml.safe_dump(settings | {"sources": [log]}))
    wb = Workbook.load(wb.settings.file)
    assert wb.table("impressions").count().execute() == 20_000
    assert wb.reading[["read", "accepted", "quarantined"]].to_numpy().tolist() == [[20_000, 20_000, 0]]
