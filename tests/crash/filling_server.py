"""Every way in which the server writes, on a disk that takes no more. Runs in a process of its own, see filling_tablet.

`CALLS` is held against the code (tests/crash/test_full.py): a public method that writes and is not in it fails there.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx

from schemas.problems import Trouble
from schemas.rules import evidence
from schemas.wire import SeenHead
from sync_server.blobs.incoming import mark_whole
from sync_server.console.session import IDLE_MS, TOUCH_MS, Sessions
from sync_server.export.making import Order, make
from sync_server.export.wish import FORMATS, Wish
from sync_server.main import build
from sync_server.service import Caller, Write, export_jobs
from sync_server.settings import Settings
from sync_server.store import BlobRow
from tests.api.conftest import AT, Device, Server, details, outcomes
from tests.api.tus import picture
from tests.crash import migrations
from tests.crash.filling_tablet import FRAME, LONG, Limited, Small, report, told
from tests.crash.site import want
from tests.sim.tablet import empty

Call = Callable[[], Any]
PASSWORD = "一个很长的口令"


class FakeRequest:
    """What a sign-in looks at."""

    def __init__(self, cookie: str = "") -> None:
        self.client = None
        self.url = httpx.URL("http://127.0.0.1/")
        self.url.hostname = "127.0.0.1"  # type: ignore[attr-defined]
        self.cookies = {"jingtu_session": cookie} if cookie else {}
        self.headers: dict[str, str] = {}


class Office:
    """A server with something of everything, and calls that can be made once each."""

    def __init__(self, server: Server) -> None:
        self.server, self.s, self.auth = server, server.service, server.auth
        self.device = Device(server, server.sampler)
        self.sessions = Sessions(self.s, self.auth)
        self.auth.add_account(server.pm, "pm", PASSWORD)
        self.person = self._person()

    def _person(self) -> str:
        id = self.s.new_id()
        self.s.write(
            None,
            [Write("person", id, self.server.home, {"name": "新人", "org_id": self.server.org, "duties": ["sampler"]})],
        )
        return id

    def _comment(self) -> dict[str, Any]:
        return {"subject_kind": "site", "subject_id": self.server.site, "text": LONG, "at": AT}

    # --- records -------------------------------------------------------------------------------------------------

    def write(self) -> Call:
        one = Write("comment", self.s.new_id(), self.server.field, self._comment())
        return lambda: self.s.write(None, [one])

    def push(self) -> Call:
        from schemas import change
        from schemas.wire import PushHead

        lines = [self.device.change("comment", self._comment()) for _ in range(3)]
        head = PushHead.model_validate(self.device.head(lines, self.server.field))
        caller = Caller(self.server.sampler, self.device.enrolment)
        want(all(change.change_id(x) for x in lines), "no lines")
        return lambda: self.s.push(caller, self.server.field, head, lines)

    def _conflict(self) -> str:
        other, record = Device(self.server, self.server.sampler), self.server.new_id()
        self.device.push([self.device.change("point", self.server.point(), record)])
        self.device.push([self.device.change("point", {"wind": "南"}, record, {"wind": "北"})])
        answer = other.push([other.change("point", {"wind": "东"}, record, {"wind": "北"})])
        want(outcomes(answer) == ["conflict"], f"no conflict: {answer.text}")
        (conflict,) = details(answer)[0]["conflicts"]
        return str(conflict)

    def resolve(self) -> Call:
        conflict = self._conflict()
        return lambda: self.s.resolve(self.server.pm, conflict, "take_after", "核对过")

    def decide_conflict(self) -> Call:
        conflict, caller = self._conflict(), Caller(self.server.pm)
        return lambda: self.s.decide_conflict(caller, conflict, "take_after", "核对过")

    def _parked(self, device: Device) -> list[str]:
        answer = device.push([device.change("point", self.server.point(code=self.server.new_id()))])
        want(outcomes(answer) == ["parked"], f"not parked: {answer.text}")
        return [d["id"] for d in details(answer)]

    def decide_parked(self) -> Call:
        self.s.grant(self.person, self.server.project, "dispatcher")
        ids = self._parked(Device(self.server, self.person))
        return lambda: self.s.decide_parked(self.server.pm, ids, True, "核对过")

    def rerun(self) -> Call:
        """What a crash between two transactions leaves: the right is there, the change still waits."""
        self.s.grant(self.person, self.server.project, "dispatcher")
        self._parked(Device(self.server, self.person))
        with self.s.store.writing() as tx:
            tx.add_membership(self.person, self.server.project, "sampler")
        return self.s.rerun

    def could_move(self) -> Call:
        self.rerun()
        return lambda: self.s.could_move(self.server.field)

    def take_seen(self) -> Call:
        lines = [evidence.row_line("comment", self.s.new_id(), 9, self._comment())]
        caller = Caller(self.server.sampler, self.device.enrolment)
        return lambda: self.s.take_seen(caller, self.server.field, SeenHead(epoch="before"), lines)

    def settle_unexplained(self) -> Call:
        self.take_seen()()
        records = [u.record for u in self.s.unexplained(self.server.field)]
        want(records, "nothing is unexplained")
        return lambda: self.s.settle_unexplained(self.server.pm, self.server.field, records, True, "核对过")

    # --- files ---------------------------------------------------------------------------------------------------

    def _announced(self, name: str = "a.bin") -> tuple[Caller, str, bytes]:
        """Somebody's upload of a file that no disk of a few pages takes."""
        data = LONG.encode() * 8 + name.encode()
        caller = Caller(self.server.sampler, self.device.enrolment)
        row = self.s.begin_upload(caller, sha256(data).hexdigest(), len(data), name, self.server.field)
        return caller, row.id, data

    def begin_upload(self) -> Call:
        caller = Caller(self.server.sampler, self.device.enrolment)
        return lambda: self.s.begin_upload(caller, "0" * 64, 100, LONG, self.server.field)

    def end_upload(self) -> Call:
        return self._upload(len, "a.bin")

    def write_upload(self) -> Call:
        """Of a long request some is kept on its way."""
        return self._upload(lambda data: len(data) - 1, "b.bin")

    def _upload(self, first: Callable[[bytes], int], name: str) -> Call:
        caller, id, data = self._announced(name)

        def call() -> Any:
            work = self.s.append_to(caller, id, self.s.upload_at(caller, id).stands_at, None, None)
            try:
                rest = data[work.at :]
                self.s.write_upload(work, rest[: first(rest)])
                return self.s.end_upload(work, rest[first(rest) :], cut=False)
            finally:
                work.close()

        return call

    def _half_entered(self) -> tuple[Caller, str]:
        """What a process leaves that died between a file and its rows."""
        caller, id, data = self._announced()
        path = self.s.shelf.uploads / id
        path.write_bytes(data)
        mark_whole(path)
        self.s.shelf.files.take(path, sha256(data).hexdigest())
        return caller, id

    def upload_at(self) -> Call:
        caller, id = self._half_entered()
        return lambda: self.s.upload_at(caller, id)

    def append_to(self) -> Call:
        caller, id = self._half_entered()

        def call() -> Any:
            try:
                return self.s.append_to(caller, id, 0, None, None)
            except Trouble as err:
                if err.problem.number != 1305:  # it is over, and in
                    raise

        return call

    def settle_uploads(self) -> Call:
        self._half_entered()
        return self.s.settle_uploads

    def clear_uploads(self) -> Call:
        self._announced()
        self.server.clock.turn(hours=80)
        return self.s.clear_uploads

    def read_facts(self) -> Call:
        data = picture("facts")
        sha = sha256(data).hexdigest()
        path = self.s.shelf.files.path(sha)
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        with self.s.store.writing() as tx:
            tx.add_blob(BlobRow(sha, len(data), "jpg", "a.jpg", AT, None))
        return self.s.read_facts

    # --- exports -------------------------------------------------------------------------------------------------

    def _ordered(self) -> str:
        return self.s.order_export(Caller(self.server.pm), self.server.project, Wish("gpkg"))

    def order_export(self) -> Call:
        return self._ordered

    def again_export(self) -> Call:
        id = self._ordered()
        return lambda: self.s.again_export(Caller(self.server.pm), id)

    def cancel_export(self) -> Call:
        id = self._ordered()
        return lambda: self.s.cancel_export(Caller(self.server.pm), id)

    def make_export(self) -> Call:
        """Where there is room for the word that it begins, but none for the file, the job says so."""
        self._ordered()
        export_jobs.AGAIN_S = 0.0
        return self.s.make_export

    def settle_exports(self) -> Call:
        id = self._ordered()
        with self.s.store.writing() as tx:
            tx.move_export(id, ("waiting",), state="running", runner="0" * 16)
        return self.s.settle_exports

    def clear_exports(self) -> Call:
        id = self._ordered()
        want(self.s.make_export(), "nothing was made")
        (self.server.folder / "kept").hardlink_to(self.server.folder / "exports" / id)  # removing it makes no room
        self.server.clock.turn(hours=25)
        return self.s.clear_exports

    # --- people and devices --------------------------------------------------------------------------------------

    def add_project(self) -> Call:
        values = {"code": "P2", "name": "项目", "stage": "detailed", "client_id": self.server.org,
                  "surveyor_id": self.server.org, "contact_id": self.server.pm}  # fmt: skip
        return lambda: self.s.add_project(values)

    def grant(self) -> Call:
        return lambda: self.s.grant(self.person, self.server.project, "sampler", by=LONG)

    def withdraw(self) -> Call:
        self.s.grant(self.person, self.server.project, "sampler")
        return lambda: self.s.withdraw(self.person, self.server.project, "sampler", by=LONG)

    def new_code(self) -> Call:
        return lambda: self.s.new_code(self.person, self.server.pm)

    def enrol(self) -> Call:
        from schemas.wire import EnrolRequest

        private, salt, code = evidence.new_key(), evidence.b64(bytes(32)), self.s.new_code(self.person, self.server.pm)
        public = evidence.public_of(private)
        signature = evidence.sign(private, f"jingtu-enrol-1\n{code}\n{public}\n{salt}".encode())
        request = EnrolRequest(code=code, public_key=public, salt_key=salt, label="平板", signature=signature)
        return lambda: self.s.enrol(request)

    def take_block(self) -> Call:
        caller = Caller(self.server.sampler, self.device.enrolment)
        return lambda: self.s.take_block(caller, "sample", 10)

    def revoke(self) -> Call:
        return lambda: self.s.revoke(self.device.enrolment)

    def reinstate(self) -> Call:
        self.s.revoke(self.device.enrolment)
        return lambda: self.s.reinstate(self.device.enrolment)

    def disable(self) -> Call:
        return lambda: self.s.disable(self.server.pm, True, "admin")

    def change_password(self) -> Call:
        return lambda: self.s.change_password(self.server.pm, "x", "admin")

    def read_handed(self) -> Call:
        self.read_facts()
        return self.s.read_handed

    def hand_in(self) -> Call:
        source = self.s.shelf.uploads / "source"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_bytes(LONG.encode())
        temp, sha = source.with_name("temp"), sha256(LONG.encode()).hexdigest()

        def call() -> bool:
            temp.unlink(missing_ok=True)
            temp.hardlink_to(source)  # a second name needs no room
            return self.s.hand_in(temp, sha, "a.txt", {self.server.field: self.device.enrolment})

        return call

    # --- what people do on the pages -----------------------------------------------------------------------------

    def _admin(self) -> str:
        self.s.grant(self.server.pm, self.server.org, "administrator")
        return self.server.pm

    def noted(self) -> Call:
        return lambda: self.s.noted(self.server.pm, "looked", LONG, self.server.project)

    def review(self) -> Call:
        record = self.s.new_id()
        self.device.push([self.device.change("point", self.server.point(), record)])
        ((seq,),) = self.server.sql("SELECT seq FROM point WHERE id=?", record)
        return lambda: self.s.review(self.server.pm, [("point", record, seq)], "back", LONG)

    def _plan(self) -> tuple[str, str]:
        id = self.s.new_id()
        values = {"code": "F1", "version": 1, "title": LONG[:200], "stage": "detailed", "author_id": self.server.org}
        self.s.write(self.server.pm, [Write("plan", id, self.server.field, values)])
        ((seq,),) = self.server.sql("SELECT seq FROM plan WHERE id=?", id)
        return id, str(seq)

    def review_plan(self) -> Call:
        plan, seen = self._plan()
        said = {"kind": "meeting", "held_on": "2026-11-20", "conclusion": "pass", "opinions": LONG,
                "experts": [{"name": "甲", "organisation": "某院", "title": "教授级高工"}]}  # fmt: skip
        return lambda: self.s.review_plan(self.server.pm, self.server.project, plan, said, seen, approve=True)

    def change_seen(self) -> Call:
        plan, seen = self._plan()
        values = {**self.s.records("plan", self.server.field)[0].values, "change_note": LONG}
        writes = [Write("plan", plan, self.server.field, values)]
        return lambda: self.s.change_seen(self.server.pm, self.server.project, writes, {plan: int(seen)}, "plan_rules")

    def _transfer(self) -> tuple[str, int, dict[str, Any]]:
        """(plan, seq, values) of a transfer plan that was submitted."""
        server, new, scope = self.server, self.s.new_id, f"{self.server.project}.transfer"
        lot, truck, plan = new(), new(), new()
        receiver = {
            "org_id": server.org,
            "site_name": "窑",
            "way": "cement_kiln",
            "permit_no": "1",
            "capacity_t": "5000.0",
            "route_min": 60,
        }
        filing = {"authority_id": server.org, "side": "origin", "submitted_at": AT}
        values: dict[str, Any] = {
            "code": plan[-12:], "version": 1, "site_id": server.site, "consignor_id": server.org, "lots": [lot], "mass_t": "640.0", "volume_m3": "400",
            "from_date": "2026-11-12", "to_date": "2026-12-31", "way": "road", "carriers": [server.org], "vehicles": [truck], "receivers": [receiver],
            "filings": [filing],
        }  # fmt: skip
        vehicle = {"plate": truck[-8:], "vehicle_class": "t4_31", "carrier_id": server.org}
        self.s.write(None, [Write("vehicle", truck, server.home, vehicle), Write("soil_lot", lot, scope, {"code": lot[-8:], "kind": "pit"}),
                            Write("transfer_plan", plan, scope, values)])  # fmt: skip
        ((seq,),) = server.sql("SELECT seq FROM transfer_plan WHERE id=?", plan)
        return plan, seq, values

    def keep_transfer_plan(self) -> Call:
        plan, seq, values = self._transfer()
        who, project, more = self.server.pm, self.server.project, {**values, "note": LONG[:4000]}
        return lambda: self.s.keep_transfer_plan(who, project, plan, more, seq, "transfer_edit")

    def amend_transfer_plan(self) -> Call:
        plan, seq, _ = self._transfer()
        return lambda: self.s.amend_transfer_plan(self.server.pm, self.server.project, plan, seq, LONG[:20_000])

    def _lead(self) -> tuple[str, int]:
        """A field task nobody has answered."""
        server = self.server
        id, scope = self.s.new_id(), f"{server.project}.enforcement"
        values = {"code": f"RW-{id[-6:]}", "kind": "grid", "title": "线索", "position": {"lon": "119.4", "lat": "32.1"}}
        self.s.write(None, [Write("field_task", id, scope, values)])
        ((seq,),) = server.sql("SELECT seq FROM field_task WHERE id=?", id)
        return id, seq

    def import_leads(self) -> Call:
        place = {"lon": "119.4", "lat": "32.1"}
        leads = [{"kind": "grid", "title": f"线索 {n}", "detail": LONG[:20_000], "position": place} for n in range(5)]
        return lambda: self.s.import_leads(self.server.pm, self.server.project, leads, "a.csv")

    def assign_tasks(self) -> Call:
        id, seq = self._lead()
        who, project = self.server.pm, self.server.project
        return lambda: self.s.assign_tasks(who, project, {id: seq}, [self.server.inspector], "2027-12-15")

    def keep_task(self) -> Call:
        id, seq = self._lead()
        values = {"kind": "grid", "title": "改了", "detail": LONG[:20_000], "position": {"lon": "119.4", "lat": "32.1"}}
        return lambda: self.s.keep_task(self.server.pm, self.server.project, id, values, seq)

    def send_again(self) -> Call:
        id, seq = self._lead()
        return lambda: self.s.send_again(self.server.pm, self.server.project, id, seq)

    def withdraw_task(self) -> Call:
        id, seq = self._lead()
        return lambda: self.s.withdraw_task(self.server.pm, self.server.project, id, seq, LONG[:400])

    def report_rectified(self) -> Call:
        """A party's report about a finding of a signed inspection."""
        server, new = self.server, self.s.new_id
        scope, at = f"{server.project}.enforcement", self.s.now()
        who, inspection, finding = new(), new(), new()
        signed = {"role": "inspector", "name": "甲", "way": "signed", "strokes": "M0 0", "signed_at": at}
        self.s.write(
            None, [Write("person", who, server.home, {"name": "刘", "org_id": server.org, "duties": ["recorder"]})]
        )
        self.s.grant(who, server.project, "party")
        self.s.write(None, [
            Write("inspection", inspection, scope, {"code": "J1", "kind": "patrol", "site_id": server.site, "org_id": server.org, "started_at": at,
                                                    "officers": [{"person_id": server.inspector, "name": "甲", "duty": "inspector"}], "signatures": [signed]}),
            Write("finding", finding, scope, {"code": "W1", "inspection_id": inspection, "severity": "general", "kind": "a", "description": "a", "basis": "a", "org_id": server.org}),
        ])  # fmt: skip
        said = {"at": at, "measure_taken": LONG[:20_000], "done": False}
        return lambda: self.s.report_rectified(who, server.project, finding, new(), said)

    def keep_thing(self) -> Call:
        scope, values = f"{self.server.project}.transfer", {"code": "K8", "kind": "pit", "contaminants": LONG[:20_000]}
        return lambda: self.s.keep_thing(
            self.server.pm, self.server.project, "soil_lot", self.s.new_id(), scope, values, None
        )

    def recheck_finding(self) -> Call:
        from sync_server.service.inspections import Wish, mark_of

        server, new, scope = self.server, self.s.new_id, self.server.enforcement
        check, found = new(), new()
        officers = [{"person_id": server.inspector, "name": "甲", "duty": "inspector"}]
        self.s.write(None, [
            Write("inspection", check, scope, {"code": check[-12:], "kind": "patrol", "site_id": server.site, "org_id": server.org, "officers": officers, "started_at": AT}),
            Write("finding", found, scope, {"code": found[-12:], "inspection_id": check, "severity": "general", "kind": "标牌", "description": "缺", "basis": "待核", "org_id": server.org}),
        ])  # fmt: skip
        ((seq,),) = server.sql("SELECT seq FROM finding WHERE id=?", found)
        wish = Wish("refer", LONG[:20_000], mark_of((found, seq), []), referred_to="公安局")
        return lambda: self.s.recheck_finding(server.inspector, server.project, found, wish)

    def keep_checklist(self) -> Call:
        from schemas.rules.checklists import model, ready

        c = next(x for x in ready.every() if x.code == "well-check")._replace(code="own", ready=False)
        values = {**model.record_values(model.sealed(c)), "state": "draft", "note": LONG[:4000]}
        args = (self.server.pm, self.server.project, self.s.new_id(), self.server.home, values, None, "checklist_copy")
        return lambda: self.s.keep_checklist(*args)

    def keep_round(self) -> Call:
        values = {"kind": "patrol", "site_id": self.server.site, "org_id": self.server.org, "every_months": 3,
                  "first_due_on": "2026-12-01", "basis": "本地要求", "note": LONG[:4000]}  # fmt: skip
        return lambda: self.s.keep_round(self.server.pm, self.server.project, "duty", self.s.new_id(), values, None)

    def _drafted(self, record: str, base: int = 0) -> Any:
        from schemas.wire import DraftPut

        content = ('{"text":"' + f"{base}" + LONG * 3 + '"}').encode()
        head = {
            "type": "inspection",
            "scope": self.server.enforcement,
            "base": base,
            "sha256": sha256(content).hexdigest(),
        }
        return Caller(self.server.inspector), record, DraftPut.model_validate(head), content

    def keep_draft(self) -> Call:
        what = self._drafted(self.s.new_id())
        return lambda: self.s.keep_draft(*what)

    def drop_draft(self) -> Call:
        record = self.s.new_id()
        self.s.keep_draft(*self._drafted(record))
        return lambda: self.s.drop_draft(Caller(self.server.inspector), record)

    def put_plan_draft(self) -> Call:
        what = (self.server.pm, self.server.project, "edit", "草案", LONG.encode(), {})
        return lambda: self.s.put_plan_draft(*what)

    def drop_plan_draft(self) -> Call:
        self.put_plan_draft()()
        return lambda: self.s.drop_plan_draft(self.server.pm, self.server.project, "edit")

    def give_role(self) -> Call:
        return lambda: self.s.give_role(self.server.pm, self.person, self.server.project, "sampler")

    def take_role(self) -> Call:
        self.give_role()()
        return lambda: self.s.take_role(self.server.pm, self.person, self.server.project, "sampler")

    def code_for(self) -> Call:
        return lambda: self.s.code_for(self.server.pm, self.server.sampler, "field")

    def switch_account(self) -> Call:
        self.auth.add_account(self.person, "new", PASSWORD)
        self._admin()
        return lambda: self.s.switch_account(self.server.pm, self.person, True, True)

    def switch_device(self) -> Call:
        return lambda: self.s.switch_device(self.server.pm, self.device.enrolment, True, LONG, self.server.project)

    def invite_new(self) -> Call:
        values = {"name": "新人", "org_id": self.server.org, "duties": ["sampler"]}
        return lambda: self.s.invite_new(self.server.pm, values, self.server.project, ["sampler"], "xinren")

    def invite(self) -> Call:
        self.s.grant(self.person, self.server.project, "sampler")
        return lambda: self.s.invite(self.server.pm, self.person, self.server.project)

    def withdraw_invitation(self) -> Call:
        self.invite()()
        return lambda: self.s.withdraw_invitation(self.server.pm, self.person, self.server.project)

    def take_invitation(self) -> Call:
        code = self.invite()()
        return lambda: self.s.take_invitation(code, "xinren", self.auth.hashed(PASSWORD))

    def accept(self) -> Call:
        code = self.invite()()
        return lambda: self.auth.accept(code, "xinren", PASSWORD + "，再长一点", "here")

    def reset_link(self) -> Call:
        self.auth.add_account(self.person, "new", PASSWORD)
        self._admin()
        return lambda: self.s.reset_link(self.server.pm, self.person)

    def change_own(self) -> Call:
        return lambda: self.auth.change_own(self.server.pm, PASSWORD, PASSWORD + "，再长一点", "here", "")

    def make_key(self) -> Call:
        return lambda: self.auth.make_key(self.server.pm, LONG[:100], 30)

    def revoke_key(self) -> Call:
        self.make_key()()
        id = self.auth.keys_of(self.server.pm)[0]["id"]
        return lambda: self.auth.revoke_key(self.server.pm, id)

    def begin(self) -> Call:
        return lambda: self.sessions.begin(FakeRequest(), self.server.pm, "pm")  # type: ignore[arg-type]

    def end(self) -> Call:
        self.begin()()
        here = FakeRequest(self.sessions.begin(FakeRequest(), self.server.pm, "pm"))  # type: ignore[arg-type]
        visitor = self.sessions.visitor(here)  # type: ignore[arg-type]
        want(visitor, "nobody is signed in")
        return lambda: self.sessions.end(visitor)  # type: ignore[arg-type]

    # --- sign-in -------------------------------------------------------------------------------------------------

    def add_account(self) -> Call:
        return lambda: self.auth.add_account(self.person, "new", PASSWORD)

    def person_of(self) -> Call:
        return lambda: self.auth.person_of("pm", PASSWORD, "here")

    def by_password(self) -> Call:
        return lambda: self.auth.by_password("pm", PASSWORD, "here")

    def by_refresh(self) -> Call:
        token = self.auth.by_password("pm", PASSWORD, "here").refresh_token or ""
        return lambda: self.auth.by_refresh(token)

    def by_assertion(self) -> Call:
        said = self.device.assertion()
        return lambda: self.auth.by_assertion(said)

    def sign_in(self) -> Call:
        return lambda: self.sessions.sign_in(FakeRequest(), "pm", PASSWORD)  # type: ignore[arg-type]

    def sign_out(self) -> Call:
        request = FakeRequest(self.sessions.sign_in(FakeRequest(), "pm", PASSWORD))  # type: ignore[arg-type]
        return lambda: self.sessions.sign_out(request)  # type: ignore[arg-type]


