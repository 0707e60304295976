"""Recorded markets as steps: one module a format, and `market`, which puts any of them on a clock."""
