"""Records of what engines heard and said, and their replay. Encoding lives here: the core stays pure."""
