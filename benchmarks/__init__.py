"""What it costs, each figure beside its budget: `make bench`."""
