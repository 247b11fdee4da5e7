"""The Open Bandit Dataset sample: logged impressions of a fashion shop under two recommendation policies.

Another shop than the default store, so it never joins the store's own impressions; notebook 05 reads it as the log
of a real experiment. Citation: Y. Saito, S. Aihara, M. Matsutani, Y. Narita, "Open Bandit Dataset and Pipeline:
Towards Realistic and Reproducible Off-Policy Evaluation", NeurIPS 2021 Datasets and Benchmarks.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import ibis

from reco.sources.base import TRAIL, RawTable, Shop, SourceSettings
from reco.store import conform

ABOUT = (
    "Open Bandit Dataset, sample of 60,000 impressions logged by the fashion shop ZOZOTOWN in November 2019 "
    "(Saito, Aihara, Matsutani and Narita, NeurIPS 2021; CC BY 4.0). Real impressions and clicks."
)
NAME = "open_bandit"


class Settings(SourceSettings):
    """`campaign` is all, men or women: which of the three logged campaigns to read."""

    kind: Literal["open_bandit"]
    path: Path = Path("data/open_bandit.parquet")
    campaign: Literal["all", "men", "women"] = "all"


def raw_tables(settings: Settings) -> dict[str, RawTable]:
    """The one converted file that ships in data/; one of its campaigns is asked for."""
    return {"impressions": RawTable((settings.path,), partial=True)}


def unify(raw: Mapping[str, ibis.Table], settings: Settings, shop: Shop) -> dict[str, ibis.Table]:
    """Impressions of one campaign: `variant` is the logging policy, `customer_id` is unknown in these data."""
    log = raw["impressions"]
    log = log.filter(log.campaign == settings.campaign)
    impressions = log.select(
        *TRAIL,
        impression_id=ibis.row_number().over(order_by=["policy", "shown_at", "position", "item_id"]).cast("string"),
        context=log.campaign,
        variant=log.policy,
        product_id=log.item_id,
        position="position",
        propensity="propensity",
        shown_at="shown_at",
        clicked="clicked",
        simulated=ibis.literal(False),
    )
    return {"impressions": conform(impressions, "impressions", source=NAME)}
