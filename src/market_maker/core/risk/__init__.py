"""What may not happen: the checks before every order, and the measures that halt a symbol.

A check answers with an `Outcome`, a measure with a `Trigger`; neither acts. What cannot be measured counts
against the limit.
"""
