"""A re-check stands in the names of who signed or wrote it, and stays as it was signed: on the tablet and by rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from field_app.store import Edit, Store
from schemas.problems import Trouble
from schemas.rules.rechecks import anothers, borrowed, frozen
from tests.ui import rectify_seed as seed
from tests.ui.seed import MATE, PERSON, unlocked

AT = "2026-11-28T10:00:00+08:00"


def officer(id: str) -> dict[str, Any]:
    return {"person_id": id, "name": f"n-{id[-4:]}", "duty": "inspector"}


def sign(id: str, way: str = "stamped") -> dict[str, Any]:
    return {"role": "inspector", "person_id": id, "name": f"n-{id[-4:]}", "way": way, "signed_at": AT}


def recheck(*officers: str, signed: tuple[dict[str, Any], ...] = (), **values: Any) -> dict[str, Any]:
    return {"finding_id": seed.LATE, "at": AT, "officers": [officer(o) for o in officers], "result": "closed",
            "signatures": list(signed), **values}  # fmt: skip


@pytest.mark.parametrize(
    ("values", "wrong"),
    [
        (recheck(PERSON), False),
        (recheck(MATE), True),
        (recheck(MATE, PERSON), True),
        (recheck(PERSON, MATE), False),  # the second one does not count unsigned
        (recheck(MATE, signed=(sign(MATE),)), False),  # written down by another, signed by hand
        (recheck(MATE, PERSON, signed=(sign(MATE), sign(PERSON))), False),
        (recheck(MATE, signed=(sign(PERSON),)), True),
        (recheck(MATE, signed=(sign(MATE, "refused"),)), False),  # counts for nobody
        ({"result": "closed"}, False),
        ({"officers": "x"}, False),
        ({"officers": [1], "signatures": [{"role": 1}]}, False),
    ],
)
def test_in_whose_name(values: dict[str, Any], wrong: bool) -> None:
    assert borrowed(values, PERSON) is wrong


def test_what_is_signed_stays() -> None:
    signed, open_ = recheck(PERSON, signed=(sign(PERSON),)), recheck(PERSON)
    for change in (
        {"result": "keep"},
        {"signatures": []},
        {"officers": []},
        {"opinion": "x"},
        {"deleted": True, "void_reason": "x"},
    ):
        assert frozen(signed, {**signed, **change}) and not frozen(open_, {**open_, **change})
    assert not frozen(signed, {**signed, "note": "x"})


def test_what_another_wrote_stays_too() -> None:
    """Unsigned, as re-checks of pages are: the deadline, the words and the time of it are those of who wrote it."""
    old = recheck(MATE, PERSON)
    for change in (
        {"opinion": "x"},
        {"next_deadline": "2027-01-01"},
        {"at": "2026-11-20T10:00:00+08:00"},
        {"deleted": True, "void_reason": "x"},
    ):
        assert anothers(old, {**old, **change}, PERSON) and not anothers(old, {**old, **change}, MATE)
    for change in ({"note": "x"}, {"signatures": [sign(PERSON)]}, {}):
        assert not anothers(old, {**old, **change}, PERSON)
    signed = recheck(MATE, signed=(sign(MATE),))
    assert not anothers(signed, {**signed, "opinion": "x"}, PERSON)  # `frozen` says that


def test_the_tablet_tells_before_it_is_sent(tmp_path: Path) -> None:
    made = Store(tmp_path)
    seed.fill_inspector(made)
    made.close()
    store = unlocked(tmp_path)

    def put(id: str, values: dict[str, Any]) -> int:
        try:
            store.finalize([Edit("recheck", id, seed.ENFORCEMENT, values)], complete=False)
        except Trouble as err:
            return err.problem.number
        return 0

    lent, own = store.new_id(), store.new_id()
    assert put(lent, recheck(MATE)) == 6430 and store.get("recheck", lent) is None
    assert put(own, recheck(PERSON)) == 0
    assert put(own, recheck(PERSON, result="keep")) == 0
    assert put(own, recheck(PERSON, signed=(sign(PERSON),))) == 0
    assert put(own, recheck(PERSON, signed=(sign(PERSON),), result="refer")) == 6431
    with pytest.raises(Trouble) as stop:
        store.delete("recheck", own, "x")
    assert stop.value.problem.number == 6431
    store.close()
