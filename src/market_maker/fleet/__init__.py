"""The other instances: what they and this one show of themselves, and requests that go on to them.

`view` implements the port that the API has to the rest of the fleet (`api/fleet_port.py`): the local API
knows only itself. `forward` sends a request on to the owner of its symbol, `elsewhere` splits one among all
owners, `pictures` is what an instance shows. `peers` is how instances reach each other, and `redis_peers` the
way by Redis, with kills through PostgreSQL besides. `bus`, `questions`, `heartbeat` and `seal` are
what travels through Redis, over one `link`; `membership` says each second that this instance lives.

Nothing here may be waited for by trading. With Redis away the others do not see us and are not seen, a call
says so within a second, and a kill goes through PostgreSQL.
"""
