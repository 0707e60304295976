"""Who may act for a symbol.

`machine` decides and is pure, like the symbol's engine: events in, commands out, time as an argument.
`states` is its table, `holding` what it knows of one symbol, `instance` of all; `turns`, `taking`,
`leaving` and `word` hold the rules. `shell` and `tenancy` carry the commands out: only these two may touch
Kafka, PostgreSQL or an actor. When one of those is away the machine stays where it is; the lease ends what
may be sent.
"""
