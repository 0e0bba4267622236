"""Members, invitations, codes, accounts, sessions: nobody gets more than was given, and what is shown once works once."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.wire import EnrolRequest
from sync_server.access import ADMIN, FORMER, MANAGED, MANAGER, ROLES, answers_for, giveable, role_refused
from sync_server.console.people import shown
from sync_server.console.people.codes import enrol_uri, fingerprint, qr_svg, read_uri
from sync_server.passwords import weak
from sync_server.service import Write
from sync_server.store import DeviceKey
from tests.api.test_console_security import BASE, OWN, Client, World
from tests.ui.console_seed import NOW, PASSWORD

GOOD = "先采完一号点位再吃午饭"


class Firm(World):
    """The seeded project, with an administrator of the organisation (何管) and a second project's manager (pm2)."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.home = f"{self.seeded.org}.organisation"
        self.who = dict(self.seeded.people)
        for user, name in (("he", "何管"), ("pm2", "钱经理")):
            self.who[user] = self.person(name)
            self.parts.auth.add_account(self.who[user], user, PASSWORD)
        self.parts.service.grant(self.who["he"], self.seeded.org, ADMIN)
        self.parts.service.grant(self.who["pm2"], self.seeded.other, MANAGER)
        self.members = f"/console/projects/{self.seeded.project}/members"

    def person(self, name: str = "新人") -> str:
        id = self.parts.service.new_id()
        values = {"name": name, "org_id": self.seeded.org, "duties": ["sampler"]}
        self.parts.service.write(None, [Write("person", id, self.home, values)])
        return id

    def as_(self, user: str, password: str = PASSWORD) -> Client:
        client = self.client()
        assert client.sign_in(user, password).status_code == 303, user
        return client

    def post(self, client: Client, path: str, **form: Any) -> httpx.Response:
        return client("POST", path, data=form, headers=OWN)

    def roles(self, person: str, owner: str | None = None) -> set[str]:
        with self.parts.service.store.reading() as tx:
            return {r for o, r in tx.memberships(person) if o == (owner or self.seeded.project)}

    def notes(self, action: str) -> list[dict[str, Any]]:
        with self.parts.service.store.reading() as tx:
            return [dict(n) for n in tx.notes() if n["action"] == action]

    def link(self, answer: httpx.Response) -> str:
        found = re.search(r'value="http://127\.0\.0\.1:8000(/console/invited/[^"]+)"', answer.text)
        assert answer.status_code == 200 and found, answer.text[-2000:]
        return html.unescape(found[1])

    def invited(self, person: str, by: str = "xujing") -> str:
        return self.link(self.post(self.as_(by), f"{self.members}/link", person=person, act="invite"))

    def take(self, link: str, username: str, password: str = GOOD, again: str | None = None) -> httpx.Response:
        form = {
            "code": link.rpartition("/")[2],
            "username": username,
            "password": password,
            "again": password if again is None else again,
        }
        return self.post(self.client(), "/console/invited", **form)

    def device(self, person: str, code: str) -> str:
        enrolment = self.parts.service.new_id()
        with self.parts.service.store.writing() as tx:
            device = self.parts.service.new_id()
            values = {"code": code, "label": "平板", "use": "field", "state": "enrolled"}
            self.parts.service._write_in(tx, None, self.home, [Write("device", device, self.home, values)])
            tx.add_key(DeviceKey(enrolment, device, code, person, f"k{code}", "s", "enrolled", None, 0, None))
        return enrolment

    def state(self, enrolment: str) -> str:
        with self.parts.service.store.reading() as tx:
            key = tx.key(enrolment)
        assert key
        return key.state


@pytest.fixture(scope="module")
def firm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firm]:
    made = Firm(tmp_path_factory.mktemp("firm"))
    yield made
    made.parts.service.store.close()


@pytest.fixture(autouse=True)
def _clock(firm: Firm) -> None:
    firm.now = NOW


# --- the rule, pure ----------------------------------------------------------------------------------------------------


def test_who_gives_which_role() -> None:
    assert giveable([MANAGER], False) == giveable([ADMIN], False) == MANAGED
    assert giveable([], True) == ROLES and MANAGER not in MANAGED and ADMIN not in MANAGED
    for role in ("sampler", "inspector", "dispatcher", "auditor", "party", FORMER):
        assert giveable([role], False) == ()


