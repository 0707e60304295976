"""A day of one symbol on record before a service has seen it: made-up prices and their exact account."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import asyncpg

STEP = timedelta(minutes=10)
STEPS = 140
HALF_SPREAD = Decimal("0.05")
FEE_RATE = Decimal("0.0001")
QUANTITY = Decimal("0.5")
HORIZONS_MS = (100, 1_000, 10_000, 60_000)

FILL = """INSERT INTO mm_fills (symbol, trade_id, side, price, quantity, fee, order_id, is_maker, sequence,
executed_at, recorded_at, level, mid, counted_at)
VALUES ($1, $2, $3, $4, $5, $6, $2, true, $7, $8, $8, $9, $10, $8)"""
MARKOUT = "INSERT INTO mm_markouts (symbol, trade_id, side, horizon_ms, mid) VALUES ($1, $2, $3, $4, $5)"
MINUTE = """INSERT INTO mm_pnl (symbol, at, spread_capture, inventory_pnl, fees, position, mid)
VALUES ($1, $2, $3, $4, $5, $6, $7)"""


async def record_a_day(database_url: str, symbol: str) -> None:
    """A fill and a full minute every ten minutes up to now; it ends without a position."""
    began = datetime.now(UTC).replace(second=0, microsecond=0) - STEPS * STEP
    spread = inventory = fees = position = Decimal(0)
    mid = _mid(0)
    connection = await asyncpg.connect(database_url)
    try:
        for number in range(STEPS):
            side = _side(number, position)
            sign = 1 if side == "BUY" else -1
            inventory += position * (_mid(number) - mid)
            mid = _mid(number)
            price = mid - sign * HALF_SPREAD
            fee = (price * QUANTITY * FEE_RATE).quantize(Decimal("1e-8"))
            spread, fees, position = spread + QUANTITY * HALF_SPREAD, fees + fee, position + sign * QUANTITY
            at, level = began + number * STEP, number % 2
            trade = f"t{number}"
            await connection.execute(FILL, symbol, trade, side, price, QUANTITY, fee, number, at, level, mid)
            for horizon_ms in HORIZONS_MS:
                later = mid + (_mid(number + 1) - mid) * Decimal(horizon_ms) / 600_000
                await connection.execute(MARKOUT, symbol, trade, side, horizon_ms, later)
            await connection.execute(
                MINUTE, symbol, at + timedelta(minutes=1), spread, inventory, fees, position, mid
            )
    finally:
        await connection.close()


def _mid(number: int) -> Decimal:
    wave = 0.4 * math.sin(number / 17) + 0.15 * math.sin(number / 4)
    return Decimal(f"{100 + wave:.2f}")


def _side(number: int, position: Decimal) -> str:
    """With the wave, and back to nothing at the end."""
    left = STEPS - number
    if abs(position) >= QUANTITY * left:
        return "SELL" if position > 0 else "BUY"
    return "BUY" if _mid(number + 1) < _mid(number) else "SELL"
