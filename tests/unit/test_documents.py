"""Documents on paper: what stands on them, the codes read back from the page, and that no text of a record does anything."""

from __future__ import annotations

import ctypes
import json
import re
import time
from decimal import Decimal
from functools import cache
from typing import Any, get_args

import pypdfium2 as pdfium
import pypdfium2.raw as raw
import pytest
import zxingcpp

from schemas.fields import fields_of
from schemas.problems import Trouble
from schemas.records import TYPES
from schemas.rules.handover import read
from schemas.rules.manifest import State
from schemas.rules.transfer_plan import PlanState
from sync_server.documents import drawing, press
from sync_server.documents import words as doc_words
from sync_server.documents.filing import filing_pdf, filing_sheet
from sync_server.documents.load import code_text, load_of
from sync_server.documents.manifest import manifest_pdf, manifest_sheet
from sync_server.documents.notice import notice_pdf
from sync_server.documents.plan import planned_of
from sync_server.documents.press import pressed
from sync_server.documents.text import plain
from sync_server.export import ledger_words
from tests.unit.factory import NOW, at, uid
from tests.unit.haulage import Haulage, strokes

HERE = "https://jt.example.cn"
NASTY = '#strong[x] *b* _i_ `c` $x^2$ "q" \'s\' \\ // /* <a> @ref #image("/etc/passwd") #import "x" = + {} [] ~ --- 1/2'
LONG = "污染" * 40 + "LongNameWithoutAnyBlank" * 5 + "。"
LONG = (LONG * 2)[:200]


def arrived() -> Haulage:
    h = Haulage()
    h.issue()
    h.depart()
    h.arrive()
    h.receive()
    return h


def paper(h: Haulage, lang: str = "zh", **facts: Any) -> bytes:
    load = load_of(h.facts(**facts), uid("m1"))
    assert load is not None
    return manifest_pdf(load, lang, NOW, HERE)


def sheet(h: Haulage, lang: str = "zh", **facts: Any) -> dict[str, Any]:
    load = load_of(h.facts(**facts), uid("m1"))
    assert load is not None
    return manifest_sheet(load, lang, NOW, HERE).data


@cache
def whole() -> bytes:
    return paper(arrived())


def text_of(pdf: bytes) -> str:
    """Of all pages, without blanks and line ends: where lines break is the page's business."""
    pages = pdfium.PdfDocument(pdf)
    return squeezed("".join(page.get_textpage().get_text_range() for page in pages))


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b\ufffe\x00]+", "", text)


def codes_of(pdf: bytes) -> list[str]:
    """As a scanner reads them off the paper at 150 dpi."""
    return [
        c.text for page in pdfium.PdfDocument(pdf) for c in zxingcpp.read_barcodes(page.render(scale=150 / 72).to_pil())
    ]


def said(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False)


# --- the manifest ----------------------------------------------------------------------------------------------------


def test_codes_are_read_off_the_paper() -> None:
    found = codes_of(whole())
    chain = read(next(c for c in found if c.startswith("JT1:")))
    assert [c.kind for c in chain.claims] == ["issued", "departed", "arrived", "received"]
    assert sorted(c for c in found if not c.startswith("JT1:")) == [f"{HERE}/m/20263201000418?c={chain.check}"]


def test_the_code_holds_just_the_signed_bytes() -> None:
    h = arrived()
    assert [leg.raw for leg in read(next(c for c in codes_of(whole()) if c.startswith("JT1:"))).legs] == h.raw["m1"]


def test_one_page_says_everything() -> None:
    text = text_of(whole())
    assert len(pdfium.PdfDocument(whole())) == 1
    for words in (
        "污染土壤转运联单", "20263201000418", "已接收", "打印2026-09-21 18:00（UTC+8）", "第1页，共1页", "华翔修复工程有限公司", "华翔化工原厂区", "ZY-2026-01，第1版", "JK-03，基坑", "非危险废物",
        "苯并[a]芘3.2mg/kg", "31.20−15.10=16.10t", "CZ-0418", "8.7m³", "通达运输有限公司", "苏A·K2931", "苏交运管许可宁字320115001234", "王强", "13812345678",
        "61.5km，预计95min", "海螺水泥（句容）有限公司", "句容2号水泥窑", "31.15−15.10=16.05t", "−0.05t（−0.3%），在允差±0.300t内", "B区4号仓", "正清环境监理有限公司", "宁环土〔2026〕77号",
        "赵敏", "钱监理", "孙丽", "签名有效", "设备C3",
    ):  # fmt: skip
        assert squeezed(words) in text, words


