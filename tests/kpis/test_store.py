"""The whole of what a report shows of the sample store's log, as the notebook asks for it."""

import numpy as np

from reco import kpis
from reco.impressions import read_log
from reco.segments import purchase_history, scored


def test_sample_store(wb):
    log, products, settings = read_log(wb), wb.table("products"), wb.settings.kpis
    lines = wb.table("order_lines")
    rule = kpis.rule_of(settings, wb.settings.store.currency)
    start = log.impressions.shown_at.min().execute()
    segments = scored(purchase_history(lines.filter(lines.ordered_at < start)))
    algorithms = kpis.algorithms(wb.settings.contexts)
    summary = kpis.summarize(
        log.impressions,
        log.order_lines,
        rule,
        zone=wb.settings.store.time_zone,
        products=products,
        segments=segments,
        algorithms=algorithms,
    )
    attributed = kpis.attribute(log.impressions, log.order_lines, settings.attribution_days)
    by_context = kpis.dashboard(attributed)
    # returns aside, what the notebook counted before
    assert summary.dashboard()["impressions"].tolist() == by_context["impressions"].tolist()
    assert summary.dashboard()["orders"].tolist() == by_context["orders"].tolist()
    assert np.allclose(summary.dashboard()["revenue"], by_context["revenue"])
    total = summary.total()
    for dimension in summary.dimensions:
        found = summary.by(dimension)
        assert found[["impressions", "clicks", "orders"]].sum().tolist() == total.iloc[:3].tolist()
        assert np.isclose(found["revenue"].sum(), total["revenue"])
    assert summary.by("segment")["segment"].nunique() > 3
    assert {"ease", "tfidf"} & set(summary.by("algorithm")["algorithm"])
    quality = kpis.quality(log.impressions, log.order_lines, summary, products=products, history=lines)
    assert quality["value"].between(0, 1).all()
    assert quality.set_index("metric")["value"].reindex(["novelty", "serendipity", "diversity"]).notna().all()
    notes = kpis.notes(log.impressions, log.order_lines, summary, contexts=wb.settings.contexts, products=products)
    assert notes.set_index("note").loc["clicks before they were shown", "rows"] == 0
    steps = kpis.bridge(*kpis.last_periods(summary.cube))
    assert len(steps) >= 6