@pytest.mark.parametrize(
    ("role", "adding", "may", "oneself", "last", "number"),
    [("sampler", True, MANAGED, False, False, None), (MANAGER, True, MANAGED, False, False, 2003), (ADMIN, True, MANAGED, False, False, 2003),
     ("king", True, ROLES, False, False, 2003), ("sampler", True, ROLES, True, False, 2013), ("sampler", False, MANAGED, True, False, None),
     (ADMIN, False, ROLES, True, True, 2014), (ADMIN, False, ROLES, False, True, 2014), (ADMIN, False, ROLES, True, False, None),
     (ADMIN, True, ROLES, False, True, None), ("sampler", True, (), False, False, 2003)],
)  # fmt: skip
def test_which_change_of_a_role_is_refused(
    role: str, adding: bool, may: tuple[str, ...], oneself: bool, last: bool, number: int | None
) -> None:
    assert role_refused(role, adding, may, oneself, last) == number


def test_nobody_lets_in_whose_rights_are_not_all_his_to_give() -> None:
    mine = {"p": [MANAGER]}
    assert answers_for([("p", "sampler"), ("q", FORMER)], mine, False, False)
    assert answers_for([], mine, False, False)
    assert not answers_for([("p", "sampler"), ("q", "sampler")], mine, False, False)
    assert not answers_for([("p", MANAGER)], mine, False, False)  # another manager of the same project
    assert not answers_for([("org", ADMIN)], mine, False, False)
    assert answers_for([("p", MANAGER)], mine, False, True) and answers_for([("q", ADMIN)], {}, True, False)


# --- roles ------------------------------------------------------------------------------------------------------------


def test_a_manager_gives_and_takes_roles_of_the_field(firm: Firm) -> None:
    pm, person = firm.as_("xujing"), firm.person()
    for role in MANAGED:
        answer = firm.post(pm, f"{firm.members}/role", person=person, role=role, act="give")
        assert answer.status_code == 303 and answer.headers["location"] == f"{firm.members}/{person}?said=gave"
    assert firm.roles(person) == set(MANAGED)
    assert firm.post(pm, f"{firm.members}/role", person=person, role="sampler", act="take").status_code == 303
    assert firm.roles(person) == {*MANAGED, FORMER} - {"sampler"}
    page = pm.get(f"{firm.members}/{person}?said=took").text
    assert "已收回" in page and "不会丢" in page
    last = firm.notes("withdraw")[0]
    assert (last["by"], last["about"], last["owner"], last["detail"]) == (
        firm.who["xujing"], person, firm.seeded.project, {"role": "sampler"})  # fmt: skip


def test_a_manager_gives_no_manager_and_nothing_to_himself(firm: Firm) -> None:
    pm, person = firm.as_("xujing"), firm.person()
    for role in (MANAGER, ADMIN, "king", FORMER, ""):
        answer = firm.post(pm, f"{firm.members}/role", person=person, role=role, act="give")
        assert answer.status_code == 403 and "2003" in answer.text, role
    own = firm.post(pm, f"{firm.members}/role", person=firm.who["xujing"], role="auditor", act="give")
    assert own.status_code == 403 and "不能给自己增加权限" in own.text
    assert firm.roles(person) == set() and firm.roles(firm.who["xujing"]) == {MANAGER}
    foreign = f"/console/projects/{firm.seeded.other}/members/role"
    assert firm.post(pm, foreign, person=person, role="sampler", act="give").status_code == 404
    assert firm.post(pm, f"{firm.members}/role", person="no", role="sampler", act="give").status_code == 404
    sampler = firm.as_("zhoulan")
    assert firm.post(sampler, f"{firm.members}/role", person=person, role="sampler", act="give").status_code == 403


def test_an_auditor_looks_and_changes_nothing(firm: Firm) -> None:
    person = firm.person("审计员")
    firm.parts.auth.add_account(person, "auditor", PASSWORD)
    firm.parts.service.grant(person, firm.seeded.project, "auditor")
    client = firm.as_("auditor")
    page = client.get(f"{firm.members}/{firm.who['zhoulan']}")
    assert page.status_code == 200 and "<form" not in page.text.partition("<main")[2]
    assert client.get(f"{firm.members}/new").status_code == 403
    for path, form in (("role", {"role": "sampler"}), ("link", {}), ("code", {})):
        assert firm.post(client, f"{firm.members}/{path}", person=firm.who["zhoulan"], **form).status_code == 403
    assert "你可以查看" in client.get(firm.members).text


