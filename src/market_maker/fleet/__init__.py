"""The other instances: what they and this one show of themselves, and requests that go on to them.

`heartbeat`, `board` and `questions` are what travels through Redis, signed by `seal`, over the one `link`;
`bus` is an instance's end of it. `redis_peers` joins it with what PostgreSQL knows: who owns a symbol, and
kills that are ordered there. `membership` says each second that this instance lives, and what it runs.
Nothing here may be waited for by trading: with Redis away the others do not see us and are not seen, a call
says so within a second, and a kill goes through PostgreSQL.
"""
