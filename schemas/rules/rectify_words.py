"""Steps of a finding and what is open about it, in words: which steps, what does not fit, what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

from schemas.reference import Label, codes

WAITING = frozenset(
    {"one_officer", "not_over"}
)  # what is still to come may answer them; the others somebody has to ask
_SHANGHAI = timezone(timedelta(hours=8))
_NAMED = 4  # steps named in one sentence


class Step(NamedTuple):
    """`kind`: issued, action, reported, voided, or the result of a re-check (closed, keep, refer); `id`: of the record; `who`: names;
    `counts`: it moved the state, or helped to."""

    at: datetime
    kind: str
    id: str
    who: tuple[str, ...]
    words: Label
    counts: bool = True


class Question(NamedTuple):
    """One open question. `about`: ids of the steps."""

    code: str
    zh: str
    en: str
    about: tuple[str, ...] = ()

    @property
    def waits(self) -> bool:
        return self.code in WAITING


_STEPS: Mapping[str, Label] = {
    "issued": Label("问题下达", "Issued"),
    "action": Label("整改中", "Under way"),
    "reported": Label("申报整改完成", "Reported done"),
}
_RECHECK, _LOOK = Label("复查", "Re-check"), Label("回头看", "Second look")
_VOID = Label("（已作废）", " (voided)")

# {steps}: the steps, with time and names; {what}: see each
_TEXTS: Mapping[str, tuple[str, str]] = {
    "one_officer": ("{steps}只有一名复查人员，尚不作数。等第二名复查人员作同样的结论",
                    "{steps}: one officer only, which does not count yet. Wait until a second one comes to the same result"),
    "unsigned": ("{steps}：{what}没有签字，不计入复查人员。补签，或由其另做一次复查",
                 "{steps}: {what} did not sign and does not count. Have it signed, or a re-check made by that officer"),
    "own_party": ("{steps}：{what}属于责任单位，不计入复查人员。换人复查",
                  "{steps}: {what} belongs to the responsible party and does not count. Have somebody else re-check"),
    "after_end": ("{steps}在问题了结之后。问清是否又有问题，需要时做回头看",
                  "{steps}: after this finding had ended. Ask whether there is a problem again; make a second look where needed"),
    "not_reported": ("{steps}之前没有申报整改完成。问清整改在何时、由谁完成",
                     "{steps}: nothing had been reported done before. Ask when the work was done, and by whom"),
    "no_after": ("{steps}时没有整改后的照片或文件。补拍或补交",
                 "{steps}: no photo or document of what was done. Have it taken or handed in"),
    "before": ("{steps}早于问题下达（{what}），不作数。核对设备的时钟",
               "{steps}: before the finding ({what}), so it does not count. Check the clock of the device"),
    "future": ("{steps}的时间在将来，到时之前不作数。核对设备的时钟",
               "{steps}: the time lies in the future, and until then it does not count. Check the clock of the device"),
    "contradiction": ("同一时刻的复查结论不同：{steps}。都不作数，问清以哪个为准",
                      "Re-checks of one moment contradict each other: {steps}. None counts; ask which one holds"),
    "not_second_look": ("问题了结之后又有不同结论：{steps}，没有注明回头看。问清复查时是否知道已经了结",
                        "A different result after this finding had ended: {steps}, not marked as a second look. Ask whether the officer knew"),
    "not_over": ("{steps}注明是回头看，此前没有收到销号或移送。等有关设备同步，或问清",
                 "{steps}: marked as a second look, but no closing or sending on came before it. Wait for the other device, or ask"),
    "unknown_result": ("{steps}的结论本版本不认识，不作数。更新软件后再看",
                       "{steps}: this version does not know the result, so it does not count. Update and look again"),
}  # fmt: skip
CODES = frozenset(_TEXTS)


def step_words(kind: str, second_look: bool = False, voided: bool = False) -> Label:
    said = _STEPS.get(kind)
    if said is None:
        result, head = codes("recheck_result").get(kind, Label(kind, kind)), _LOOK if second_look else _RECHECK
        said = Label(f"{head.zh}：{result.zh}", f"{head.en}: {result.en}")
    return Label(said.zh + _VOID.zh, said.en + _VOID.en) if voided else said


def question(code: str, asked: Sequence[tuple[Step, str]]) -> Question:
    """`asked`: (step, names or a day, see the texts)."""
    zh, en = _TEXTS[code]
    what = list(dict.fromkeys(w for _, w in asked if w))
    return Question(
        code,
        zh.format(steps=_steps(asked, 0), what="、".join(what)),
        en.format(steps=_steps(asked, 1), what=", ".join(w.replace("、", ", ") for w in what)),
        tuple(step.id for step, _ in asked),
    )


def _steps(asked: Sequence[tuple[Step, str]], n: int) -> str:
    said = []
    for step, _ in asked[:_NAMED]:
        at, who = step.at.astimezone(_SHANGHAI), ("、", ", ")[n].join(step.who)
        said.append(("「{}」（{}）", "“{}” ({})")[n].format(step.words[n], f"{at:%m-%d %H:%M} {who}".strip()))
    if len(asked) > _NAMED:
        said.append(("等 {} 步", "{} in all")[n].format(len(asked)))
    return ("、", ", ")[n].join(said)
