"""How far a symbol's engine events are counted: an execution at or before that place counts no more.

An execution is recognised by its identity, but only the last ones of a symbol are remembered so. An offset
that stays where it is for long (an event crashed its worker, say) has more than those read again.
"""

from dataclasses import dataclass

from market_maker.core.events import Execution


@dataclass(frozen=True, slots=True)
class Applied:
    """Where in `engine.event.v1` the last execution stood that was counted."""

    partition: int
    offset: int
    executed_at_us: int
    """The exchange's time of the newest execution that was counted."""

    def covers(self, event: Execution) -> bool:
        """Whether an execution stands at or before that place: it was counted when it was first read.

        One that is newer than all that were counted never was: then the topic was made anew.
        """
        source = event.source
        return (
            source is not None
            and source.partition == self.partition
            and source.offset <= self.offset
            and event.executed_at_us <= self.executed_at_us
        )


def advanced(applied: Applied | None, event: Execution) -> Applied | None:
    """The place once this execution is counted, too."""
    source = event.source
    if source is None:
        return applied
    newest_us = event.executed_at_us if applied is None else max(applied.executed_at_us, event.executed_at_us)
    return Applied(source.partition, source.offset, newest_us)
