"""The guard: a process of its own that clears the orders of instances that have fallen silent."""