def test_one_administrator_always_stays(firm: Firm) -> None:
    boss, he = firm.as_("he"), firm.who["he"]
    alone = firm.post(boss, "/console/people/role", person=he, role=ADMIN, act="take")
    assert alone.status_code == 409 and "最后一位" in alone.text and "先让另一个人成为管理员" in alone.text
    second = firm.person("副管")
    assert firm.post(boss, "/console/people/role", person=second, role=ADMIN, act="give").status_code == 303
    # one who cannot sign in does not count
    assert firm.post(boss, "/console/people/role", person=he, role=ADMIN, act="take").status_code == 409
    firm.parts.auth.add_account(second, "fu", PASSWORD)
    other = firm.as_("fu")
    assert firm.post(other, "/console/people/role", person=he, role=ADMIN, act="take").status_code == 303
    assert boss.get("/console/people").status_code == 403  # at once, though still signed in
    assert firm.post(other, "/console/people/role", person=second, role=ADMIN, act="take").status_code == 409
    assert firm.post(other, "/console/people/role", person=he, role=ADMIN, act="give").status_code == 303
    assert firm.post(boss, "/console/people/role", person=second, role=ADMIN, act="take").status_code == 303
    wrong = firm.post(boss, "/console/people/role", person=second, role="sampler", act="give")
    assert wrong.status_code == 403  # of the organisation itself there is but one role


def test_an_administrator_gives_managers_in_the_project(firm: Firm) -> None:
    boss, person = firm.as_("he"), firm.person("新经理")
    assert firm.post(boss, f"{firm.members}/role", person=person, role=MANAGER, act="give").status_code == 303
    assert firm.roles(person) == {MANAGER}
    pm = firm.as_("xujing")
    assert firm.post(pm, f"{firm.members}/role", person=person, role=MANAGER, act="take").status_code == 403
    page = pm.get(f"{firm.members}/{person}").text
    assert "不归你管的角色" in page and "生成登记码" not in page


# --- invitations --------------------------------------------------------------------------------------------------------


def test_invited_to_signed_in(firm: Firm) -> None:
    pm = firm.as_("xujing")
    form = {
        "name": "李新",
        "firm": firm.seeded.org,
        "duty": ["sampler", "recorder"],
        "username": "lixin",
        "role": ["sampler", "auditor"],
    }
    answer = firm.post(pm, f"{firm.members}/invite", **form)
    link = firm.link(answer)
    assert "只显示这一次" in answer.text and "李新，你好" in answer.text
    code = link.rpartition("/")[2]
    data = b"".join(p.read_bytes() for p in firm.parts.settings.data.glob("server.db*"))
    assert code.encode() not in data  # only its hash is kept
    page = firm.client().get(link)
    assert (
        page.status_code == 200
        and 'value="lixin"' in page.text
        and "许静邀请李新" in page.text
        and "红星电镀厂地块" in page.text
    )
    assert "没有加密" not in page.text
    done = firm.take(link, "lixin2")
    assert (
        done.status_code == 303
        and done.headers["location"] == "/console/"
        and "jingtu_session" in done.headers["set-cookie"]
    )
    firm.as_("lixin2", GOOD)
    with firm.parts.service.store.reading() as tx:
        account = tx.account("lixin2")
        assert account and tx.load("person", [account["person"]])[0].values["account"] == "lixin2"
        assert {r for _, r in tx.memberships(account["person"])} == {"sampler", "auditor"}
    for answer in (firm.client().get(link), firm.take(link, "again")):
        assert answer.status_code == 410 and "已经用过" in answer.text
    note = firm.notes("invite")[0]
    assert note["by"] == firm.who["xujing"] and note["owner"] == firm.seeded.project and code not in str(note)
    assert firm.notes("invite_used")[0]["about"] == account["person"]


