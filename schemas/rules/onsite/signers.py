"""Who signs an on-site record, and whose signature is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.reference import Label, codes
from schemas.rules.lack import Lack

Values = Mapping[str, Any]
NOT_THERE = frozenset({"refused", "absent"})


class Signer(NamedTuple):
    """Somebody whose signature the record needs. `role` of signoff_kind; `person`: id, empty for people without an account."""

    role: str
    name: str
    person: str = ""


def signers(inspection: Values) -> list[Signer]:
    """Who has to sign, or to be said to refuse: each officer, then each inspected person, in the order of the paper."""
    roles = {"recorder": "recorder", "witness": "witness"}
    out = [
        Signer(roles.get(str(o.get("duty")), "inspector"), str(o["name"]), str(o.get("person_id") or ""))
        for o in inspection.get("officers") or ()
        if o.get("name")
    ]
    out += [Signer("inspected", str(p["name"])) for p in inspection.get("inspected") or () if p.get("name")]
    return list(dict.fromkeys(out))


def unsigned(inspection: Values) -> list[Lack]:
    """Whose signature is missing, and what is wrong with those that are there: a drawn one has strokes, a refusal its reason and a
    witness who signed (RECORDS V21). The witness is none of those who signed as officers in charge or refused."""
    given = list(inspection.get("signatures") or ())
    out = []
    for signer in signers(inspection):
        if not any((s.get("role"), s.get("name")) == (signer.role, signer.name) for s in given):
            role = codes("signoff_kind").get(signer.role, Label(signer.role, signer.role))
            out.append(
                Lack(
                    f"signature:{signer.role}",
                    f"{role.zh} {signer.name} 没有签字",
                    f"{role.en} {signer.name} has not signed",
                )
            )
    for s in given:
        who = str(s.get("name") or "")
        if s.get("way") == "signed" and not s.get("strokes"):
            out.append(Lack("signature", f"{who} 的签名是空的", f"The signature of {who} is empty"))
        if s.get("way") in NOT_THERE and not s.get("refuse_reason"):
            out.append(Lack("signature", f"{who} 没有签字，没有写原因", f"{who} did not sign, and no reason is given"))
    away = [str(s.get("name")) for s in given if s.get("way") in NOT_THERE]
    in_charge = {str(s.get("name")) for s in given if s.get("role") == "inspector"}
    witnesses = [s for s in given if s.get("role") == "witness" and s.get("way") not in NOT_THERE]
    if away and not any(s.get("name") not in in_charge | set(away) for s in witnesses):
        out.append(
            Lack(
                "witness",
                f"{'、'.join(away)} 没有签字，要一名见证人签字",
                f"{', '.join(away)} did not sign: a witness has to",
            )
        )
    return out
