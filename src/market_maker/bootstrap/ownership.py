"""Partitions come and go with the consumer group: a symbol whose partition goes is cleared first."""

from collections.abc import Callable

import structlog

from market_maker.actors.controls import Controls
from market_maker.actors.supervisor import Supervisor
from market_maker.api.changes import ChangeFeed
from market_maker.core.states import Cause
from market_maker.streams.batch import TopicPartitionKey
from market_maker.streams.partitioner import partition_of

RECHECK_S = 0.5

_log = structlog.get_logger()


class Ownership:
    """Told by the Kafka consumer, on the event loop, what is ours."""

    def __init__(
        self,
        supervisor: Supervisor,
        controls: Controls,
        changes: ChangeFeed,
        partitions: Callable[[str], int | None],
        refresh: Callable[[], object],
    ) -> None:
        """`partitions` tells how many partitions a topic has, None while that is unknown.

        `refresh` starts to ask for what was told while the partitions were not ours.
        """
        self._supervisor = supervisor
        self._controls = controls
        self._changes = changes
        self._partitions = partitions
        self._refresh = refresh

    def assigned(self, partitions: frozenset[TopicPartitionKey]) -> None:
        """No symbol starts by itself; what its instrument is now has to be asked."""
        _log.info("partitions_assigned", count=len(partitions))
        for worker in self._supervisor:
            if self._concerned(worker.name, partitions):
                self._supervisor.retire(worker.name, "")
        self._refresh()

    async def revoking(self, partitions: frozenset[TopicPartitionKey]) -> None:
        """Return once nothing of the symbols on these partitions can be in the market any more."""
        symbols = self._pause(partitions, "partition revoked")
        changes = self._changes.subscribe()
        while any(self._unclear(symbol) for symbol in symbols):
            await changes.next(RECHECK_S)
        changes.close()

    def lost(self, partitions: frozenset[TopicPartitionKey]) -> None:
        """Somebody else owns these already: stop at once."""
        self._pause(partitions, "partition lost")

    def _pause(self, partitions: frozenset[TopicPartitionKey], reason: str) -> list[str]:
        symbols = [worker.name for worker in self._supervisor if self._concerned(worker.name, partitions)]
        _log.warning("partitions_gone", count=len(partitions), reason=reason, symbols=symbols)
        for symbol in symbols:
            self._supervisor.retire(symbol, reason)
            request_id, _ = self._controls.open()
            self._supervisor.ask(symbol, request_id, Cause.OWNERSHIP_LOST, "system", reason)
        return symbols

    def _concerned(self, symbol: str, partitions: frozenset[TopicPartitionKey]) -> bool:
        """Whether any of the partitions carries the symbol; one of a topic of unknown size may."""
        for topic, partition in partitions:
            count = self._partitions(topic)
            if count is None or partition_of(symbol, count) == partition:
                return True
        return False

    def _unclear(self, symbol: str) -> bool:
        worker = self._supervisor.worker(symbol)
        return worker is not None and not worker.engine.is_clear
