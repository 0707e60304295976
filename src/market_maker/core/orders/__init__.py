"""Our orders: what each one may still fill, what is to go and to come, and their identities.

The order type that may be sent (`CheckedOrder`) is defined here and made in `risk` only. An order stays until
the exchange's own word ends it; what is not known counts as still in the market.
"""
