"""What can be wrong with a message or with the registry, as types."""


class DecodeError(ValueError):
    """A message cannot be used: not Avro, unknown schema, a field missing, off the grid.

    The text names the field and what was expected. `symbol` is set when it could be read.
    """

    def __init__(self, detail: str, symbol: str | None = None) -> None:
        super().__init__(detail)
        self.symbol = symbol


class RegistryError(Exception):
    """The schema registry did not answer, or refused."""


class RegistryAwayError(RegistryError):
    """The schema registry does not answer now; later it may."""


class SchemaAwayError(DecodeError):
    """Whether the message can be used is not known: its schema cannot be had while the registry is away."""


class EncodeError(ValueError):
    """A record does not fit the declared schema of its topic."""
