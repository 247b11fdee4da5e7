"""The Open Bandit Dataset sample: logged impressions of a fashion shop under two recommendation policies.

Another shop than the default store, so it never joins the store's own impressions; notebook 05 reads it as the log
of a real experiment. Citation: Y. Saito, S. Aihara, M. Matsutani, Y. Narita, "Open Bandit Dataset and Pipeline:
Towards Realistic and Reproducible Off-Policy Evaluation", NeurIPS 2021 Datasets and Benchmarks.
"""

from pathlib import Path
from typing import Literal

import ibis

from reco.sources.base import Shop, SourceSettings, readable
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


def files(settings: Settings, root: Path) -> list[Path]:
    """The one converted file that ships in data/."""
    return [root / settings.path]


def read(settings: Settings, shop: Shop) -> dict[str, ibis.Table]:
    """Impressions of one campaign: `variant` is the logging policy, `customer_id` is unknown in these data."""
    path = shop.root / settings.path
    with readable(path):
        raw = shop.connection.read_parquet(path)
    raw = raw.filter(raw.campaign == settings.campaign)
    impressions = raw.select(
        impression_id=ibis.row_number().over(order_by=["policy", "shown_at", "position", "item_id"]).cast("string"),
        context=raw.campaign,
        variant=raw.policy,
        product_id=raw.item_id,
        position="position",
        propensity="propensity",
        shown_at="shown_at",
        clicked="clicked",
        simulated=ibis.literal(False),
    )
    return {"impressions": conform(impressions, "impressions", source=NAME)}
