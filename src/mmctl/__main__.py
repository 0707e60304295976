"""`python -m mmctl`."""

from mmctl.main import app

app()
