"""Several instances of the service on one PostgreSQL, one consumer group and one exchange, in virtual time.

Real: the ownership machine, lease, tenure, send gate and engine of every symbol. Played: what they talk to,
the guard, and the people. It fails by raising a `Violation`; what may go wrong stands in `script`.
"""
