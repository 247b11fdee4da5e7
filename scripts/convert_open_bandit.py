"""Convert the Open Bandit sample inside the PyPI wheel obp 0.4.1 to data/open_bandit.parquet.

Run once, by hand, to renew the shipped file: `python scripts/convert_open_bandit.py` (downloads 1.3 MB).
"""

import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pandas as pd

WHEEL = "obp==0.4.1"
USER_FEATURES = [f"user_feature_{number}" for number in range(4)]
ITEM_FEATURES = [f"item_feature_{number}" for number in range(4)]


def read_log(wheel: zipfile.ZipFile, policy: str, campaign: str) -> pd.DataFrame:
    """One of the six logs with its item features, one row an impression."""
    folder = f"obp/dataset/obd/{policy}/{campaign}"
    log = pd.read_csv(io.BytesIO(wheel.read(f"{folder}/{campaign}.csv")), index_col=0)
    items = pd.read_csv(io.BytesIO(wheel.read(f"{folder}/item_context.csv")), index_col=0)
    log = log.drop(columns=[column for column in log if column.startswith("user-item_affinity")])
    log = log.merge(items, on="item_id", how="left", validate="many_to_one")
    return log.assign(policy=policy, campaign=campaign)


def main(target: Path) -> None:
    """Download the wheel, stack its six logs and write them as one Parquet file."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, WHEEL],
            check=True,
        )
        with zipfile.ZipFile(next(Path(folder).glob("obp-*.whl"))) as wheel:
            logs = [
                read_log(wheel, policy, campaign)
                for policy in ("random", "bts")
                for campaign in ("all", "men", "women")
            ]
    log = pd.concat(logs, ignore_index=True)
    log["shown_at"] = pd.to_datetime(log.pop("timestamp"), format="ISO8601", utc=True).astype("datetime64[us, UTC]")
    log["clicked"] = log.pop("click").astype(bool)
    log["item_id"] = log["item_id"].astype("string")
    log["position"] = log["position"].astype("int8")
    log["propensity"] = log.pop("propensity_score")
    columns = ["campaign", "policy", "shown_at", "item_id", "position", "propensity", "clicked"]
    log = log[columns + USER_FEATURES + ITEM_FEATURES]
    categorical = ["campaign", "policy", *USER_FEATURES, *ITEM_FEATURES[1:]]
    log.astype(dict.fromkeys(categorical, "category")).to_parquet(target, compression="zstd", index=False)
    print(f"{target}: {len(log):,} impressions, {target.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main(Path(__file__).resolve().parents[1] / "data" / "open_bandit.parquet")