@pytest.mark.parametrize(("missing", "said"), [("name", "填姓名"), ("firm", "选单位"), ("duty", "至少选一个岗位")])
def test_a_mistake_keeps_what_was_typed(firm: Firm, missing: str, said: str) -> None:
    form = {
        "name": "赵同学",
        "firm": firm.seeded.org,
        "duty": "driller",
        "username": "zhaotx",
        "role": "inspector",
        missing: "",
    }
    answer = firm.post(firm.as_("xujing"), f"{firm.members}/invite", **form)
    assert answer.status_code == 400 and said in answer.text and "zhaotx" in answer.text
    assert ("赵同学" in answer.text) == (missing != "name")
    assert re.search(r'value="inspector" checked', answer.text)
    if missing != "duty":
        assert re.search(r'value="driller" checked', answer.text)
    with firm.parts.service.store.reading() as tx:
        assert not tx.everywhere("person", name="赵同学")


def test_a_name_taken_or_wrong_is_told_and_nothing_made(firm: Firm) -> None:
    pm = firm.as_("xujing")
    form = {"name": "重名", "firm": firm.seeded.org, "duty": "sampler"}
    taken = firm.post(pm, f"{firm.members}/invite", **form, username="wang")
    assert taken.status_code == 409 and "「wang」已有人用" in taken.text
    for bad in ("a", "有 空格", "x" * 65):
        assert "用户名 2 到 64" in firm.post(pm, f"{firm.members}/invite", **form, username=bad).text
    higher = firm.post(pm, f"{firm.members}/invite", **form, role=MANAGER)
    assert higher.status_code == 403
    with firm.parts.service.store.reading() as tx:
        assert not tx.everywhere("person", name="重名")
    link = firm.invited(firm.person())
    assert "已有人用" in firm.take(link, "wang").text
    assert firm.take(link, "xinren1").status_code == 303  # the link was not spent by the mistake


def test_links_expire_are_replaced_and_withdrawn(firm: Firm) -> None:
    person = firm.person()
    first = firm.invited(person)
    second = firm.invited(person)
    assert "已失效" in firm.client().get(first).text and firm.client().get(second).status_code == 200
    firm.now = NOW + timedelta(hours=72, seconds=-1)
    assert firm.client().get(second).status_code == 200
    firm.now = NOW + timedelta(hours=72)
    late = firm.take(second, "late1")
    assert late.status_code == 410 and "已过期" in late.text
    firm.now = NOW
    third = firm.invited(person)
    assert "已发邀请" in firm.as_("xujing").get(firm.members + f"/{person}").text
    assert firm.post(firm.as_("xujing"), f"{firm.members}/link", person=person, act="withdraw").status_code == 303
    assert "已失效" in firm.take(third, "late2").text
    unknown = firm.client().get("/console/invited/nothing")
    assert unknown.status_code == 410 and "没有复制完整" in unknown.text


def test_a_link_dies_when_rights_grow_beyond_who_sent_it(firm: Firm) -> None:
    """Else the manager of one project could keep the link and enter another one in somebody's name."""
    person = firm.person()
    link = firm.invited(person)
    firm.parts.service.give_role(firm.who["pm2"], person, firm.seeded.other, "inspector")
    assert firm.client().get(link).status_code == 410 and firm.take(link, "twice").status_code == 410
    assert firm.post(firm.as_("xujing"), f"{firm.members}/link", person=person, act="invite").status_code == 403
    assert firm.post(firm.as_("xujing"), f"{firm.members}/code", person=person).status_code == 403
    assert firm.take(firm.invited(person, "he"), "twice").status_code == 303


def test_guessing_links_is_slowed(firm: Firm, tmp_path: Path) -> None:
    world = World(tmp_path)
    client = world.client()
    seen = [client.get(f"/console/invited/guess{n}").status_code for n in range(42)]
    assert seen[:40] == [410] * 40 and seen[40:] == [429] * 2
    world.parts.service.store.close()


