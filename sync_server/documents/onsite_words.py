"""What stands on the printed on-site record, Chinese and English, beside what all documents share (words.py)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sync_server.documents.words import LANGS, WORDS

ONSITE: dict[str, tuple[str, str]] = {
    "o_title": ("现场检查（勘察）笔录", "On-site inspection record"),
    "o_review": ("监督检查记录", "Supervision record"),
    "o_amendment": ("{title}（更正）", "{title} (amendment)"),
    "o_project": ("项目：{name}", "Project: {name}"),
    "o_foot": ("{code} · 签字内容 SHA-256 {sha}", "{code} · SHA-256 of what was signed {sha}"),
    "o_foot_now": ("{code} · 未签字 · 现有内容 SHA-256 {sha}", "{code} · not signed · SHA-256 of what is here {sha}"),
    "o_scan": ("扫码核验本笔录\n校验码 {check}", "Scan to verify this record\ncheck {check}"),
    # each page, to be signed by hand where the paper is
    "o_sign_inspected": ("被检查人（签名）", "Inspected"),
    "o_sign_inspector": ("检查人（签名）", "Inspectors"),
    "o_sign_recorder": ("记录人（签名）", "Recorder"),
    "o_sign_date": ("　　年　　月　　日", "Date"),
    # what has to be known before anything else
    "o_state_signed": ("已签字", "signed"),
    "o_state_refused": ("已签字，有人拒签", "signed, somebody refused"),
    "o_state_open": ("未签字", "not signed"),
    "o_state_differs": ("与签字时不同", "not as signed"),
    "o_state_amended": ("已更正", "amended"),
    "o_state_voided": ("已作废", "voided"),
    "o_alert": ("注意", "Note"),
    "o_not_signed": ("本检查没有人签字，只是草稿打印件，不能当笔录用。", "Nobody has signed this inspection: a print of a draft, not a record."),
    "o_no_hash": ("签字时没有留下内容哈希，不能核对内容是否改动过。", "No hash was kept when it was signed: whether anything was changed cannot be told."),
    "o_differs": ("服务器上的内容与签字时不同。每页印的是签字时的哈希；现在的是 {now}。", "What is on the server is not what was signed. Each page bears the hash that was signed; that of today is {now}."),
    "o_voided": ("本笔录已作废：{why}", "This record was voided: {why}"),
    "o_amended_by": ("本笔录已由 {code}（{t} 送达）更正，以更正后的为准。", "This record was amended by {code} (received {t}), which stands."),
    "o_amends": ("本笔录更正 {code}（签字内容 SHA-256 {sha}）。更正原因：{why}", "This record amends {code} (SHA-256 of what was signed {sha}). Reason: {why}"),
    "o_amends_gone": ("被更正的笔录不在服务器上。更正原因：{why}", "The record it amends is not on the server. Reason: {why}"),
    # parts, numbered as they come
    "o_part": ("{n}、{title}", "{n}  {title}"),
    "o_p_check": ("基本情况", "The check"),
    "o_p_inspected": ("被检查人", "Inspected persons"),
    "o_p_officers": ("检查人员", "Officers"),
    "o_p_notices": ("告知事项", "Notices read out"),
    "o_p_changes": ("更正内容", "What was amended"),
    "o_p_body": ("现场情况", "What was found on site"),
    "o_p_list": ("检查表", "Checklist"),
    "o_p_findings": ("发现的问题", "Findings"),
    "o_p_opinion": ("结论与处理意见", "Verdict and opinion"),
    "o_p_sketch": ("现场示意图", "Sketch"),
    "o_p_signed": ("签字", "Signatures"),
    "o_p_photos": ("附：现场照片（{n} 张）", "Annex: photos ({n})"),
    # the check
    "o_time": ("检查（勘察）时间", "Time of the check"),
    "o_time_of": ("{a} 至 {b}", "{a} to {b}"),
    "o_time_from": ("{a} 开始，结束时间未填", "from {a}; no end given"),
    "o_now": ("{label}（现登记）", "{label} (as registered now)"),
    "o_site_of": ("{name}（{code}）", "{name} ({code})"),
    "o_received": ("送达服务器", "Received"),
    "o_received_of": ("{t}，平板 {device} 的密钥签名", "{t}, signed by the key of tablet {device}"),
    "o_received_plain": ("{t}，没有平板密钥的签名", "{t}, not signed by a tablet's key"),
    "o_not_received": ("没有送达记录", "no receipt noted"),
    "o_position": ("{lat}°N，{lon}°E", "{lat}°N, {lon}°E"),
    "o_acc": ("±{m}\u00a0m", "±{m}\u00a0m"),
    "o_mocked": ("模拟定位", "mocked position"),
    # notices
    "o_n_what": ("告知内容", "Notice"),
    "o_n_text": ("读出的内容", "As read out"),
    "o_n_when": ("时间", "Time"),
    "o_n_reply": ("当事人答复", "Reply"),
    "o_n_none": ("没有告知记录", "No notice noted"),
    "o_no_body": ("没有写现场情况", "Nothing written"),
    # the checklist
    "o_l_of": ("{title}（{code}，第 {v} 版）", "{title} ({code}, version {v})"),
    "o_l_sha": ("检查表 SHA-256 {sha}", "SHA-256 of the checklist {sha}"),
    "o_l_gone": ("检查表 {code} 第 {v} 版不在服务器上，或与答案对应的版本不同；只能印题项编号。",
                 "Checklist {code} version {v} is not on the server, or not the one the answers belong to: only codes of items are printed."),
    "o_l_n": ("序号", "No."),
    "o_l_section": ("检查环节", "Section"),
    "o_l_item": ("检查项目", "Item"),
    "o_l_answer": ("结果", "Answer"),
    "o_l_said": ("检查意见", "Opinion"),
    "o_l_photos": ("照片 {n}", "Photo {n}"),
    "o_l_none": ("没有答案", "No answers"),
    "o_l_instance": ("第 {n} 处", "place {n}"),
    "o_l_auto": ("自动核对：{v}", "computed: {v}"),
    "o_by_rule": ("按规则得出", "By the rule"),
    "o_why": ("规则与计数", "Rule and counts"),
    "o_rule_now": ("{said}；现在按规则重算为「{now}」", "{said}; by the rule it would now be “{now}”"),
    "o_stricter": ("{said}（检查人员定得更严）", "{said} (made stricter by the officers)"),
    "o_equal": ("{said}", "{said}"),
    "o_milder": ("{said}（比规则得出的宽）", "{said} (milder than the rule)"),
    # findings
    "o_f_none": ("没有问题项", "No findings"),
    "o_f_stand": ("原笔录的问题仍然有效：{codes}", "Findings of the amended record stand: {codes}"),
    "o_f_basis": ("{basis}\n{quote}", "{basis}\n{quote}"),
    # signing
    "o_s_read": ("请被检查人核对以上笔录。有差错或者遗漏的，可以要求更正或者补充。", "The inspected party is asked to read this record. Errors and omissions may be corrected or added."),
    "o_s_opinion": ("被检查人意见：", "Opinion of the inspected party:"),
    "o_s_none": ("没有签字", "No signatures"),
    "o_s_why": ("{way}：{why}", "{way}: {why}"),
    "o_s_way": ("{way}（没有写原因）", "{way} (no reason given)"),
    "o_s_ink": ("平板手写", "written on the tablet"),
    "o_s_blank": ("没有笔迹", "no strokes"),
    "o_s_e": ("签名写在平板上，签的是哈希为 {sha} 的内容；{device}。手写笔迹印在上面，纸面各页下方可再逐页签名。",
              "Written on the tablet, over the contents with the hash {sha}; {device}. The strokes are printed above; below each page there is room to sign the paper too."),
    "o_s_device": ("记录由平板 {device} 的密钥签名，{t} 送达服务器", "the record bears the signature of tablet {device}'s key and reached the server {t}"),
    "o_s_nodevice": ("记录没有平板密钥的签名", "the record bears no signature of a tablet's key"),
    # photos
    "o_ph": ("照片 {n}", "Photo {n}"),
    "o_sk": ("示意图 {n}", "Sketch {n}"),
    "o_ph_time": ("拍摄 {t}", "taken {t}"),
    "o_ph_bearing": ("朝向 {d}°", "facing {d}°"),
    "o_ph_import": ("导入的文件", "imported file"),
    "o_ph_away": ("照片还没有送到服务器", "The photo has not reached the server"),
    "o_ph_unseen": ("文件在服务器上，这里显示不了", "The file is on the server and cannot be shown here"),
    "o_ph_more": ("其余 {n} 张不在此印出，文件在证据包里：", "{n} more are not printed here; the files are in the evidence package:"),
    "o_sk_time": ("绘制 {t}", "drawn {t}"),
    # changes of an amendment
    "o_c_what": ("内容", "What"),
    "o_c_before": ("更正前", "Before"),
    "o_c_after": ("更正后", "After"),
    "o_c_item": ("检查项 {code}", "Item {code}"),
    "o_c_of": ("{what} · {field}", "{what} · {field}"),
    "o_c_new": ("新增{what} {key}", "New {what} {key}"),
    "o_c_none": ("没有不同之处", "No differences"),
    "o_c_more": ("另有 {n} 处", "{n} more"),
    "o_c_values": ("（内容较多，见电子记录）", "(long; see the electronic record)"),
}  # fmt: skip
NUMERALS = ("一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二")
REVIEWS = frozenset({"plan_review", "report_review"})  # kinds that look at papers, not at a place

Say = Callable[..., str]


def say(lang: str, key: str, **parts: object) -> str:
    """A missing word raises KeyError: a test meets it, not a person."""
    text = (ONSITE.get(key) or WORDS[key])[LANGS.index(lang)]
    return text.format(**parts) if parts else text


def sayer(lang: str) -> Say:
    return partial(say, lang)


def numeral(n: int, lang: str) -> str:
    """Of a part, from 1 on."""
    return NUMERALS[n - 1] if lang == "zh" and n <= len(NUMERALS) else str(n)
