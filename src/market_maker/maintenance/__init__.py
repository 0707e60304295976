"""`market-maker maintain`: history has an end.

Deletes what is older than its table's retention, after exporting it where that is asked for. It is a command
that ends, to be run once a day beside the running fleet: small transactions with rests between them, under
PostgreSQL's own time limits. What fails leaves everything before it done and nothing half done; the next run
goes on.
"""
