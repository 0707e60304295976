"""Makes the alert rules and the dashboard of `deploy/` from the list of metrics."""
