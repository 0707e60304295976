"""What every processor of messages is."""

from typing import Protocol

from confluent_kafka import Message

from market_maker.streams.batch import Arrival, Batch


class Processor(Protocol):
    """Turns messages of some topics into core events. Runs on the poll thread."""

    def process(self, message: Message, arrival: Arrival, batch: Batch) -> None:
        """Append the message's events to the batch, or count why it has none.

        DecodeError when the message cannot be used.
        """
