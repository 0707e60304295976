"""A small, honest stand-in for the TradeX exchange that speaks only its wire contracts."""
