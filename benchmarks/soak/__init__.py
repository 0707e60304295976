"""Whether anything grows: 24 hours of quoting in virtual time, and the real service for as long as wanted.

`python -m benchmarks soak --hours 24` runs the service's own supervisor, workers, mailboxes, engines,
journal, router and offsets on an event loop whose clock jumps to the next thing to do, against an exchange
in memory.
`--real 15m` runs the real stack of processes and looks at them from outside.
"""
