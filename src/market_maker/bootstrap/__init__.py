"""The composition root: makes the parts, starts them in order, ends them in order."""
