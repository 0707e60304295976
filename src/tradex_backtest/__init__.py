"""Backtests: the service's engine and the sandbox's recorded market in one process, on a virtual clock.

No sockets, threads or wall clock: a run is a function of its capture, its configuration and its settings,
and gives the same bytes each time. `tapes/` reads captures, `venue` is the exchange of one run, `run` is the
run, `field` several of them over one reading of a capture, `report/` the page and its figures. What is wrong
with a file is a `CaptureError` that names file and line; everything before that place has been played.
"""
