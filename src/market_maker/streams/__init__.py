"""Kafka in and out, on threads of their own.

In: `group_member` learns which partitions are ours, `consumer` reads them, processors decode, and `router`
gives each event to its symbol's mailbox; `offsets` holds back what is not durable, `lag` measures. Out:
`outbox_relay` publishes what PostgreSQL holds, in order for each symbol, and `publisher` all else.

Market data that cannot be read is counted and put aside (`dead_letters`), and its book begins anew; an
engine event that cannot be read halts its symbol. A broker that is away is waited for: the lag tells the
kill switch.
"""
