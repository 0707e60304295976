"""Run by hftbacktest's interpreter: same tape, same orders; when each was filled, as JSON on standard output.

arguments: tape (npz), orders (JSON: [[side, price, quantity, at_ns, until_ns], ...]), tick size, lot size
"""

import json
import sys
from pathlib import Path

import numpy as np
from hftbacktest import (
    GTX,
    LIMIT,
    BacktestAsset,
    HashMapMarketDepthBacktest,
)

FILLED = 3
NOT_WAITING = False


def main() -> None:
    """Submit each order at its time, take it back at its end, and note when it was filled."""
    tape, orders_path, tick, lot = sys.argv[1:]
    orders = json.loads(Path(orders_path).read_text())
    data = np.load(tape)["data"]  # kept here: the backtest holds no reference to its memory
    asset = (
        BacktestAsset()
        .data([data])
        .linear_asset(1.0)
        .constant_order_latency(0, 0)
        .risk_adverse_queue_model()
        .no_partial_fill_exchange()
        .trading_value_fee_model(0.0, 0.0)
        .tick_size(float(tick))
        .lot_size(float(lot))
        .last_trades_capacity(0)
    )
    hbt = HashMapMarketDepthBacktest([asset])
    hbt.elapse(1)
    found: list[int | None] = [None] * len(orders)
    agenda = [(order[3], 1, number) for number, order in enumerate(orders)]
    agenda += [(order[4], 0, number) for number, order in enumerate(orders)]
    for at_ns, begins, number in sorted(agenda):
        if at_ns > hbt.current_timestamp:
            hbt.elapse(at_ns - hbt.current_timestamp)
        side, price, quantity, _, _ = orders[number]
        if begins:
            submit = hbt.submit_buy_order if side == "buy" else hbt.submit_sell_order
            submit(0, number + 1, price, quantity, GTX, LIMIT, NOT_WAITING)
            continue
        order = hbt.orders(0).get(number + 1)
        if order.status == FILLED:
            found[number] = int(order.exch_timestamp)
        else:
            hbt.cancel(0, number + 1, NOT_WAITING)
    hbt.close()
    json.dump(found, sys.stdout)


main()
