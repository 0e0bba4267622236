"""The on-site record on paper: what stands on it, on every page of it, and what its code leads to."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as raw
import pytest
import zxingcpp

from schemas.records.finding import Finding
from schemas.records.inspection import Inspection
from sync_server.console import public
from sync_server.documents import onsite_words
from sync_server.documents.onsite import onsite_pdf, onsite_sheet, wanted_photos
from sync_server.documents.onsite_shots import PRINTED
from sync_server.onsite_record import OnsiteRecord, Taken
from sync_server.store import Stored
from tests.api.conftest import Server
from tests.api.onsite_scene import CODE, ID_NO, Scene, checklist, jpeg, sketch

HERE = "https://jt.example.cn"
NASTY = '#strong[x] *b* _i_ `c` $x^2$ "q" // /* <a> @ref #image("/etc/passwd") #import "x" = + {} [] ~ --- \u202ex\x07'


@dataclass
class Paper:
    """One PDF, read."""

    pdf: bytes

    @property
    def pages(self) -> list[str]:
        """Of each page its text, without blanks and line ends: where lines break is the page's business."""
        return [squeezed(p.get_textpage().get_text_range()) for p in pdfium.PdfDocument(self.pdf)]

    @property
    def text(self) -> str:
        return "".join(self.pages)

    @property
    def body(self) -> str:
        """Without what stands below each page."""
        return "".join(re.sub(r"被检查人（签名）检查人（签名）.*", "", page) for page in self.pages)

    @property
    def codes(self) -> list[str]:
        """As a scanner reads them off the paper at 150 dpi."""
        doc = pdfium.PdfDocument(self.pdf)
        return [c.text for p in doc for c in zxingcpp.read_barcodes(p.render(scale=150 / 72).to_pil())]

    @property
    def pictures(self) -> int:
        doc = pdfium.PdfDocument(self.pdf)
        return sum(1 for p in doc for o in p.get_objects(max_depth=6) if o.type == raw.FPDF_PAGEOBJ_IMAGE)


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u200b\ufffe\x00]+", "", text)


@dataclass
class Seen:
    server: Server
    scene: Scene

    def record(self, which: str = "inspection") -> OnsiteRecord:
        found = self.server.service.onsite_record(self.scene.ids[which], self.scene.scope)
        assert found is not None
        return found

    def now(self) -> datetime:
        return datetime.fromisoformat(self.server.service.now())

    def paper(self, record: OnsiteRecord | None = None, lang: str = "zh", address: str = HERE) -> Paper:
        record = record or self.record()
        photos, sketches = wanted_photos(record)
        pictures = self.server.service.onsite_pictures(self.scene.scope, [*photos, *sketches], 400)
        return Paper(onsite_pdf(record, lang, self.now(), address, pictures))

    def sheet(self, record: OnsiteRecord, lang: str = "zh") -> dict[str, Any]:
        return onsite_sheet(record, lang, self.now(), HERE, {}).data


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    server = Server(tmp_path_factory.mktemp("onsite"))
    scene = Scene(server, server.folder)
    scene.task()
    scene.signed()
    yield Seen(server, scene)
    server.service.rest()
    server.close()


def changed(record: OnsiteRecord, **more: Any) -> OnsiteRecord:
    """The same with other values of the inspection; None takes one away."""
    t = record.taken
    values = {k: v for k, v in {**t.values, **more}.items() if v is not None}
    return record._replace(taken=Taken(t.row._replace(values=values), t.answers, t.findings, t.photos, t.received))


# --- what stands on it -----------------------------------------------------------------------------------------------


