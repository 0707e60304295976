"""What a long history costs: the start on it, its check in the background, and its size."""
