"""The section `kpis`: how recommendations are credited, what is expected of them, and what they cost either way."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from reco.settings.base import Count, Rate, Section, Share


class Target(Section):
    """Benchmark range and target of the rates of one channel, as fractions."""

    ctr_benchmark: tuple[Share, Share]
    ctr: Share
    conversion_benchmark: tuple[Share, Share]
    conversion: Share


class BuildOrBuy(Section):
    """What building recommendations would cost and take, against buying them as a service.

    `saas_monthly` and `build_cost` are ranges in the store's currency; `upkeep` is the share of the build's cost that
    keeping it running takes a year; `team` counts people who do nothing but machine learning.
    """

    saas_monthly: tuple[Rate, Rate] = (500, 10_000)
    build_cost: tuple[Rate, Rate] = (100_000, 500_000)
    upkeep: Share = 0.2
    team: Annotated[int, Field(ge=0)] = 0
    soon: bool = True
    own_logic: bool = False
    buy_below: Count = 50_000
    build_above: Count = 100_000
    years: Annotated[int, Field(ge=1, le=20)] = 5

    @model_validator(mode="after")
    def _ranges_rise(self) -> "BuildOrBuy":
        for name in ("saas_monthly", "build_cost"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: expected the lower end first, found {low:g} and {high:g}")
        if self.buy_below > self.build_above:
            raise ValueError(f"buy_below: expected at most build_above of {self.build_above}, found {self.buy_below}")
        return self


class Kpis(Section):
    """How recommendations are credited and what is expected of them.

    `attribution` says which touch counts in the days after it, for what, and whether returns take back; `view_days`
    credits views, too. `lift` is the range expected of revenue against a holdout, `holdout` the variant held out.
    `orders_per_impression` gives a context's range of orders by impressions.
    """

    attribution_days: Count = 7
    attribution: Literal["last", "first"] = "last"
    scope: Literal["product", "category"] = "product"
    view_days: Count | None = None
    refunds: bool = True
    implementation_cost: Annotated[float, Field(gt=0)]
    targets: dict[Literal["on_site", "email"], Target]
    lift: tuple[Share, Share] = (0.10, 0.30)
    holdout: str = "holdout"
    orders_per_impression: dict[str, tuple[Share, Share]] = Field({"post_purchase": (0.03, 0.08)})
    build_or_buy: BuildOrBuy = BuildOrBuy()
