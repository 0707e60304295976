"""Deterministic simulation: real engines, the sandbox's real matching, and a network that does its worst.

One run is a pure function of a seed and a list of decisions (what goes wrong, and when). Nothing here
opens a socket, reads a clock or starts a thread. `python -m simulation --seeds 1000`.
"""