def test_only_an_administrator_resets_a_password(firm: Firm) -> None:
    person = firm.person("忘密码")
    firm.parts.auth.add_account(person, "wang3", PASSWORD)
    firm.parts.service.grant(person, firm.seeded.project, "sampler")
    key = firm.parts.auth.make_key(person, "图", 30)
    old = firm.as_("wang3")
    answer = firm.post(firm.as_("xujing"), f"{firm.members}/link", person=person, act="reset")
    assert answer.status_code == 403
    assert "已有账号" in firm.post(firm.as_("xujing"), f"{firm.members}/link", person=person, act="invite").text
    link = firm.link(firm.post(firm.as_("he"), "/console/people/link", person=person, act="reset"))
    page = firm.client().get(link).text
    assert "重设密码" in page and 'value="wang3" readonly' in page
    assert old.get("/console/").status_code == 200  # nothing ends before it is used
    assert firm.take(link, "somebody-else").status_code == 303
    assert old.get("/console/").status_code == 303
    with pytest.raises(Trouble):
        firm.parts.auth.by_key(key)
    assert firm.client().sign_in("wang3", PASSWORD).status_code == 401
    firm.as_("wang3", GOOD)
    none = firm.post(firm.as_("he"), "/console/people/link", person=firm.person(), act="reset")
    assert none.status_code == 409 and "还没有账号" in none.text


@pytest.mark.parametrize(
    ("password", "good"),
    [("short", False), ("123456789", False), ("1234567890", False), ("0987654321", False), ("qwertyuiop", False), ("aaaaaaaaaaaa", False),
     ("password2026", False), ("jingtu123456", False), ("woaini5201314", False), ("xujing2026", False), ("许静许静许静许静许静", False),
     ("abababababab", False), ("correct horse battery", True), ("先采完一号点位再吃午饭", True), ("Zx9!kq-Lm2vw", True), ("x" * 1001, False)],
)  # fmt: skip
def test_which_passwords_will_do(password: str, good: bool) -> None:
    assert (weak(password, "xujing", "许静") is None) == good


def test_the_two_must_be_the_same_and_strong(firm: Firm) -> None:
    link = firm.invited(firm.person())
    differ = firm.take(link, "diff1", GOOD, "别的")
    assert (
        differ.status_code == 400
        and "不一样" in differ.text
        and 'value="diff1"' in differ.text
        and GOOD not in differ.text
    )
    weak_ = firm.take(link, "diff1", "1234567890")
    assert weak_.status_code == 400 and "连续" in weak_.text
    assert firm.take(link, "diff1").status_code == 303


# --- tablets ------------------------------------------------------------------------------------------------------------


def test_the_code_enrols_and_its_picture_says_the_same(firm: Firm) -> None:
    zxingcpp = pytest.importorskip("zxingcpp")
    from PIL import Image, ImageDraw

    answer = firm.post(firm.as_("xujing"), f"{firm.members}/code", person=firm.who["zhoulan"], use="field")
    code = re.search(r'id="code">([A-Z2-9-]{19})<', answer.text)
    assert answer.status_code == 200 and code and "平板连不上这个地址" in answer.text
    svg = answer.text[answer.text.index('<svg role="img"') :]
    svg = svg[: svg.index("</svg>")]
    assert "style=" not in svg
    size = int(re.search(r'viewBox="0 0 (\d+)', svg)[1])  # type: ignore[index]
    image = Image.new("L", (size * 8, size * 8), 255)
    draw, (x, y) = ImageDraw.Draw(image), (0.0, 0.0)
    path = re.search(r'stroke="#000" d="([^"]+)"', svg)
    assert path
    for verb, args in re.findall(r"([Mmh])([-\d. ]+)", path[1]):
        n = [float(v) for v in args.split()]
        if verb == "h":
            draw.rectangle([x * 8, (y - 0.5) * 8, (x + n[0]) * 8 - 1, (y + 0.5) * 8 - 1], fill=0)
            x += n[0]
        else:
            x, y = (n[0], n[1]) if verb == "M" else (x + n[0], y + n[1])
    (read,) = zxingcpp.read_barcodes(image)
    said = read_uri(read.text)
    assert said == {"server": BASE, "code": code[1], "key": fingerprint(firm.parts.service.server_key)}
    key = evidence.new_key()
    public, salt = evidence.public_of(key), evidence.b64(bytes(32))
    signature = evidence.sign(key, f"jingtu-enrol-1\n{said['code']}\n{public}\n{salt}".encode())
    request = EnrolRequest(code=said["code"], public_key=public, salt_key=salt, label="平板 7", signature=signature)
    assert firm.parts.service.enrol(request).person == firm.who["zhoulan"]
    assert firm.notes("code")[0]["about"] == firm.who["zhoulan"] and code[1] not in str(firm.notes("code")[0])
    assert firm.notes("enrol")[0]["by"] == firm.who["xujing"]


