"""Records of every symbol's events, when the settings ask for them."""

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from market_maker.replay.recorder import Recorder
from market_maker.settings import Settings

MB: Final = 1_000_000


def make_recorder(settings: Settings, resources: AsyncExitStack) -> Recorder | None:
    """The recorder that MM_RECORD_DIR asks for, closed with `resources`; None when it is not set."""
    if settings.record_dir is None:
        return None
    recorder = Recorder(Path(settings.record_dir), settings.record_mb_max * MB)
    resources.callback(recorder.close)
    return recorder