CALLS = [name for name, made in vars(Office).items() if not name.startswith("_") and callable(made)]
OPENING = ["start", "found"]  # see `starting`
READING = ["visitor", "by_key", "invited"]  # see `reading`
TRACELESS = ["could_move"]  # writes nothing in the end, by its purpose


def equipped(folder: Path) -> Server:
    folder.mkdir()
    shutil.copy(empty() / "server.db", folder / "server.db")  # its tables, which take a second to make
    return Server(folder)


def everything(server: Server) -> Any:
    """All but how often somebody tried to sign in: a try is paid for before the password is looked at, and stays so."""
    names = [
        n for (n,) in server.sql("SELECT name FROM sqlite_master WHERE type='table' ORDER BY 1") if n != "throttle"
    ]
    return {n: server.sql(f'SELECT * FROM "{n}" ORDER BY 1,2') for n in names}


def emptied(server: Server) -> None:
    raw = server.service.store.engine.raw_connection()
    raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
    raw.close()


def calls(way: Any, names: list[str]) -> None:
    for name in names:
        folder = way.place / name
        server = equipped(folder)
        failed, call = 0, getattr(Office(server), name)()
        for step in way.steps:
            emptied(server)
            before = everything(server)
            trouble = None
            with way.full(step):
                try:
                    call()
                except Trouble as err:
                    trouble = err
            if trouble is None:
                break
            failed += 1
            told(trouble, (1102,), name)
            want(trouble.problem.status == 507, "not the status of a full disk")
            want(everything(server) == before, f"{name} failed and left something behind")
        else:
            before = everything(server)
            call()  # there is room again; nobody started the server anew
        want(failed or name in TRACELESS, f"{name} never met a full disk")
        want(
            everything(server) != before or name in (*TRACELESS, "person_of"),
            f"{name} does nothing when there is room again",
        )
        server.close()
        shutil.rmtree(folder)
        report(name, failed)


