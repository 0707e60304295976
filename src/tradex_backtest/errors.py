"""What makes a backtest or report impossible; each says what to change."""


class BacktestError(Exception):
    """The command cannot be carried out as it was given; one sentence that names the place and the fix."""
