"""The day's trucks: seven loads, signed leg by leg on the devices of three firms.

The fifth arrives 5 % light, the sixth never arrives. The seventh was issued on a gate phone that does not come back into coverage: the
server hears of it from the driver's phone alone, by the code that was read at the gate.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from schemas.rules.manifest import number
from tests.demo.seed import PLATES, Demo
from tests.hauling import Phone, Waybill, weighing

PLACE = "示范水泥一号堆场"
RECEIVER = ("119.5000000", "32.2000000")  # as in the transfer plan (seed.py)
TARE = Decimal("12.400")
LIGHT, NEVER, UNHEARD = 4, 5, 6  # of the seven loads, counted from 0
LAST = 515  # minutes after the beginning of the day at which the seventh is issued


def haul(gate: Phone, lost: Phone, driver: Phone, receiver: Phone, demo: Demo, start: datetime) -> None:
    """`gate` issues all but the last, which `lost` issues; `start`: the beginning of the day."""
    for n in range(7):
        begin = start + timedelta(minutes=LAST if n == UNHEARD else 10 + 15 * n)
        _send(n, lost if n == UNHEARD else gate, driver, receiver, demo, begin)


def net_out(n: int) -> Decimal:
    return Decimal("17.900") + n * Decimal("0.060")


def net_in(n: int) -> Decimal | None:
    """What came of a load; None: it did not."""
    if n in (NEVER, UNHEARD):
        return None
    return net_out(n) * Decimal("0.95") if n == LIGHT else net_out(n) - Decimal("0.020")


def _send(n: int, sender: Phone, driver: Phone, receiver: Phone, demo: Demo, begin: datetime) -> None:
    def at(minutes: float) -> datetime:
        return begin + timedelta(minutes=minutes)

    vehicle = n % len(PLATES)
    bill = Waybill(demo.project, demo.transfer_plan, demo.lot, demo.vehicles[vehicle], PLATES[vehicle], demo.firms["carrier"], demo.firms["receiver"],
                   PLACE, 60, f"驾驶员{n + 1}")  # fmt: skip
    no = number(begin.year, "320111", sender.store.next_number("manifest"))
    code = sender.issue(bill, no, at(0), net_out(n) + TARE, TARE)
    driver.where = sender.where
    code = driver.sign(code, "departed", at(5))
    came = net_in(n)
    if came is None:
        return
    driver.where = receiver.where = RECEIVER
    code = driver.sign(code, "arrived", at(65))
    light = {"problem": "weight_diff", "problem_text": "到场净重少 5 %，待核实"} if n == LIGHT else {}
    receiver.sign(code, "received_difference" if light else "received", at(75), weight=weighing(f"GB-{n}-2", at(72), came + TARE, TARE),
                  received_t=f"{came:.3f}", heap="1 号堆", **light)  # fmt: skip