def starting(way: Any) -> None:
    """From nothing: the keys, the tables, the epoch; then the organisation."""
    folder, failed = way.place / "new", 0
    for step in (*way.steps, 300, 1000, 10**6):
        try:
            with way.full(step):
                build(Settings(data=folder)).service.store.close()
        except Trouble as err:
            failed += 1
            told(err, (1102,), "the first start")
        want(not [p for p in folder.glob("*.new")], "half a key is left behind")
        want(all(p.stat().st_size == 32 for p in folder.glob("*.key")), "half a key has its final name")
    want(failed > 3, "the first start never met a full disk")
    parts = build(Settings(data=folder))
    report("start", failed)
    with way.full(0):
        try:
            parts.service.found("示范公司")
            want(False, "a full disk took an organisation")
        except Trouble as err:
            told(err, (1102,), "found")
    want(parts.service.found("示范公司"), "not founded")
    parts.service.store.close()
    report("found", 1)


def reading(way: Any) -> None:
    """Of a running server a full disk can be read: tablets pull, and whoever is signed in sees the pages. A start wants a
    few pages for the index beside the database, and says so where they are not there."""
    server = equipped(way.place / "full")
    device = Device(server, server.sampler)
    device.push([device.change("point", server.point())])
    server.auth.add_account(server.pm, "pm", PASSWORD)
    sessions = Sessions(server.service, server.auth)
    request = FakeRequest(sessions.sign_in(FakeRequest(), "pm", PASSWORD))  # type: ignore[arg-type]
    token, key = device.token, server.auth.make_key(server.pm, "地图", 30)
    link = server.service.invite(server.pm, server.sampler, server.project)
    server.close()
    with way.full(0):
        try:
            again = build(Settings(data=way.place / "full"), server.clock)
        except Trouble as err:  # no room even for the index beside the file: told as what it is
            told(err, (1102,), "starting on a full disk")
            again = None
    again = again or build(Settings(data=way.place / "full"), server.clock)
    sessions = Sessions(again.service, again.auth)
    server.clock.turn(milliseconds=TOUCH_MS + 1)
    with way.full(0):
        want(sessions.visitor(request) is not None, "who is signed in cannot read while the disk is full")  # type: ignore[arg-type]
        head, lines = again.service.pull(again.auth.caller(token), server.field, None, 0)
        want(lines and not head.more, "a full disk cannot be pulled from")
        want(again.auth.by_key(key).person == server.pm, "a key does not count while the disk is full")
        want(again.auth.invited(link, "here").state == "open", "an invitation does not count while the disk is full")
    server.clock.turn(milliseconds=IDLE_MS + 1)
    with way.full(0):
        want(sessions.visitor(request) is None, "a session that is over counts while the disk is full")  # type: ignore[arg-type]
    again.service.store.close()
    report("reading", 1)