def test_the_uri_reads_back() -> None:
    key = evidence.public_of(evidence.new_key())
    server = "https://净土.example:8443/a?b=c&d=1"
    assert read_uri(enrol_uri(server, "ABCD-EFGH-JKMN-PQRS", key))["server"] == server
    assert '"><script>' not in qr_svg("jingtu://enrol", '"><script>')
    for other in (
        "https://enrol?server=a&code=b&key=c",
        "jingtu://enrol?server=a",
        "jingtu://other?server=a&code=b&key=c",
        "x",
    ):
        with pytest.raises(ValueError):
            read_uri(other)


def test_an_invitation_is_no_enrolment_code_and_the_other_way_round(firm: Firm) -> None:
    code = firm.parts.service.new_code(firm.who["zhoulan"], firm.who["xujing"])
    assert firm.client().get(f"/console/invited/{code}").status_code == 410
    assert firm.client().get(f"/console/invited/{code.replace('-', '')}").status_code == 410


def test_a_lost_tablet_is_shut_by_the_manager_with_the_reason(firm: Firm) -> None:
    pm, person = firm.as_("xujing"), firm.person("丢平板")
    firm.parts.service.grant(person, firm.seeded.project, "sampler")
    enrolment = firm.device(person, "Q1")
    path, form = f"{firm.members}/device", {"person": person, "enrolment": enrolment}
    silent = firm.post(pm, path, **form, act="revoke", reason="  ")
    assert silent.status_code == 400 and "写明理由" in silent.text and firm.state(enrolment) == "enrolled"
    assert "立即不能再读取" in silent.text
    assert firm.post(pm, path, **form, act="revoke", reason="丢在出租车上").status_code == 303
    assert firm.state(enrolment) == "revoked"
    note = firm.notes("revoked")[0]
    assert (note["by"], note["owner"]) == (firm.who["xujing"], firm.seeded.project)
    assert note["detail"] == {"device": "Q1", "person": person, "reason": "丢在出租车上"}
    assert firm.post(pm, path, **form, act="reinstate", reason="找到了").status_code == 303
    assert firm.state(enrolment) == "enrolled"
    # somebody else's person in the form opens nothing
    other = firm.device(firm.who["stranger"], "Q2")
    assert firm.post(pm, path, person=person, enrolment=other, act="revoke", reason="x").status_code == 404
    firm.parts.service.grant(person, firm.seeded.other, "sampler")
    assert (
        firm.post(pm, path, **form, act="revoke", reason="x").status_code == 403 and firm.state(enrolment) == "enrolled"
    )
    boss = firm.as_("he")
    assert firm.post(boss, "/console/devices/switch", enrolment=enrolment, act="revoke", reason="x").status_code == 303
    assert firm.post(boss, "/console/devices/switch", enrolment="no", act="revoke", reason="x").status_code == 404
    assert "写明理由" in firm.post(boss, "/console/devices/switch", enrolment=enrolment, act="reinstate").text
    listed = boss.get("/console/devices?state=revoked&q=Q1").text
    assert "丢平板" in listed and "Q2" not in listed


def test_whose_devices_are_whose_business(firm: Firm) -> None:
    enrolment = firm.device(firm.who["stranger"], "Q3")
    pm = firm.as_("xujing")
    page = pm.get(f"{firm.members}/{firm.who['stranger']}")
    assert page.status_code == 200 and "Q3" not in page.text and enrolment not in page.text
    assert "Q3" not in pm.get(firm.members).text


def test_how_a_clock_is_told() -> None:
    said = {ms: shown.clock(ms, "zh") for ms in (None, 0, -1999, 3000, -90_000, 600_000, 90_000_000)}
    assert list(said.values()) == ["", "准", "准", "慢 3 秒", "快 90 秒", "慢 10 分钟", "慢 25 小时"]


# --- accounts -------------------------------------------------------------------------------------------------------------


