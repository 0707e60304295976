import json
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from market_maker.core.events import Event
from market_maker.core.instrument import Instrument
from market_maker.replay.codec import event_line, event_of
from market_maker.replay.record import dumps

positive = st.decimals(min_value="1e-9", max_value=10**6, allow_nan=False, allow_infinity=False)
instruments = st.builds(Instrument, tick_size=positive, lot_size=positive, min_notional=positive)
st.register_type_strategy(Instrument, instruments)


def of_type(kind: type) -> st.SearchStrategy[Any]:
    return st.from_type(kind)


@given(st.data())
def test_every_event_comes_back_exactly_as_it_was(data: st.DataObject) -> None:
    """Compared as text, so that 1.0 is not 1.00, -0 is not 0, and NaN is itself."""
    event = data.draw(st.one_of([of_type(kind) for kind in get_args(Event)]))
    line = dumps(event_line(event))
    assert "\n" not in line
    assert line.isascii()
    again = event_of(*json.loads(line))
    assert type(again) is type(event)
    assert repr(again) == repr(event)
    assert dumps(event_line(again)) == line