def test_every_letter_is_drawn_with_a_font_that_is_in_the_file() -> None:
    seen = 0
    for page in pdfium.PdfDocument(whole()):
        for found in page.get_objects(filter=(raw.FPDF_PAGEOBJ_TEXT,)):
            font = raw.FPDFTextObj_GetFont(found.raw)
            name = ctypes.create_string_buffer(200)
            raw.FPDFFont_GetBaseFontName(font, name, 200)
            assert raw.FPDFFont_GetIsEmbedded(font) == 1 and b"NotoSansCJK" in name.value, name.value
            seen += 1
    assert seen > 50


def test_handwriting_is_drawn() -> None:
    h = arrived()
    load = load_of(h.facts(), uid("m1"))
    assert load is not None
    made = manifest_sheet(load, "zh", NOW, HERE)
    shown = [s for p in made.data["parts"] for s in p["signs"]]
    assert [(s["role"], s["name"]) for s in shown] == [
        ("移出方", "赵敏"),
        ("驾驶员", "王强"),
        ("接收方", "孙丽"),
        ("监理", "钱监理"),
    ]
    assert all(made.pictures[s["picture"]].count("<polyline") == 3 for s in shown)


@pytest.mark.parametrize("text", ["", "null", "{}", "[]", "x", '{"v":2,"s":[]}', '{"v":1,"s":[[1,2]]}', '{"v":1,"s":[[1e999,2,3]]}',
                                  '{"v":1,"s":[["a",2,3]]}', '{"v":1,"s":5}', "[" * 100_000, '{"v":1,"s":[[99999999,0,0]]}'])  # fmt: skip
def test_what_is_no_handwriting_is_not_drawn(text: str) -> None:
    assert drawing.handwriting(text) == ""


def test_a_single_touch_is_a_dot() -> None:
    assert drawing.handwriting('{"v":1,"h":5000,"s":[[100,200,0]]}').count("<polyline") == 1


def test_refused_to_sign_says_why() -> None:
    h = Haulage()
    h.issue()
    h.depart(
        signatures=[
            {"role": "driver", "name": "王强", "way": "refused", "refuse_reason": "手受伤", "signed_at": at("09:20")}
        ]
    )
    assert "拒绝签名：手受伤" in said(sheet(h))


def test_open_questions_stand_on_the_first_page() -> None:
    h = arrived()
    h.lose("m1", "departed")
    data = sheet(h)
    assert data["state"]["alert"] and data["open"]["items"] and "已签 3 个环节，其间有环节未到" in said(data["chain"])
    cells = {c["label"]: c["text"] for p in data["parts"] for row in p["rows"] for c in row}
    assert (
        cells["起运时间"] == "环节未到"
        and cells["处置"] == "没有处置记录，限 2026-10-21 前处置"
        and cells["接收时间"] == "2026-09-21 11:05"
    )
    load = load_of(h.facts(), uid("m1"))
    assert load is not None and len(data["open"]["items"]) == len(load.story.open)
    pdf = paper(h)
    first = squeezed(pdfium.PdfDocument(pdf)[0].get_textpage().get_text_range())
    assert all(squeezed(item) in first for item in data["open"]["items"])


def test_photos_are_counted_by_step() -> None:
    h = arrived()
    for n, step in enumerate(("cover", "cover", "plate")):
        h.add("photo", f"p{n}", sha256=f"{n}" * 64, step=step, subject_kind="manifest", subject_id="m1")
    told = said(sheet(h, stored_blobs=frozenset({"1" * 64}))["parts"][3])
    assert "3 张（" in told and "已到服务器 1 张" in told
    assert "没有照片记录" in said(sheet(arrived())["parts"][3])


def test_a_key_nobody_knows_is_cannot_say() -> None:
    h = arrived()
    rows = sheet(h, directory=h.directory("sender", "driver"))["signatures"]["rows"]
    assert [r[4]["text"] for r in rows] == ["签名有效"] * 3 + ["不能确定；不认识这把密钥"]


