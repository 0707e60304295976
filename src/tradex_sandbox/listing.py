"""Which markets the exchange opens, from the command line: simulated and recorded ones and their grids."""

from decimal import Decimal
from pathlib import Path
from zlib import crc32

import uuid_utils

from tradex_sandbox.capture import CaptureError, read_capture
from tradex_sandbox.exchange import Exchange
from tradex_sandbox.flow import PROFILES, FlowProfile
from tradex_sandbox.instruments import Instrument, InstrumentError, parse_instrument
from tradex_sandbox.settings import SandboxSettings, SettingsError

SIMULATED = {
    "BTCUSDT": (parse_instrument("BTCUSDT:0.01:0.00001:5"), Decimal(60000)),
    "ETHUSDT": (parse_instrument("ETHUSDT:0.01:0.0001:5"), Decimal(2500)),
}
"""Grid and start price of well-known simulated markets."""
OTHER_GRID = "0.01:0.001:5"
OTHER_START_PRICE = Decimal(100)


def open_exchange(settings: SandboxSettings) -> Exchange:
    """An exchange with every market that the settings ask for. Raises SettingsError naming the option."""
    exchange = Exchange(session=uuid_utils.uuid7().hex[:12], queue_model=settings.queue_model)
    profile = PROFILES[settings.depth]
    grids = {instrument.symbol: instrument for instrument in settings.instruments}
    prices = dict(settings.start_prices)
    for symbol in settings.symbols:
        instrument, price = SIMULATED.get(symbol) or (
            parse_instrument(f"{symbol}:{OTHER_GRID}"),
            OTHER_START_PRICE,
        )
        grid, start_price = grids.get(symbol, instrument), prices.get(symbol, price)
        _list_simulated(exchange, grid, start_price, settings.seed, profile)
    for path in settings.captures:
        _list_recorded(exchange, path, grids)
    listed = exchange.symbols()
    for option, named in (("--instrument", grids), ("--start-price", prices)):
        unused = [symbol for symbol in named if symbol not in listed]
        if unused:
            raise SettingsError(f"{option}: {unused[0]} is not listed; listed are {', '.join(listed)}")
    return exchange


def _list_simulated(
    exchange: Exchange, instrument: Instrument, price: Decimal, seed: int, profile: FlowProfile
) -> None:
    # A symbol's flow depends on its own name and the seed, not on what else is listed.
    own_seed = seed ^ crc32(instrument.symbol.encode())
    try:
        exchange.add_simulated(instrument, price, own_seed, profile)
    except ValueError as error:
        raise SettingsError(f"--symbols: {error}") from error


def _list_recorded(exchange: Exchange, path: Path, grids: dict[str, Instrument]) -> None:
    try:
        symbol = next((message.symbol for message in read_capture(path) if message.symbol), None)
        exchange.add_recorded(path, symbol, grids.get(symbol or ""))
    except (CaptureError, InstrumentError) as error:
        raise SettingsError(f"--capture: {error}") from error
    except ValueError as error:
        raise SettingsError(f"--capture: {path}: {error}") from error