def test_disabling_ends_everything_and_can_be_undone(firm: Firm) -> None:
    person = firm.person("离职")
    firm.parts.auth.add_account(person, "leaver", PASSWORD)
    client, boss, enrolment = firm.as_("leaver"), firm.as_("he"), firm.device(person, "Q4")
    tokens = firm.parts.auth.by_password("leaver", PASSWORD, "here")
    key = firm.parts.auth.make_key(person, "图", 30)
    assert (
        firm.post(boss, "/console/people/account", person=person, act="disable")
        .headers["location"]
        .endswith("said=disabled_left")
    )
    assert client.get("/console/me").status_code == 303 and firm.state(enrolment) == "enrolled"
    for entry in (lambda: firm.parts.auth.by_refresh(tokens.refresh_token or ""), lambda: firm.parts.auth.by_key(key)):
        with pytest.raises(Trouble):
            entry()
    assert firm.post(boss, "/console/people/account", person=person, act="enable").status_code == 303
    assert client.get("/console/me").status_code == 303  # what was signed in stays out
    assert (
        firm.post(boss, "/console/people/account", person=person, act="disable", devices="yes")
        .headers["location"]
        .endswith("said=disabled")
    )
    assert firm.state(enrolment) == "revoked"
    own = firm.post(boss, "/console/people/account", person=firm.who["he"], act="disable")
    assert own.status_code == 403 and "自己的账号" in own.text
    assert firm.post(firm.as_("xujing"), "/console/people/account", person=person, act="enable").status_code == 403
    assert firm.post(boss, "/console/people/account", person=firm.person(), act="disable").status_code == 404
    listed = boss.get("/console/people?state=off").text
    assert "离职" in listed and "周岚" not in listed


# --- signing in -------------------------------------------------------------------------------------------------------------


def test_a_refused_sign_in_says_the_same_whoever_it_is(firm: Firm) -> None:
    person = firm.person()
    firm.parts.auth.add_account(person, "gone9", PASSWORD)
    firm.parts.service.disable(person, True, "os:x")
    told = []
    for user, password in (
        ("nobody9", PASSWORD),
        ("wang", "wrong password"),
        ("gone9", PASSWORD),
        ("gone9", "wrong password"),
    ):
        answer = firm.client().sign_in(user, password)
        headers = {k: v for k, v in answer.headers.items() if k != "content-length"}
        told.append((answer.status_code, headers, answer.text.replace(user, "…")))
    assert told[0][0] == 401 and all(t == told[0] for t in told[1:])
    notes = firm.notes("refused")[:4]
    assert [(n["about"], n["detail"]["why"]) for n in reversed(notes)] == [
        ("nobody9", "unknown"), ("wang", "password"), ("gone9", "disabled"), ("gone9", "password")]  # fmt: skip
    assert PASSWORD not in str(notes) and "wrong password" not in str(notes) and all(n["by"] == "?" for n in notes)


