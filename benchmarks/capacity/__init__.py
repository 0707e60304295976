"""How much one instance and two carry: S symbols at R deltas a second each, through real servers.

`python -m benchmarks capacity`. Apache Kafka, PostgreSQL and Valkey are real; the exchange is a bare
one of the benchmark's own (`exchange`), because the sandbox's matching would be what is measured. All of it
shares the machine, so the figures hold for this machine, and the ratios between them for others.
"""