def test_without_a_directory_nothing_is_called_genuine() -> None:
    assert "签名有效" not in said(sheet(arrived(), directory=None)["signatures"])


def test_what_is_not_genuine_is_shown_and_not_carried() -> None:
    h = arrived()
    h.keys["receiver"], real = h.keys["driver"][::-1], h.keys["receiver"]
    directory = h.directory()
    h.keys["receiver"] = real
    keys = [dict(k) for k in directory.said["keys"]]
    told = {
        **directory.said,
        "keys": [
            *keys[:2],
            {**keys[2], "until": at("09:00", -5).isoformat(), "key": h.directory().said["keys"][2]["key"]},
        ],
    }
    data = sheet(h, directory=type(directory)(told))
    assert "签名无效，不算数；晚于密钥吊销" in said(data["signatures"])
    assert "3 个环节" in data["chain"]["title"] and data["state"]["alert"]


def test_a_leg_known_only_from_a_code_says_so() -> None:
    h = arrived()
    text = code_text(h.raw["m1"])
    h.add("hand_over", number="20263201000418", code=text, seen_at=at("11:10"), way="photo", purpose="handover")
    h.lose("m1", "received")
    data = sheet(h)
    assert data["state"]["text"] == "已接收" and "来自交接码，本人设备尚未上报" in said(data["signatures"])
    assert "手写签名还没有到服务器" in said(data["parts"][2])
    cells = {c["label"]: c["text"] for row in data["parts"][2]["rows"] for c in row}
    assert cells["堆放位置"] == "记录还没有到服务器" and cells["进场毛 − 皮 = 净"] == "31.150 − 15.100 = 16.050 t"


def test_a_record_that_was_altered_has_come_and_is_not_taken() -> None:
    h = arrived()
    kept = h.records["manifest_leg"][uid("m1/received")]
    wrong = [kept.weight[0].model_copy(update={"gross_t": Decimal("40.00")})]
    h.records["manifest_leg"][uid("m1/received")] = kept.model_copy(update={"weight": wrong})
    data = sheet(h)
    assert "以签名为准" in said(data["signatures"]) and "尚未上报" not in said(data["signatures"])
    assert "还没有到服务器" not in said(data["parts"][2])
    cells = {c["label"]: c["text"] for row in data["parts"][2]["rows"] for c in row}
    assert cells["堆放位置"] == "记录与签名不符，未采用" and cells["进场毛 − 皮 = 净"] == "31.150 − 15.100 = 16.050 t"


def test_a_manifest_known_only_from_a_code_has_a_paper() -> None:
    h = arrived()
    h.add(
        "hand_over",
        number="20263201000418",
        code=code_text(h.raw["m1"]),
        seen_at=at("11:10"),
        way="photo",
        purpose="handover",
    )
    h.records["manifest_leg"], h.records["manifest"] = {}, {}
    pdf = paper(h)
    text = text_of(pdf)
    assert "20263201000418" in text and "苏A·K2931" in text and "16.100t" in text and "监理见证不知道" in text
    assert any(c.startswith("JT1:") for c in codes_of(pdf))


def test_without_signatures_it_says_so() -> None:
    h = Haulage()
    h.add("manifest", "m1", vehicle_id="truck")
    data = sheet(h)
    assert data["chain"] is None and data["public"] is None and "没有可印成交接码的签名" in text_of(paper(h))


def test_a_chain_too_long_for_one_code_prints_its_beginning_and_says_so() -> None:
    h = Haulage()
    h.issue()
    h.depart()
    for n in range(16):
        h._leg("m1", "driver", "waypoint", at(f"09:{n + 30}"))
    pdf, data = paper(h), sheet(h)
    found = read(next(c for c in codes_of(pdf) if c.startswith("JT1:")))
    assert [leg.raw for leg in found.legs] == h.raw["m1"][:16] and len(h.raw["m1"]) == 18
    assert "一个码装不下全部 18 个环节，这里是前 16 个" in said(data["chain"])


def test_both_languages_say_the_same_rows() -> None:
    zh, en = sheet(arrived()), sheet(arrived(), "en")
    assert [[len(r) for r in p["rows"]] for p in zh["parts"]] == [[len(r) for r in p["rows"]] for p in en["parts"]]
    assert "Page1of" in text_of(paper(arrived(), "en"))