def test_every_refusal_hashes_and_writes_once(firm: Firm, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of a refusal is that of one hash and two writes, whoever it is: counted, because clocks on a busy machine say little."""
    done: list[str] = []
    auth, store = firm.parts.auth, firm.parts.service.store
    verify, writing = auth._hasher.verify, store.writing
    monkeypatch.setattr(auth._hasher, "verify", lambda *a: done.append("hash") or verify(*a))
    monkeypatch.setattr(store, "writing", lambda: done.append("write") or writing())
    for user in ("nobody8", "wang", "gone9"):
        done.clear()
        firm.client().sign_in(user, "wrong password")
        assert done == ["write", "hash", "write"], user


def test_a_long_or_strange_name_is_bounded_in_the_log(firm: Firm) -> None:
    firm.client().sign_in("长\n\x07" * 100 + "x", "y")
    about = firm.notes("refused")[0]["about"]
    assert len(about) <= 64 and about.isprintable()


def test_sessions_are_seen_and_ended(firm: Firm) -> None:
    one, two = firm.client(), firm.client()
    for client, agent in (
        (one, "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Edg/140.0"),
        (two, "Mozilla/5.0 (Android) MicroMessenger/8"),
    ):
        client(
            "POST",
            "/console/login",
            data={"username": "pm2", "password": PASSWORD},
            headers={**OWN, "User-Agent": agent},
        )
    page = one.get("/console/me").text
    assert (
        "Edge · Windows" in page and "微信 WeChat · Android" in page and page.count("本机") == 1 and "10.0.0.7" in page
    )
    (other,) = re.findall(r'name="session" value="([0-9a-f]{16})"', page)
    assert firm.post(one, "/console/me/sessions", session=other).status_code == 303
    assert two.get("/console/").status_code == 303 and one.get("/console/").status_code == 200
    two.sign_in("pm2")
    refresh = firm.parts.auth.by_password("pm2", PASSWORD, "here").refresh_token or ""
    assert "1 个程序" in one.get("/console/me").text
    foreign = firm.as_("wang")
    firm.post(foreign, "/console/me/sessions", session="all")  # ends nobody else's
    assert two.get("/console/").status_code == 200
    firm.post(one, "/console/me/sessions", session="all")
    assert two.get("/console/").status_code == 303 and one.get("/console/").status_code == 200
    with pytest.raises(Trouble):
        firm.parts.auth.by_refresh(refresh)
    for bad in ("", "%", "a" * 15):
        assert firm.post(one, "/console/me/sessions", session=bad).status_code in (303, 400)
    assert one.get("/console/").status_code == 200
    firm.now = NOW + timedelta(minutes=20)
    one.get("/console/")
    firm.now = NOW + timedelta(minutes=31)
    assert one.get("/console/me").text.count('class="tag">本机') == 1


def test_ones_own_password(firm: Firm) -> None:
    person = firm.person("改密码")
    firm.parts.auth.add_account(person, "change", PASSWORD)
    here, there = firm.as_("change"), firm.as_("change")
    refresh = firm.parts.auth.by_password("change", PASSWORD, "here").refresh_token or ""
    wrong = firm.post(here, "/console/me/password", old="no", new=GOOD, again=GOOD)
    assert wrong.status_code == 401 and "现在的密码不对" in wrong.text and there.get("/console/").status_code == 200
    assert "不一样" in firm.post(here, "/console/me/password", old=PASSWORD, new=GOOD, again="x").text
    assert "至少 10 个字符" in firm.post(here, "/console/me/password", old=PASSWORD, new="kurz", again="kurz").text
    assert "用户名" in firm.post(here, "/console/me/password", old=PASSWORD, new="change2026", again="change2026").text
    assert (
        firm.post(here, "/console/me/password", old=PASSWORD, new=GOOD, again=GOOD)
        .headers["location"]
        .endswith("said=password")
    )
    assert here.get("/console/").status_code == 200 and there.get("/console/").status_code == 303
    with pytest.raises(Trouble):
        firm.parts.auth.by_refresh(refresh)
    firm.as_("change", GOOD)
    for _ in range(8):
        slowed = firm.post(here, "/console/me/password", old="guess", new=GOOD, again=GOOD)
    assert slowed.status_code == 429


def test_pages_of_people_hold_in_both_languages(firm: Firm) -> None:
    """Every page a person can come to, each with one heading and no word missing."""
    boss, s = firm.as_("he"), firm.seeded
    for lang in ("zh", "en"):
        for path in (
            firm.members, f"{firm.members}/new?q=王", f"{firm.members}/{s.people['zhoulan']}", "/console/people", "/console/people/new",
            f"/console/people/{s.people['zhoulan']}", "/console/people?q=nobodyfits", "/console/devices", "/console/devices?q=nothing",
            "/console/me", "/console/log", f"/console/projects/{s.project}/log", "/console/log?q=nothinglikethis",
        ):  # fmt: skip
            page = boss.get(f"{path}{'&' if '?' in path else '?'}lang={lang}")
            assert page.status_code == 200 and page.text.count("<h1") == 1, (path, lang, page.status_code)
            assert "style=" not in page.text and "Undefined" not in page.text


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    firm = Firm(tmp_path)
    evil = "<img src=x onerror=alert(1)>\"'"
    person = firm.person(evil)
    firm.parts.service.grant(person, firm.seeded.project, "sampler")
    firm.device(person, "<b>")
    boss = firm.as_("he")
    for path in (firm.members, f"{firm.members}/{person}", "/console/people", f"/console/people/{person}", "/console/devices", "/console/log",
                 f"{firm.members}/new?q=%3Cimg", f"/console/log?q={evil}"):  # fmt: skip
        page = boss.get(path)
        assert page.status_code == 200 and "<img" not in page.text and "onerror=alert(1)&gt;" in page.text, path
    for form in ({"act": "invite"}, {}):
        page = firm.post(boss, f"{firm.members}/{'link' if form else 'code'}", person=person, **form)
        assert page.status_code == 200 and "<img" not in page.text
    firm.parts.service.store.close()
