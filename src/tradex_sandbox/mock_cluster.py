"""librdkafka's mock cluster by its C functions, which can be told what its configuration cannot.

The Python client makes such a cluster with `test.mock.num.brokers`, but hides it. The functions used here are
those of librdkafka's public header `rdkafka_mock.h`.
"""

import ctypes
from pathlib import Path

import confluent_kafka

PRODUCER = 0
"""RD_KAFKA_PRODUCER."""
ERROR_BYTES = 512


def quick_cluster(group_delay_ms: int) -> str | None:
    """Start a cluster of one broker whose consumer groups form after so many milliseconds.

    Gives its address; None where this platform's wheel does not carry librdkafka as a library of its own. The
    cluster ends with the process.
    """
    library = _library()
    if library is None:
        return None
    error = ctypes.create_string_buffer(ERROR_BYTES)
    handle = library.rd_kafka_new(PRODUCER, library.rd_kafka_conf_new(), error, ctypes.c_size_t(ERROR_BYTES))
    if not handle:
        raise RuntimeError(f"librdkafka cannot start: {error.value.decode(errors='replace')}")
    cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(ctypes.c_void_p(handle), 1))
    library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, ctypes.c_int32(group_delay_ms))
    address: bytes = library.rd_kafka_mock_cluster_bootstraps(cluster)
    return address.decode()


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
