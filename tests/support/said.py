"""Commands as short lines, with short names for orders: c1, c2 ... in the order of their placement."""

from collections.abc import Sequence
from dataclasses import dataclass

from market_maker.core import commands as cmd
from market_maker.core.results import Markout


@dataclass(frozen=True, slots=True)
class Said:
    """What the engine answered to one event."""

    commands: tuple[cmd.Command, ...]
    lines: tuple[str, ...]

    @property
    def requests(self) -> list[str]:
        """What leaves for the exchange."""
        return [line for line, command in self._pairs() if isinstance(command, cmd.Request)]

    @property
    def records(self) -> list[str]:
        """What becomes durable."""
        return [line for line, command in self._pairs() if isinstance(command, cmd.Record)]

    @property
    def states(self) -> list[cmd.RecordState]:
        """State transitions."""
        return [command for command in self.commands if isinstance(command, cmd.RecordState)]

    @property
    def risks(self) -> list[cmd.RecordRisk]:
        """Kill switches that fired."""
        return [command for command in self.commands if isinstance(command, cmd.RecordRisk)]

    @property
    def fills(self) -> list[cmd.RecordFill]:
        """Fills that were counted."""
        return [command for command in self.commands if isinstance(command, cmd.RecordFill)]

    @property
    def placed(self) -> list[cmd.PlaceOrder]:
        """New orders."""
        return [command for command in self.commands if isinstance(command, cmd.PlaceOrder)]

    @property
    def quotes(self) -> list[cmd.PublishQuote]:
        """Shadow quotes."""
        return [command for command in self.commands if isinstance(command, cmd.PublishQuote)]

    @property
    def replies(self) -> list[str]:
        """Answers to operators: `done` or `refused: CODE, CODE`."""
        return [line for line, command in self._pairs() if isinstance(command, cmd.Reply)]

    @property
    def reply(self) -> str:
        """The one answer to an operator."""
        (only,) = self.replies
        return only

    def _pairs(self) -> list[tuple[str, cmd.Command]]:
        return list(zip(self.lines, self.commands, strict=True))


class Scribe:
    """Writes commands down, and remembers which order is which."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self.orders: dict[str, cmd.RecordOrder] = {}
        """The latest record of each order, by client order id."""

    def said(self, commands: Sequence[cmd.Command]) -> Said:
        """The commands of one event."""
        return Said(tuple(commands), tuple(self._line(command) for command in commands))

    def id(self, name: str) -> str:
        """The client order id behind a name; a name that nobody gave is an id itself."""
        return self._ids.get(name, name)

    def name(self, client_order_id: str) -> str:
        """The short name of an order; its id when it was not placed here."""
        return self._names.get(client_order_id, client_order_id)

    @property
    def names(self) -> list[str]:
        """The names of all orders that were placed, oldest first."""
        return list(self._ids)

    def _line(self, command: cmd.Command) -> str:  # noqa: C901, PLR0911, PLR0912  one arm per kind of command
        match command:
            case cmd.PlaceOrder(order):
                name = f"c{len(self._names) + 1}"
                self._names[order.client_order_id] = name
                self._ids[name] = order.client_order_id
                return f"place {name} {order.side.name.lower()} {order.price_ticks} x {order.lots}"
            case cmd.CancelOrder(client_order_id):
                return f"cancel {self.name(client_order_id)}"
            case cmd.CancelAll():
                return "cancel all"
            case cmd.QueryOrder(client_order_id):
                return f"ask {self.name(client_order_id)}"
            case cmd.QueryOpenOrders():
                return "list open orders"
            case cmd.RecordOrder(client_order_id):
                self.orders[client_order_id] = command
                return f"record {self.name(client_order_id)} {command.status.value}"
            case cmd.RecordFill(trade_id):
                return f"record fill {trade_id}"
            case cmd.RecordState(before, after):
                return f"state {before.value} -> {after.value}"
            case cmd.RecordRisk(reason):
                return f"risk {reason.value}"
            case cmd.RecordMarkouts(markouts):
                return f"markouts {', '.join(_shown(markout) for markout in markouts)}"
            case cmd.RecordPresence(spans):
                return f"presence {', '.join(f'{span.tier} {span.present_us} us' for span in spans)}"
            case cmd.RecordQuotingTime(_, spent_us):
                return f"minute {', '.join(f'{reason} {us} us' for reason, us in spent_us)}"
            case cmd.RecordPnl(_, parts):
                return f"result {parts.spread:f} + {parts.inventory:f} - {parts.fees:f}"
            case cmd.Reply(_, _, problems):
                codes = ", ".join(problem.code for problem in problems)
                return f"refused: {codes}" if codes else "done"
            case cmd.PublishQuote():
                return "publish quote"
            case cmd.Notice(_, code):
                return f"notice {code}"


def _shown(markout: Markout) -> str:
    """A markout: `t1 +100 ms 1000.5`, or why there is none."""
    what = f"{markout.mid:f}" if markout.mid is not None else markout.missing
    return f"{markout.trade_id} +{markout.horizon_ms} ms {getattr(what, 'value', what)}"
