"""`mmctl`: the market maker from a command line, for people and for scripts.

It speaks HTTP with the admin API and knows nothing else of the service: no package of it is imported here. It
fails with a sentence on standard error and an exit code that says which kind of failure it was (`failures`).
"""
