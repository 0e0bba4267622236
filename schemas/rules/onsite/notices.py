"""What officers say at the beginning, in our own words; who said it and when goes into the record."""

from __future__ import annotations

from typing import NamedTuple

from schemas.reference import Label


class Notice(NamedTuple):
    """`code` of notice_kind. `text`: what is read out; `replies`: what is usually answered, ordinary answer first; `source` and
    `mark`: where the duty stands, and how sure that is."""

    code: str
    text: Label
    replies: tuple[Label, ...]
    source: Label
    mark: str


def _apl(article: int) -> Label:
    return Label(f"行政处罚法（2021）第{article}条", f"Administrative Penalty Law (2021), Art. {article}")


_HEARD = Label("已听清，无异议", "Heard and understood, nothing to object")
NOTICES: tuple[Notice, ...] = (
    Notice(
        "show_cert",
        Label("我们是执法人员，这是我们的执法证件，请核对姓名和证号。",
              "We are officers, and these are our certificates. Please check names and numbers."),
        (Label("已核对，无异议", "Checked, nothing to object"),), _apl(55), "C",
    ),
    Notice(
        "right_avoid",
        Label("你认为检查人员与本次检查有利害关系、可能影响公正的，可以申请回避。是否申请？",
              "If you think an officer has an interest that may affect fairness, you may ask for withdrawal. Do you?"),
        (Label("不申请回避", "Does not ask for withdrawal"), Label("申请回避", "Asks for withdrawal")), _apl(43), "K",
    ),
    Notice(
        "duty_help",
        Label("请配合检查，提供所需资料，不得拒绝或者阻挠。",
              "Please help with the check and hand over the documents asked for. It must not be refused or hindered."),
        (_HEARD,), _apl(55), "C",
    ),
    Notice(
        "duty_truth",
        Label("请如实回答询问，虚假陈述要承担法律责任。",
              "Please answer truthfully. False statements have legal consequences."),
        (_HEARD,), _apl(55), "C",
    ),
    Notice(
        "right_state",
        Label("你有权陈述和申辩，说的话会记入笔录。", "You may state and defend your case. What you say goes into the record."),
        (Label("无陈述申辩意见", "Nothing to state"), Label("有意见，已记入笔录", "Statement taken into the record")),
        _apl(45), "K",
    ),
    Notice(
        "right_secret",
        Label("检查中知悉的商业秘密和个人信息，我们会保密。", "We keep business secrets and personal data learned in the check."),
        (_HEARD,), _apl(50), "K",
    ),
)  # fmt: skip
# Read before the body of an enforcement record is written: certificates, withdrawal and cooperation stand on the form (RULES §17, C);
# the truth is the other half of 第55条. The others may be read too. Configurable: whoever asks may pass another set.
REQUIRED = frozenset({"show_cert", "right_avoid", "duty_help", "duty_truth"})
_BY_CODE = {n.code: n for n in NOTICES}


def notice(code: str) -> Notice | None:
    """The notice of this code; None for one that only a newer version knows."""
    return _BY_CODE.get(code)
