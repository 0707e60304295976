"""The exchange in memory and the servers that tests, benchmarks and simulation run against.

`exchange` is the truth that an engine's belief is compared with: it knows no time and no network, whoever
drives it decides when something arrives. `exchange_process` is an Order Service in a process of its own.
The other modules start real servers (PostgreSQL, Kafka, a registry) or stand in for one (`desk`,
`order_server`, `trading_side`), each for whoever asks, and end them with it. Nothing here is a pytest
fixture, knows what is tested, or imports from `tests`: fixtures stand in `tests/support`.
A server that cannot be started raises, with what it wrote.
"""
