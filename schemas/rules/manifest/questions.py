"""What is open about a manifest, in words: which legs, what does not fit, what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta, timezone
from typing import NamedTuple

from schemas.reference import Label, codes
from schemas.rules.manifest.join import Leg

# Questions that late legs or a newer directory may answer by themselves; the others somebody has to ask.
WAITING = frozenset({"gap", "not_heard", "unknown_key", "future"})
SHANGHAI = timezone(timedelta(hours=8))
_NAMED = 4  # legs named in one sentence


class Question(NamedTuple):
    """One open question. `legs`: those it is about."""

    code: str
    zh: str
    en: str
    legs: tuple[Leg, ...] = ()

    @property
    def waits(self) -> bool:
        """Not a contradiction: what is to come may answer it."""
        return self.code in WAITING


def kind_words(kind: str) -> Label:
    return codes("leg_kind").get(kind, Label(kind, kind))


_FIELDS: Mapping[str, tuple[str, str]] = {
    "manifest": ("所属联单", "manifest"), "kind": ("环节类型", "kind"), "at": ("时间", "time"), "position": ("位置", "position"),
    "weight": ("重量", "weights"), "problem": ("差异类型", "difference"), "way": ("签署方式", "way of signing"),
}  # fmt: skip

# {legs}: the legs, with time and name; {what}: see each
_TEXTS: Mapping[str, tuple[str, str]] = {
    "gap": ("还不知道：{legs}已到，之前的{what}还没有收到。等有关设备联网同步",
            "Not known yet: {legs} came, {what} before it did not. Wait until that device has synced"),
    "not_heard": ("{legs}只从交接码得知，签署人的设备还没有上传。等其联网同步",
                  "{legs}: known only from a hand-over code; the signer's own device has not been heard yet"),
    "unknown_key": ("不能确定{legs}是谁签的：手头的名录里没有这把密钥。联网更新名录后再看",
                    "Cannot say who signed {legs}: the key is not in the directory at hand. Update the directory and look again"),
    "future": ("{legs}的时间在将来。核对签署设备的时钟", "{legs}: the time lies in the future. Check the clock of the signing device"),
    "signature": ("{legs}的签名不符，不作数。查来源", "{legs}: the signature does not fit and does not count. Find out where it came from"),
    "unreadable": ("{legs}的签名不是有效签名，不作数。让签署人重新上传",
                   "{legs}: the signature is none and does not count. Have the signer send it again"),
    "before_key": ("{legs}的时间早于密钥启用，不作数。查来源", "{legs}: dated before its key was issued; it does not count"),
    "after_key": ("{legs}的时间晚于密钥吊销，不作数。查来源", "{legs}: dated after its key was revoked; it does not count"),
    "backwards": ("{legs}的时间早于它之前的环节。核对各设备的时钟", "{legs}: earlier than the leg before it. Check the clocks of the devices"),
    "on_forged": ("{legs}接在不作数的签名之后。查它看到的是哪张码", "{legs}: stands on a signature that does not count. Ask which code was shown"),
    "out_of_turn": ("{legs}接在{what}之后，不合顺序。问清中间缺的一步", "{legs}: follows {what}, which is out of turn. Ask for the step between"),
    "after_end": ("{legs}发生在这车结束之后。问清是不是另一车", "{legs}: after this load had ended. Ask whether it was another load"),
    "void_after_departure": ("车已起运，{legs}无效。问清车在哪里", "The truck had departed, so {legs} has no effect. Ask where it is"),
    "two_ends": ("结局有两个：{legs}。问清以哪个为准", "Two ends: {legs}. Ask which one holds"),
    "fork": ("同一环节之后有两个签名：{legs}。问清以哪个为准", "Two signatures on the same leg: {legs}. Ask which one holds"),
    "two_starts": ("同一联单签发了两次：{legs}。问清以哪个为准", "The manifest was issued twice: {legs}. Ask which one holds"),
    "twice": ("同一步签了两次：{legs}。问清以哪个为准", "One step signed twice: {legs}. Ask which one holds"),
    "stand_in_differs": ("补录与本人所签的重量不同：{legs}。核对过磅单", "The entry made for it and the signed leg differ in weight: {legs}. Check the tickets"),
    "outdone": ("{legs}没有签名，或由不能确认、不该签这一步的人签署，与已有的可靠签名冲突，不作数。查来源",
                "{legs}: not signed, or by somebody who is not known or whose turn it was not, against a surer signature; it does not count. Find out where it came from"),
    "by_carrier": ("{legs}由承运方的设备代签，没有接收单位的密钥签名。向接收单位核对磅单",
                   "{legs}: signed on the carrier's device, without a key of the receiver. Check the weigh ticket with the receiver"),
    "altered": ("记录与签名不符（{what}）：{legs}。以签名为准，查记录是谁改的",
                "The record is not what was signed ({what}): {legs}. The signature counts; find out who changed the record"),
    "details": ("签名后有内容改过（说明、单号、手写签名或联单）：{legs}。核对原件",
                "Something was changed after signing (a text, a ticket, a handwriting or the manifest): {legs}. Compare with the original"),
    "elsewhere": ("{legs}记在另一张联单名下，签名属于这张。以签名为准", "{legs}: recorded under another manifest, signed for this one. The signature counts"),
    "withdrawn": ("{legs}的记录作废了，但已经签过名。仍按签名计，问清原因", "{legs}: the record was voided, yet it had been signed. It still counts; ask why"),
    "unsigned": ("{legs}没有签名，其余环节都有。照记录计，让签署人补签", "{legs}: not signed, unlike the other legs. It counts as recorded; have it signed"),
    "unsupervised": ("{legs}没有监理签字。问清监理为何没签", "{legs}: the supervisor did not sign. Ask why"),
    "number_twice": ("编号 {what} 用在了两张联单上：{legs}。问清以哪张为准", "Number {what} is on two manifests: {legs}. Ask which one holds"),
    "manifest_withdrawn": ("联单记录作废了，但已经签过：{legs}。仍按签名计，问清原因", "The manifest's record was voided, yet it had been signed: {legs}. It still counts; ask why"),
    "stranger": ("{legs}由联单没有写的单位签署（{what}）。问清是受谁委托", "{legs}: signed by a firm the load does not name ({what}). Ask on whose behalf"),
}  # fmt: skip


def question(code: str, legs: Sequence[Leg], what: Sequence[str] = (), before: Leg | None = None) -> Question:
    """`what`: kinds of legs not here (gap), names of fields (altered), a number (number_twice); `before`: what a leg stands on (out_of_turn)."""
    zh, en = _TEXTS[code]
    said = [_what(code, legs, what, before, n) for n in (0, 1)]
    return Question(
        code, zh.format(legs=_legs(legs, 0), what=said[0]), en.format(legs=_legs(legs, 1), what=said[1]), tuple(legs)
    )


def _what(code: str, legs: Sequence[Leg], what: Sequence[str], before: Leg | None, n: int) -> str:
    comma = ("、", ", ")[n]
    if code == "gap":
        return comma.join(_quoted(kind_words(k)[n], n) for k in what) or ("环节", "the leg")[n]
    if code == "altered":
        return comma.join(_FIELDS[name][n] for name in what)
    if code == "number_twice":
        return what[0]
    if code == "stranger":
        return comma.join(sorted({leg.key.name for leg in legs if leg.key})) or ("未知", "unknown")[n]
    if code == "out_of_turn":
        return _legs([before], n) if before else ("开头", "nothing")[n]
    return ""


def _legs(legs: Sequence[Leg], n: int) -> str:
    said = []
    for leg in legs[:_NAMED]:
        at = leg.record.at.astimezone(SHANGHAI)
        who = leg.record.who_name or (leg.key.name if leg.key else "")
        said.append(
            f"{_quoted(kind_words(leg.record.kind)[n], n)}"
            + ("（{}）", " ({})")[n].format(f"{at:%m-%d %H:%M} {who}".strip())
        )
    if len(legs) > _NAMED:
        said.append(("等 {} 个", "{} in all")[n].format(len(legs)))
    return ("、", ", ")[n].join(said)


def _quoted(word: str, n: int) -> str:
    return f"「{word}」" if n == 0 else f"“{word}”"
