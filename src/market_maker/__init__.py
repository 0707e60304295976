"""TradeX market maker: quotes both sides of every market it is given, and stops when in doubt."""

__version__ = "0.1.0"