def test_the_whole_record_in_the_order_of_the_form(seen: Seen) -> None:
    text = seen.paper().text
    order = (
        "江北生态环境综合行政执法大队", "现场检查（勘察）笔录", CODE, "已签字，有人拒签", "执法检查", "项目：P项目", "校验码",
        "一、基本情况", "2026-11-2109:00至2026-11-2111:20", "江北新区化工大道8号华东化工储罐区", "华东化工有限公司", "91320100MA1XXXXX1K", "法定代表人王建国",
        "地块（S）", "32.2012345°N，118.7512345°E±2.40m", "平板A1的密钥签名",
        "二、被检查人", "孙立新", "男", "安环部部长", ID_NO, "13900000001", "210044",
        "三、检查人员", "李国强", "苏A-0138-11", "赵敏", "苏A-0238-11", "陈静", "苏A-0338-11", "记录人",
        "四、告知事项", "出示执法证件", "我们是执法人员，这是我们的执法证件", "2026-11-2109:02", "告知申请回避权", "2026-11-2109:03", "不申请回避",
        "告知配合义务", "2026-11-2109:04", "告知如实陈述", "2026-11-2109:05",
        "五、现场情况", "检查组到达储罐区时，2号储罐正在装卸。", "安环部部长孙立新在场",
        "六、检查表", "1液体储存储罐区围堰完好，容积足够是(符合)", "2★液体储存围堰地面无裂缝，防渗层完好否(不符合)", "东北角裂缝1.2m", "照片2", "HH-OWN，第1版",
        "七、发现的问题", f"{CODE}-WT01", "严重质量问题", "防渗漏设施", "围堰地面第1处裂缝", "《中华人民共和国土壤污染防治法》第21条", "建立土壤污染隐患排查制度",
        "2026-12-05", "照片2、3", "修补裂缝", f"{CODE}-WT02", "一般问题",
        "八、结论与处理意见", "按规则得出不通过，发现严重问题", "否(不符合)2项", "带★的不符合达到1项", "质量评价结论不通过，发现严重问题", "责令改正。", "处理措施责令改正",
        "九、现场示意图", "示意图1", "绘制2026-11-2110:50",
        "十、签字", "被检查人意见", "被检查方孙立新2026-11-2111:21拒绝签名：对裂缝成因有不同意见", "检查人员李国强2026-11-2111:22平板手写", "检查人员赵敏",
        "记录人陈静", "见证人周明2026-11-2111:24平板手写",
        "附：现场照片（4张）", "照片1现场全景储罐区全景拍摄2026-11-2109:05", "照片还没有送到服务器", "照片2检查取证，检查项2", f"照片3问题现场，{CODE}-WT01围堰东北角裂缝", "朝向42°",
    )  # fmt: skip
    at = 0
    for words in order:
        found = text.find(squeezed(words), at)
        assert found >= 0, (words, text[at : at + 200])
        at = found
    assert text.count("照片还没有送到服务器") == 1
    for sha in (p.values["sha256"] for p in seen.record().taken.photos):
        assert sha in text


def test_every_page_bears_code_hash_number_and_room_for_signatures(seen: Seen) -> None:
    pages = seen.paper().pages
    assert len(pages) >= 3
    for n, text in enumerate(pages, 1):
        assert f"{CODE}·签字内容SHA-256{seen.scene.sha}" in text and f"第{n}页，共{len(pages)}页" in text
        for words in ("被检查人（签名）", "检查人（签名）", "记录人（签名）", "年月日"):
            assert words in text, (n, words)


def test_what_stands_below_a_page_is_as_far_apart_on_each_of_them(seen: Seen) -> None:
    """On the annex of photos, too: the hash lies on no other line."""
    apart = []
    for page in pdfium.PdfDocument(seen.paper().pdf):
        text = page.get_textpage()
        found = text.search("记录人（签名）").get_next()
        assert found
        bottoms = [text.get_charbox(n)[1] for n in range(text.count_chars()) if text.get_text_range(n, 1).strip()]
        apart.append(round(text.get_charbox(found[0])[1] - min(bottoms)))
    assert len(apart) >= 3 and len(set(apart)) == 1 and apart[0] >= 12, apart


def test_pictures_and_handwriting_are_drawn(seen: Seen) -> None:
    """Three photos and the sketch have come, one photo has not; four people wrote."""
    paper = seen.paper()
    assert paper.pictures == 4
    sheet = onsite_sheet(seen.record(), "zh", seen.now(), HERE, {})
    assert sum(name.startswith("hand-") for name in sheet.pictures) == 4
    without = onsite_pdf(seen.record(), "zh", seen.now(), HERE, {})
    assert Paper(without).pictures == 0 and Paper(without).text.count("文件在服务器上，这里显示不了") == 4


