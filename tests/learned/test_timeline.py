"""Spans of events by binary search, against counting them one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from reco.learned.timeline import Timeline

EVENTS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9), st.integers(1, 5)), max_size=30)
ASKED = st.lists(st.tuples(st.integers(-1, 6), st.integers(-3, 12), st.integers(-3, 12)), min_size=1, max_size=10)


@given(EVENTS, ASKED)
def test_spans_are_those_counted_one_by_one(events, asked):
    group, time, weight = (np.array([event[n] for event in events], "int64") for n in range(3))
    of, start, end = (np.array([one[n] for one in asked], "int64") for n in range(3))
    line = Timeline(group * 7, time)  # numbers of groups with gaps
    own = [sorted(event[1] for event in events if event[0] == one) for one in of]
    spans = list(zip(own, start, end, strict=True))
    assert line.count(of * 7, start, np.maximum(start, end)).tolist() == [
        sum(a <= t < max(a, b) for t in times) for times, a, b in spans
    ]
    for back in (0, 1):
        earlier = [[t for t in times if t < b] for times, _, b in spans]
        expected = [times[-1 - back] if len(times) > back else -1 for times in earlier]
        assert line.last(of * 7, end, back).tolist() == expected
    assert line.first(of * 7).tolist() == [min(times, default=-1) for times in own]
    total = [sum(event[2] for event in events if event[0] == one) for one in of]
    assert line.total(of * 7, weight.astype("float64")).tolist() == total
