"""What metrics show."""

from prometheus_client.parser import text_string_to_metric_families

from market_maker.telemetry.metrics import Metrics


def samples(metrics: Metrics) -> dict[str, float]:
    """Every exposed line as name{labels} and its value, labels by name."""
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        for sample in family.samples:
            found[_line(sample.name, sample.labels)] = sample.value
    return found


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    """One of them, None where it is not shown."""
    return samples(metrics).get(_line(name, labels))


def _line(name: str, labels: dict[str, str]) -> str:
    return f"{name}{{{','.join(f'{label}={value}' for label, value in sorted(labels.items()))}}}"
