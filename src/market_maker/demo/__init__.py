"""The demo: real servers from wheels, the sandbox exchange and the service, each its own process.

`run` is the whole course, `stack` the processes, `trading` the operator of it, and `table`, `book_checker`
and `summary` what it shows and proves. It speaks to the service by its API only.

What does not start in time is a DemoError that names the process and what it wrote; everything that was
started is ended with the demo.
"""