def test_the_font_is_inside(seen: Seen) -> None:
    assert b"/FontFile3" in seen.paper().pdf or b"/FontFile2" in seen.paper().pdf


def test_its_code_leads_to_the_public_page(seen: Seen, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(public, "LEAST_S", 0.0)
    (address,) = seen.paper().codes
    assert address.startswith(f"{HERE}/i/{seen.scene.ids['inspection']}?c=")
    page = seen.server.http.get(address.removeprefix(HERE))
    assert page.status_code == 200 and CODE in page.text and "内容与签字时一致" in page.text
    assert seen.paper(address="").codes == []  # without an address there is nothing to lead to


def test_in_english(seen: Seen) -> None:
    text = seen.paper(lang="en").text
    for words in (
        "On-site inspection record", "signed, somebody refused", "2  Inspected persons", "Certificates shown", "check names and numbers", "Item 2 is in order",
        "Fail", "not passed, severe problems", "Refused to sign：对裂缝成因有不同意见".replace("：", ": "), "written on the tablet", "Page 1 of", "SHA-256 of what was signed",
    ):  # fmt: skip
        assert squeezed(words) in text, words
    assert not re.search(r"[一二三四五六七八九十]、", text)


def test_every_word_is_there_in_both_languages() -> None:
    for key, pair in onsite_words.ONSITE.items():
        assert len(pair) == 2 and all(pair), key
        assert set(re.findall(r"{(\w+)}", pair[0])) == set(re.findall(r"{(\w+)}", pair[1])), key
        assert "!" not in "".join(pair) and "！" not in pair[0], key


# --- what is not as it should be is said first --------------------------------------------------------------------------


def test_what_nobody_signed_is_no_record(seen: Seen) -> None:
    record = changed(seen.record(), signatures=None, content_sha256=None)
    paper = seen.paper(record)
    assert "未签字" in paper.text and "不能当笔录用" in paper.text and "没有签字" in paper.text and paper.codes == []
    assert all("未签字·现有内容SHA-256" in page for page in paper.pages)


def test_another_content_than_was_signed_is_told_with_both_hashes(seen: Seen) -> None:
    record = changed(seen.record(), body="后来改成了这样。")
    assert record.taken.agrees is False
    text = seen.paper(record).text
    assert "与签字时不同" in text and seen.scene.sha in text and record.taken.counted in text != seen.scene.sha
    t = seen.record().taken
    fewer = seen.record()._replace(taken=Taken(t.row, t.answers[1:], t.findings, t.photos, t.received))
    assert fewer.taken.agrees is False and seen.record().taken.agrees is True


def test_voided_and_signed_without_a_hash(seen: Seen) -> None:
    assert "本笔录已作废：开错了" in seen.paper(changed(seen.record(), deleted=True, void_reason="开错了")).text
    text = seen.paper(changed(seen.record(), content_sha256=None)).text
    assert "不能核对内容是否改动过" in text


def test_a_verdict_that_is_not_the_rules(seen: Seen) -> None:
    def verdict(**more: Any) -> str:
        (rows,) = (
            p["rows"]
            for p in seen.sheet(changed(seen.record(), **more))["parts"]
            if p["title"].endswith("结论与处理意见")
        )
        return str([(c["label"], c["text"]) for row in rows for c in row])

    assert "移送执法（检查人员定得更严）" in verdict(verdict="refer")
    assert "（比规则得出的宽）" in verdict(verdict="pass")
    assert "现在按规则重算为「不通过，发现严重问题」" in verdict(verdict_by_rule="pass", verdict="pass")


def test_a_list_that_is_not_here_is_not_guessed(seen: Seen) -> None:
    text = seen.paper(changed(seen.record(), list_sha256="0" * 64)).text
    assert "只能印题项编号" in text and "1.2" in text and "围堰地面无裂缝" not in text
    assert "按规则得出不通过,严重质量问题" in text  # in the usual words, as the record has it


def test_what_is_not_known_says_so(seen: Seen) -> None:
    record = seen.record()._replace(others={})
    text = seen.paper(record).text
    assert "被检查单位记录还没有到服务器" in text and "责任单位记录还没有到服务器" in text
    bare = seen.paper(
        changed(seen.record(), notices=None, body=None, inspected=None, ended_at=None, position=None, place=None)
    ).text
    assert "没有告知记录" in bare and "没有写现场情况" in bare and "结束时间未填" in bare and "检查地点未填" in bare


def test_other_kinds_need_neither_notices_nor_body(seen: Seen) -> None:
    sheet = seen.sheet(changed(seen.record(), kind="plan_review", notices=None, body=None, inspected=None))
    titles = [p["title"] for p in sheet["parts"]]
    assert sheet["title"] == "监督检查记录" and not [
        t for t in titles if "告知" in t or "现场情况" in t or "被检查人" in t
    ]
    assert [t[0] for t in titles[:5]] == list("一二三四五")


# --- long, many, hostile ------------------------------------------------------------------------------------------------


def test_two_hundred_items_long_texts_and_many_findings(seen: Seen, tmp_path: Path) -> None:
    server = Server(tmp_path)
    scene = Scene(server, tmp_path, checklist(items=200))
    fails = tuple(f"1.{n}" for n in range(1, 41))
    scene.new("inspection")
    answers, findings = scene.answers(fails), scene.findings(fails)
    for f in findings.values():
        f["description"] = "围堰地面有裂缝。" * 100
    sealed = scene.seal(scene.inspection(body="现场情况很多。" * 2500), answers, findings, {})
    scene.push(
        inspection=("inspection", sealed),
        **{n: ("checklist_answer", v) for n, v in answers.items()},
        **{n: ("finding", v) for n, v in findings.items()},
    )
    record = server.service.onsite_record(scene.ids["inspection"], scene.scope)
    assert record is not None and record.taken.agrees
    began = time.monotonic()
    paper = Paper(onsite_pdf(record, "zh", seen.now(), HERE, {}))
    assert time.monotonic() - began < 15
    text = paper.body
    assert "200其他活动区" in text and f"{CODE}-WT40" in text and text.count("现场情况很多。") == 2500
    assert text.count("围堰地面有裂缝。") == 40 * 100 and "cut" not in text and "全文见电子记录" not in text
    assert len(paper.pages) > 10 and f"第{len(paper.pages)}页，共{len(paper.pages)}页" in paper.pages[-1]
    server.close()


def test_more_photos_than_are_printed_are_named(seen: Seen) -> None:
    record = seen.record()
    one = next(p for p in record.taken.photos if p.values["step"] == "finding")
    many = [
        Stored("photo", f"{n:08x}{one.id[8:]}", one.scope, n, {**one.values, "sha256": f"{n:064x}"})
        for n in range(PRINTED + 30)
    ]
    t = record.taken
    paper = seen.paper(record._replace(taken=Taken(t.row, t.answers, t.findings, many, t.received)))
    assert (
        "其余30张不在此印出" in paper.text
        and f"{PRINTED + 29:064x}" in paper.text
        and f"照片{PRINTED + 30}" in paper.text
    )


def test_a_hundred_and_twenty_photos_in_time(seen: Seen) -> None:
    record = seen.record()
    one = next(p for p in record.taken.photos if p.values["step"] == "finding")
    many = [
        Stored("photo", f"{n:08x}{one.id[8:]}", one.scope, n, {**one.values, "sha256": f"{n:064x}"})
        for n in range(PRINTED)
    ]
    t, picture = record.taken, jpeg("big", (800, 600))
    pictures = {str(p.values["sha256"]): picture for p in many}
    began = time.monotonic()
    pdf = onsite_pdf(
        record._replace(taken=Taken(t.row, t.answers, t.findings, many, t.received)), "zh", seen.now(), HERE, pictures
    )
    assert time.monotonic() - began < 15 and pdf.startswith(b"%PDF-")


def test_no_text_of_a_record_does_anything(seen: Seen) -> None:
    """Of every free text: it is printed as it is, or as a replacement mark; nothing of it is markup."""
    record = seen.record()
    said = NASTY[:100]

    def spoilt(cls: Any, s: Stored) -> Stored:
        return s._replace(
            values={
                k: said
                if cls.model_fields[k].annotation in (str, str | None) and k not in KEPT and "_id" not in k
                else v
                for k, v in s.values.items()
            }
        )

    t = record.taken
    row = spoilt(Inspection, t.row)._replace()
    values = {**row.values, "inspected": [{"name": said, "duty": said}], "officers": [{**t.values["officers"][0], "name": said}],
              "signatures": [{"role": "inspected", "name": said, "way": "refused", "refuse_reason": said, "signed_at": "2026-11-21T11:00:00+08:00", "strokes": said}]}  # fmt: skip
    findings = [spoilt(Finding, f) for f in t.findings]
    spoiled = record._replace(taken=Taken(row._replace(values=values), t.answers, findings, t.photos, t.received))
    text = seen.paper(spoiled, address="").text
    assert text.count(squeezed('#image("/etc/passwd")')) >= 8 and "root:" not in text and "\u202e" not in text
    for picture in (b"", b"GIF89a", sketch()):
        assert onsite_pdf(
            spoiled, "zh", seen.now(), "", {str(p.values["sha256"]): picture for p in t.photos}
        ).startswith(b"%PDF-")


KEPT = frozenset(
    {"kind", "severity", "verdict", "verdict_by_rule", "measure", "stage", "list_sha256", "content_sha256"}
)


# --- amendments -----------------------------------------------------------------------------------------------------------


def test_an_amendment_and_the_record_it_amends_show_each_other(server: Server, tmp_path: Path) -> None:
    scene = Scene(server, tmp_path)
    scene.signed(shots=False)
    scene.rectified()
    scene.amended()
    here = Seen(server, scene)
    first, second = here.record(), here.record("amendment")
    assert first.taken.agrees and second.taken.agrees  # the photo after is not part of what was signed
    text = here.paper(first).text
    assert "已更正" in text and "本笔录已由JC-20261121-A702（2026-11-2110:00送达）更正，以更正后的为准" in text
    assert "整改后" not in text
    text = here.paper(second).text
    assert (
        "现场检查（勘察）笔录（更正）" in text
        and f"本笔录更正{CODE}（签字内容SHA-256{scene.sha}）。更正原因：1.5项误记：现场有检测记录" in text
    )
    for words in (
        "更正内容",
        "检查项5·检查结果否(不符合)是(符合)",
        "检查情况检查组到达储罐区时",
        "更正：现场有渗漏检测记录。",
        "原笔录的问题仍然有效：JC-20261121-A701-WT01、JC-20261121-A701-WT02",
    ):
        assert squeezed(words) in text, words


def test_whatever_was_signed_can_be_read_on_it(seen: Seen) -> None:
    """Every free text of the inspection and of its findings; nobody signs what the paper hides."""
    marks = {
        name: f"MARK{n:02d}"
        for n, name in enumerate(("place", "legal_person", "body", "opinion", "note", "late_entry_reason"))
    }
    record = changed(seen.record(), **marks)
    t = record.taken
    for_findings = {
        "kind": "FIND1",
        "description": "FIND2",
        "basis": "FIND3",
        "quote": "FIND4",
        "responsible": "FIND5",
        "measure": "FIND6",
        "note": "FIND7",
    }
    findings = [f._replace(values=f.values | for_findings) for f in t.findings[:1]]
    for_answers = {
        "text": "ANSW1",
        "choices": "ANSW2",
        "note": "ANSW3",
        "auto_value": "ANSW4",
        "instance": "ANSW5",
        "unit": "ANSW6",
    }
    answers = [a._replace(values=a.values | for_answers) for a in t.answers if a.values["answer"] == "fail"]
    text = seen.paper(record._replace(taken=Taken(t.row, answers, findings, t.photos, t.received))).text
    wanted = [*marks.values(), *for_findings.values(), *for_answers.values(), "RW-001"]
    assert not [m for m in wanted if m not in text]