# --- nothing of a record is markup -----------------------------------------------------------------------------------


def spoilt(words: str) -> Haulage:
    """Every free text of every record says `words`, as far as it may be long; legs are signed over it."""
    h = Haulage()

    def texts(type: str) -> dict[str, str]:
        out = {}
        for name, f in fields_of(TYPES[type]).items():
            free = (
                f.kind == "text"
                and not f.spec.codes
                and not f.spec.ref
                and name not in ("id", "number", "key_id", "signature", "cose", "prev_hash")
            )
            if free and name not in ("way", "code_pattern"):
                out[name] = words[: f.max_length or 200]
        return out

    for type in ("project", "site", "soil_lot", "vehicle", "transfer_plan"):
        for id, record in list(h.records[type].items()):
            h.records[type][id] = record.model_copy(update=texts(type))
    for id, record in list(h.records["organisation"].items()):
        h.records["organisation"][id] = record.model_copy(update=texts("organisation"))
    plan = next(iter(h.records["transfer_plan"].values()))
    r = plan.receivers[0].model_copy(update={k: words for k in ("site_name", "permit_no", "sensitive", "accepts")})  # type: ignore[attr-defined]
    f = [x.model_copy(update={"receipt_no": words}) for x in plan.filings]  # type: ignore[attr-defined]
    h.records["transfer_plan"][plan.id] = plan.model_copy(update={"receivers": [r], "filings": f})
    own = {k: v for k, v in texts("manifest").items() if k not in ("number",)}
    h.issue(**own)
    h.depart()
    more = texts("manifest_leg") | {"problem": "other", "signatures": [
        {"role": "receiver", "name": words[:200], "way": "refused", "refuse_reason": words[:200], "strokes": strokes(), "signed_at": at("11:05")}]}  # fmt: skip
    h.receive(kind="received_difference", gross="27.10", **{k: v for k, v in more.items() if k != "who_name"})
    return h


@pytest.mark.parametrize("words", [NASTY, LONG, "‮REVERSED⁦x\x07\t\x1b[31m", "㵲𬭎 é ① ㎡", "\n\n#pagebreak()\n" * 5])
def test_no_text_does_anything(words: str) -> None:
    h = spoilt(words)
    pdf = paper(h)
    text, wanted = text_of(pdf), squeezed(plain(words, 200))
    assert text.count(wanted) > 8  # each as it stands
    p = planned_of(h.facts(), uid("transfer-plan"))
    assert p is not None
    assert text_of(filing_pdf(p, "zh", NOW)).count(wanted) > 10 and wanted in text_of(notice_pdf(p, "en", NOW))
    assert len(pdfium.PdfDocument(pdf)) <= 6


def test_long_names_stay_on_the_page() -> None:
    """No letter lies outside the margins, and pages are counted."""
    for pdf in (paper(spoilt(LONG)), paper(spoilt("W" * 200), "en")):
        pages = pdfium.PdfDocument(pdf)
        for n, page in enumerate(pages, 1):
            width, height = page.get_size()
            for found in page.get_objects(filter=(raw.FPDF_PAGEOBJ_TEXT,)):
                left, bottom, right, top = found.get_bounds()
                assert left >= 30 and right <= width - 30 and bottom >= 10 and top <= height - 20
            text = squeezed(page.get_textpage().get_text_range())
            assert f"第{n}页，共{len(pages)}页" in text or f"Page{n}of{len(pages)}" in text


def test_turning_and_control_characters_show() -> None:
    assert plain("a\u202eb\x00c\ud800d") == "a\ufffdb\ufffdc\ufffdd"
    assert plain("x" * 40).replace("\u200b", "") == "x" * 40 and "\u200b" in plain("x" * 40)
    assert plain("y" * 500, 10) == "y" * 10 + "…"


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_one_that_takes_too_long_is_ended_and_told() -> None:
    began = time.monotonic()
    with pytest.raises(Trouble) as told:
        pressed("manifest", {}, {}, NOW, job_s=0.01)
    assert told.value.problem.number == 4508 and time.monotonic() - began < 5


def test_one_that_cannot_be_set_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Trouble) as told:
        pressed("manifest", {"lang": "zh"}, {}, NOW)
    assert told.value.problem.number == 4508 and str(told.value.words["trace"]) in caplog.text


