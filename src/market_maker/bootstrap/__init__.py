"""The composition root: makes the parts, starts them in order, ends them in order.

`service` is to be read from top to bottom; `dependencies` and `kafka` open what is outside, `markets` and
`restore` start and stop symbols, `desk` is the service as the API sees it. `kill_switch_feed` tells the
engines of their surroundings; `gauges` and `meters` are for Prometheus only. Only `serve` and the guard's
command import from here.

What prevents a start is raised with the setting that it concerns. A part that ends by itself ends the
process in order, with exit code 1; `ending` has the order of the steps, and `deadline` ends what takes too
long.
"""
