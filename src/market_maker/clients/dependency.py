"""Whether a service that we depend on answers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DependencyHealth:
    """One dependency at one moment; `detail` says why it is not healthy."""

    name: str
    healthy: bool
    detail: str = ""
