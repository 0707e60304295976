"""Metrics, logs and traces.

`metrics` is the one list of all metrics; whoever counts binds its own once (`symbol_metrics`, `tally`).
`logging` writes lines on a thread of its own, without secrets (`redaction`), and `tracing` makes a span for
each request of ours. Nothing here may be waited for: a full queue drops lines and counts them, and a
collector that is away costs nothing.
"""