def test_too_many_at_once_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press, "WAIT_S", 0.05)
    with press._TURNS, press._TURNS, pytest.raises(Trouble) as told:
        pressed("manifest", {}, {}, NOW)
    assert told.value.problem.number == 4509


def test_the_process_sees_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JINGTU_DATABASE_URL", "postgresql://u:secret@h/d")
    assert "secret" not in str(press._environment())


# --- plan and notice -------------------------------------------------------------------------------------------------


def test_the_filing_form_has_the_six_elements() -> None:
    p = planned_of(Haulage().facts(), uid("transfer-plan"))
    assert p is not None
    text = text_of(filing_pdf(p, "zh", NOW))
    for words in ("①转运时间2026-09-01至2026-12-31；22:00–05:00", "②转运方式公路", "③线路句容2号水泥窑：61.5km，预计95min", "④数量9600t，5200m³",
                  "⑤去向海螺水泥（句容）有限公司（句容2号水泥窑）", "⑥最终处置措施水泥窑协同处置，接收后30天内", "苏A·K2931", "镇环审〔2024〕18号", "宁环土〔2026〕77号", "已备案"):  # fmt: skip
        assert squeezed(words) in text, words
    assert filing_sheet(p, "zh", NOW).pictures["route-0.svg"].startswith("<svg")


def test_a_draft_says_that_it_is_one() -> None:
    p = planned_of(Haulage(filings=[]).facts(), uid("transfer-plan"))
    assert p is not None
    assert "草稿，尚未报送" in said(filing_sheet(p, "zh", NOW).data) and "尚未报送" in text_of(filing_pdf(p, "zh", NOW))


def test_what_the_plan_lacks_stands_on_the_form() -> None:
    h = Haulage(
        receivers=[
            {
                "org_id": "kiln",
                "site_name": "窑",
                "way": "cement_kiln",
                "permit_no": "1",
                "capacity_t": 1,
                "route_min": 60,
            }
        ]
    )
    h.add("soil_lot", "lot", code="JK-03", hazard="hazardous")
    p = planned_of(h.facts(), uid("transfer-plan"))
    assert p is not None and p.lacks
    data = filing_sheet(p, "zh", NOW).data
    assert len(data["lacks"]["items"]) == len(p.lacks) and all(
        squeezed(x) in text_of(filing_pdf(p, "zh", NOW)) for x in data["lacks"]["items"]
    )


def test_the_notice_is_one_sheet_with_phones() -> None:
    p = planned_of(Haulage().facts(), uid("transfer-plan"))
    assert p is not None
    pdf = notice_pdf(p, "zh", NOW)
    text = text_of(pdf)
    assert (
        len(pdfium.PdfDocument(pdf)) == 1
        and "移出地主管部门：南京市生态环境局025-86601234" in text
        and "途中不停车" in text
    )
    width, height = pdfium.PdfDocument(pdf)[0].get_size()
    assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (297, 420)  # A3


def test_what_nobody_noted_is_a_line_to_write_on() -> None:
    h = Haulage(emergency=None)
    for id, org in list(h.records["organisation"].items()):
        h.records["organisation"][id] = org.model_copy(update={"phone": None})
    p = planned_of(h.facts(), uid("transfer-plan"))
    assert p is not None
    assert text_of(notice_pdf(p, "zh", NOW)).count("＿＿＿＿＿＿＿＿") == 2


@pytest.mark.parametrize(
    "known",
    [doc_words.WORDS, doc_words.STATES, doc_words.PLAN_STATES, ledger_words.WORDS],
    ids=["documents", "states", "plans", "ledgers"],
)
def test_both_languages_say_something_and_take_the_same_words(known: dict[str, tuple[str, str]]) -> None:
    braces = re.compile(r"{(\w+)}")
    for key, (zh, en) in known.items():
        assert zh and (en or key == "page_3"), key
        assert set(braces.findall(zh)) == set(braces.findall(en)), key
        assert "!" not in zh + en and "！" not in zh and "您" not in zh, key
        assert not re.search(r"[\u3400-\u9fff]", en), key


def test_every_state_has_words() -> None:
    assert set(get_args(State)) == doc_words.STATES.keys() and set(get_args(PlanState)) == doc_words.PLAN_STATES.keys()