def migration(way: Any) -> None:
    side, failed, folder = migrations.SERVER, 0, way.place / "old"
    folder.mkdir()
    side.recorded(folder)
    with closing(sqlite3.connect(folder / side.file)) as db:
        db.execute("PRAGMA journal_mode=WAL")
    old, pages = migrations.state(folder / side.file, side), (folder / side.file).stat().st_size // 4096
    steps = [*way.steps] if isinstance(way, Limited) else [0, pages // 2, *(pages + n for n in range(1, 80, 3))]
    for step in steps:
        if migrations.state(folder / side.file, side) != old:
            break
        try:
            with way.full(step):
                build(Settings(data=folder)).service.store.close()
        except Trouble as err:
            failed += 1
            told(err, (1102,), "a migration")
            want(migrations.state(folder / side.file, side) == old, "a migration without room left something behind")
            for copy in folder.glob("*.bak"):
                want(migrations.state(copy, side) == old, "the copy is not whole")
            want(not list(folder.glob("*.new")), "half a copy goes on taking up room")
    want(failed > 1, "the migration never met a full disk")
    build(Settings(data=folder)).service.store.close()
    new = migrations.state(folder / side.file, side)
    want(new.version > old.version and new.rows["journal"] == old.rows["journal"], "not upgraded, or changes are lost")
    report("migration", failed)


def exporting(way: Any) -> None:
    """A file in every format: whole or not there, and nothing beside it."""
    folder = way.place / "exporting"
    server = equipped(folder)
    points = [server.point(code=f"S{n}", note=LONG) for n in range(60)]
    server.service.write(None, [Write("point", server.new_id(), server.field, p) for p in points])
    scopes = {server.field: "field"}
    for format in FORMATS:
        order = Order(Wish(format, () if format == "photos" else ("point",)), "P", scopes, "pm", AT)
        out, failed = folder / "out" / format, 0
        out.parent.mkdir(exist_ok=True)
        for step in (*way.steps, 32 + FRAME * 200, 10**6):
            emptied(server)
            out.unlink(missing_ok=True)
            with way.full(step):
                try:
                    make(server.service, server.service.shelf.files, order, out, lambda n: None)
                except Trouble as err:
                    failed += 1
                    told(err, (1102,), f"an export as {format}")
                    want(not [*out.parent.iterdir()], f"half an export as {format} is left")
        want([*out.parent.iterdir()] == [out] and out.stat().st_size, f"no export as {format} when there is room")
        want(failed, f"an export as {format} never met a full disk")
        out.unlink()
        report(f"export {format}", failed)
    server.close()


def main(kind: str, place: str) -> None:
    way = {"limited": Limited, "small": Small}[kind](Path(place))
    calls(way, CALLS)
    exporting(way)
    starting(way)
    reading(way)
    migration(way)
