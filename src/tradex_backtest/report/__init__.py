"""Reports: figures of a period, from a backtest or from the database, as JSON and as one page."""
