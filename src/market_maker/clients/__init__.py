"""Clients of TradeX's other services."""
