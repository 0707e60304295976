"""The admin API of this instance: routes, and what a request passes before it reaches one.

`ports` is all that it needs of the service, `fleet_port` all that it needs of the other instances: routes
know no engine, no database and no Redis. A request is let in by `admission` (site, token, role, rate), read
by `guard` and `requests`, and answered in the models of `answers`, which `rendering` makes from the core's
views.

What is refused is a problem document (`problems`) with a stable code, the field and the fix. With
PostgreSQL away, whatever stops quoting works and is audited later; with the Auth Service away, cached keys
serve until they expire, and then nobody is let in.
"""
