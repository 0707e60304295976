"""The picture that an instance publishes of itself once a second, and the reading of the others'."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from market_maker import __version__
from market_maker.api.answers import SymbolSummary
from market_maker.api.decimals import Timestamp
from market_maker.api.ports import Figures
from market_maker.api.validation import SYMBOL_PATTERN

_log = logging.getLogger(__name__)


class Picture(BaseModel):
    """One instance and what it runs."""

    model_config = ConfigDict(frozen=True)
    at: Timestamp
    latency_us: dict[str, float | None]
    outbox_pending: int
    version: str | None = None
    """Of its program; None: an older one does not tell."""
    summaries: list[SymbolSummary]

    @field_validator("summaries")
    @classmethod
    def _have_symbols(cls, summaries: list[SymbolSummary]) -> list[SymbolSummary]:
        """A symbol goes into streams and pages as it is: with a line end it would be an event of its own."""
        if not all(re.fullmatch(SYMBOL_PATTERN, summary.symbol) for summary in summaries):
            raise ValueError("a symbol is none")
        return summaries


def encode(at: datetime, figures: Figures, summaries: Sequence[str]) -> bytes:
    """The picture as text; `summaries` are SymbolSummary as JSON, each made when there was time for it."""
    empty = Picture(
        at=at,
        latency_us=dict(figures.latency_us),
        outbox_pending=figures.outbox_pending,
        version=__version__,
        summaries=[],
    )
    head, _, _ = empty.model_dump_json().rpartition("[]")
    return f"{head}[{','.join(summaries)}]}}".encode()


@dataclass(frozen=True, slots=True)
class Seen:
    """A picture, and since when it has been the same."""

    payload: bytes
    picture: Picture
    since_s: float
    """Of this process's own clock: no clock is compared with another's."""
    is_first: bool
    """Whether it is the first of its instance that this process sees: nobody can tell how old that is."""


class PictureReader:
    """Reads what the others publish; what has not changed is not read again."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}
        self._told: set[str] = set()

    def read(self, payloads: Mapping[str, bytes], now_s: float) -> Mapping[str, Seen]:
        """The pictures by instance; one that cannot be read is logged once and left out."""
        self._seen = {
            instance: seen
            for instance, payload in payloads.items()
            if (seen := self._look_at(instance, payload, now_s)) is not None
        }
        self._told &= payloads.keys()
        return self._seen

    def _look_at(self, instance: str, payload: bytes, now_s: float) -> Seen | None:
        last = self._seen.get(instance)
        if last is not None and last.payload == payload:
            return last
        try:
            # An instance of a newer version may say more than is known here.
            return Seen(payload, Picture.model_validate_json(payload, extra="ignore"), now_s, last is None)
        except ValidationError as error:
            if instance not in self._told:
                self._told.add(instance)
                _log.warning("the picture of instance %s cannot be read: %s", instance, error)
            return None
