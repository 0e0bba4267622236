"""Greatest gross mass by vehicle class."""

from __future__ import annotations

from decimal import Decimal

# GB 1589-2016 maximum gross mass by vehicle class, t. Mark K. Classes without axles of the road (barge, wagon) have none.
GROSS_LIMIT_T = {"t2_18": 18, "t3_25": 25, "t4_31": 31, "s4_36": 36, "s5_43": 43, "s6_49": 49}


def limit_t(vehicle_class: str | None) -> Decimal | None:
    """None where the class has none, or nobody knows the class."""
    found = GROSS_LIMIT_T.get(vehicle_class or "")
    return Decimal(found) if found is not None else None
