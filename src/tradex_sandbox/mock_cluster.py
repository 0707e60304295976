"""librdkafka's mock cluster by its C functions, which can be told what its configuration cannot.

The Python client makes such a cluster with `test.mock.num.brokers`, but hides it. The functions used here are
those of librdkafka's public header `rdkafka_mock.h`.
"""

import ctypes
from pathlib import Path
from typing import Self

import confluent_kafka
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # OffsetSpec is re-exported silently
    AdminClient,
    OffsetSpec,
)

PRODUCER = 0
"""RD_KAFKA_PRODUCER."""
ERROR_BYTES = 512
ANSWER_S_MAX = 2.0
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]  # the client left its annotation out


class MockCluster:
    """A cluster of one broker. It ends with the process."""

    def __init__(self, library: ctypes.CDLL, group_delay_ms: int) -> None:
        """Start it; its consumer groups form after so many milliseconds."""
        self._library = library
        error = ctypes.create_string_buffer(ERROR_BYTES)
        handle = library.rd_kafka_new(PRODUCER, library.rd_kafka_conf_new(), error, ERROR_BYTES)
        if not handle:
            raise RuntimeError(f"librdkafka cannot start: {error.value.decode(errors='replace')}")
        self._cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(ctypes.c_void_p(handle), 1))
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, ctypes.c_int32(group_delay_ms))
        address: bytes = library.rd_kafka_mock_cluster_bootstraps(self._cluster)
        self.address = address.decode()
        self._admin = AdminClient({"bootstrap.servers": self.address, "log_level": 0})

    @classmethod
    def start(cls, group_delay_ms: int) -> Self | None:
        """A cluster; None where this platform's wheel does not carry librdkafka as a library of its own."""
        library = _library()
        return cls(library, group_delay_ms) if library is not None else None

    def trim(self, topic_prefix: str, messages_max: int) -> None:
        """Forget the oldest messages of some topics: each fetch walks through all that a partition holds."""
        try:
            topics = self._admin.list_topics(timeout=ANSWER_S_MAX).topics
            wanted = [
                TopicPartition(name, number)
                for name, topic in topics.items()
                if name.startswith(topic_prefix)
                for number in topic.partitions
            ]
            asked = self._admin.list_offsets(dict.fromkeys(wanted, _LATEST)) if wanted else {}
            ends = {partition: answer.result(ANSWER_S_MAX).offset for partition, answer in asked.items()}
        except (KafkaException, TimeoutError):
            return
        for partition, end in ends.items():
            before = end - messages_max
            if before > 0:
                self._library.rd_kafka_mock_partition_delete_records(
                    self._cluster,
                    partition.topic.encode(),
                    ctypes.c_int32(partition.partition),
                    ctypes.c_int64(before),
                )


def _library() -> ctypes.CDLL | None:
    """The librdkafka that the client has loaded already."""
    beside = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    for path in sorted(beside.glob("librdkafka*.so*")):
        library = ctypes.CDLL(str(path))
        library.rd_kafka_conf_new.restype = ctypes.c_void_p
        library.rd_kafka_new.restype = ctypes.c_void_p
        library.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
        library.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
        library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        return library
    return None
