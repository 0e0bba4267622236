"""What people do, one step at a time, chosen by the world's seed."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from field_app.store import Edit, Seen
from schemas.problems import Trouble
from schemas.records import TYPES, check
from tests.photo_files import keep, picture
from tests.sim import reference

if TYPE_CHECKING:
    from tests.sim.world import Tablet, World

Values = dict[str, Any]
GROUPS = ["metal", "hg", "as", "cr6", "voc", "svoc", "pah", "pcb", "ocp", "ph"]
AT = "2026-11-21T10:00:00+08:00"


def act(w: World, tablet: Tablet) -> None:
    """One thing somebody does."""
    draw = w.rng.random()
    if draw < 0.06 and not tablet.busy:
        with tablet.dying(w.rng.randrange(14)):
            work(w, tablet)
    elif draw < 0.66:
        work(w, tablet)
    elif draw < 0.84:
        tablet.sync(kill_at=w.rng.randrange(150) if w.rng.random() < 0.25 else None)
    elif draw < 0.92:
        at_the_console(w)
    elif draw < 0.95 and not tablet.busy:
        tablet.kill()
    elif draw < 0.97:
        turn = w.rng.choice([-90_000, -700, -30, 30, 700, 90_000])
        tablet.clock.skew += timedelta(seconds=turn)
    else:
        forbidden(w, tablet)


def work(w: World, tablet: Tablet) -> None:
    """Something on a tablet, without the network."""
    draw = w.rng.random()
    inspects = "inspector" in w.ever.get(tablet.person, set())
    make = INSPECTOR_MAKES if inspects else SAMPLER_MAKES
    if w.rng.random() < 0.2 and settle(w, tablet):
        return
    if draw < 0.28:
        edits = [e for e in (w.rng.choice(make)(w, tablet) for _ in range(w.rng.choice([1, 1, 1, 3]))) if e]
        w.finalize(tablet, edits, complete=False)
    elif draw < 0.35:
        draft(w, tablet)
    elif draw < 0.39:
        delete(w, tablet)
    else:
        for _ in range(w.rng.choice([1, 2, 3])):
            edit(w, tablet, "enforcement" if inspects and w.rng.random() < 0.9 else "field")


# --- new records -----------------------------------------------------------------------------------------------------


def known(w: World, tablet: Tablet, type: str, strange: float = 0.15) -> str | None:
    """A record to refer to: one the tablet shows, or, as from a label on a bag, one it has never heard of."""
    if w.rng.random() < strange and w.made.get(type):
        return w.rng.choice(w.made[type])
    shown = [s.id for s in tablet.store.all(type)]
    return w.rng.choice(shown) if shown else None


def point(w: World, t: Tablet) -> Edit:
    fix = {"lon": "119.1", "lat": "32.1", "h_acc_m": "0.5", "fix_kind": "rtk_fixed", "at": AT}
    values = {"code": w.fresh("S"), "site_id": w.site, "outcome": "done", "position": fix, "weather": "sunny",
              "surface_kind": w.fresh("土"), "samplers": people(w), "started_at": AT, "ended_at": AT}  # fmt: skip
    return Edit("point", t.store.new_id(), w.field, values)


def people(w: World) -> list[str]:
    return w.rng.sample(w.crew, w.rng.randint(1, 3))


def reading(w: World, t: Tablet) -> Edit | None:
    parent = w.rng.choice(["point", "point", "borehole", "sample"])
    id = known(w, t, parent)
    values = {f"{parent}_id": id, "method": "pid", "instrument_id": w.instrument, "parameter": w.fresh("TVOC"), "at": AT,
              "entry_way": "typed", **result(w), **interval(w, "depth_top_m", "depth_bottom_m")}  # fmt: skip
    return Edit("field_reading", t.store.new_id(), w.field, filled(values)) if id else None


def sample(w: World, t: Tablet) -> Edit | None:
    id = known(w, t, "point")
    values = {"code": w.fresh("Y"), "kind": "ordinary", "medium": "soil", "point_id": id, "batch": w.fresh("批"),
              "groups": w.rng.sample(GROUPS, 3), "collected_at": AT, "collected_by": people(w),
              **interval(w, "depth_top_m", "depth_bottom_m")}  # fmt: skip
    return Edit("sample", t.store.new_id(), w.field, values) if id else None


def qc_link(w: World, t: Tablet) -> Edit | None:
    a, b = known(w, t, "sample"), known(w, t, "sample")
    values = {"qc_sample_id": a, "original_id": b, "kind": "field_duplicate", "batch": w.fresh("批")}
    return Edit("qc_link", t.store.new_id(), w.field, values) if a and b else None


def borehole(w: World, t: Tablet) -> Edit | None:
    id = known(w, t, "point")
    values = {"point_id": id, "code": w.fresh("B"), "opened_at": AT, "rig": w.fresh("钻"), "depth_m": "6.0"}
    return Edit("borehole", t.store.new_id(), w.field, values) if id else None


def layer(w: World, t: Tablet) -> Edit | None:
    id = known(w, t, "borehole")
    values = {"borehole_id": id, "layer_no": w.rng.randint(1, 9), **interval(w, "top_m", "bottom_m")}
    return Edit("soil_layer", t.store.new_id(), w.field, values) if id else None


def container(w: World, t: Tablet) -> Edit | None:
    id = known(w, t, "sample")
    values = {
        "code": w.fresh("C"),
        "sample_id": id,
        "type": "jar250_b",
        "volume_ml": "250",
        "groups": ["svoc"],
        "state": "filled",
    }
    return Edit("sample_container", t.store.new_id(), w.field, values) if id else None


def comment(w: World, t: Tablet) -> Edit | None:
    kind = w.rng.choice(["point", "sample", "field_reading"])
    id = known(w, t, kind)
    values = {"subject_kind": kind, "subject_id": id, "text": w.fresh("批注"), "at": AT}
    return Edit("comment", t.store.new_id(), w.field, values) if id else None


def instrument(w: World, t: Tablet) -> Edit:
    values = {"code": w.fresh("I"), "kind": "pid", "model": w.fresh("m"), "serial_no": "1", "org_id": w.org}
    return Edit("instrument", t.store.new_id(), w.home, values)


def inspection(w: World, t: Tablet) -> Edit:
    officer = {"person_id": t.person, "name": "检查人", "duty": "inspector"}
    values = {"code": w.fresh("J"), "kind": "sampling_supervision", "site_id": w.site, "point_id": known(w, t, "point"),
              "org_id": w.org, "officers": [officer], "started_at": AT, "place": w.fresh("处")}  # fmt: skip
    return Edit("inspection", t.store.new_id(), w.enforcement, filled(values))


def finding(w: World, t: Tablet) -> Edit | None:
    id = known(w, t, "inspection")
    values = {"code": w.fresh("F"), "inspection_id": id, "severity": "tip", "kind": "其他", "basis": "-", "org_id": w.org,
              "description": w.fresh("问题")}  # fmt: skip
    return Edit("finding", t.store.new_id(), w.enforcement, values) if id else None


def photo(w: World, t: Tablet, camera: random.Random) -> None:
    """A picture on the tablet's disk, then the record that names it."""
    if t.busy or not w.ever.get(t.person, set()) & {"sampler", "dispatcher"}:
        return
    sha = keep(t.folder, picture(w.number(), camera.choice([800, 3000, 70_000])))
    values = {
        "sha256": sha,
        "step": "other",
        "subject_kind": "site",
        "subject_id": w.site,
        "taken_at": AT,
        "source": "app_camera",
    }
    w.finalize(t, [Edit("photo", t.store.new_id(), w.field, values)])


def filled(values: Values) -> Values:
    return {k: v for k, v in values.items() if v is not None}


SAMPLER_MAKES: list[Callable[[Any, Any], Edit | None]] = [
    point, point, reading, reading, sample, sample, qc_link, borehole, layer, container, comment, instrument,
]  # fmt: skip
INSPECTOR_MAKES: list[Callable[[Any, Any], Edit | None]] = [inspection, inspection, finding, finding, comment]

# --- changes to records ----------------------------------------------------------------------------------------------


def interval(w: World, top: str, bottom: str) -> Values:
    n = w.number() % 9000
    return {top: f"{n / 100:.2f}", bottom: f"{(n + w.rng.randint(1, 900)) / 100:.2f}"}


def result(w: World) -> Values:
    """A reading: the value, or below a limit. Whole, as an instrument gives it."""
    n = w.number()
    if w.rng.random() < 0.3:
        return {"value": None, "qualifier": "nd", "unit": "ppm_ib", "lod": f"{n}.5"}
    return {
        "value": f"{n}.25",
        "qualifier": w.rng.choice(["eq", "est"]),
        "unit": w.rng.choice(["ppm_ib", "mg_m3"]),
        "lod": None,
    }


def some_of(w: World, old: list[Any], of: list[Any]) -> list[Any]:
    """Add one, take one away, or both."""
    new = list(old)
    if new and w.rng.random() < 0.5:
        new.remove(w.rng.choice(new))
    return new + [x for x in [w.rng.choice(of)] if x not in new and w.rng.random() < 0.8]


def parent(w: World, t: Tablet, values: Values) -> Values:
    """The reading belongs to something else after all."""
    kind = w.rng.choice(["point", "borehole", "sample"])
    id = known(w, t, kind, strange=0.4)
    return {"point_id": None, "borehole_id": None, "sample_id": None, f"{kind}_id": id} if id else {}


TEXTS = {
    "point": ["wind", "wind", "surface_kind", "reason_text"], "field_reading": ["note"], "sample": ["batch", "batch", "note"],
    "qc_link": ["batch", "note"], "borehole": ["rig", "note"],
    "soil_layer": ["sign_text", "note"], "sample_container": ["seal_no", "note"], "comment": ["text"],
    "inspection": ["place", "opinion", "body"], "finding": ["description", "responsible"], "instrument": ["model", "maker"],
}  # fmt: skip
NEEDED = {"batch", "text", "place", "description", "model", "surface_kind"}


def moved(w: World, t: Tablet, s: Seen) -> Values:
    """New values for one or two things of a record."""
    type, v = s.type, s.values
    ways: list[Callable[[], Values]] = [lambda: {(f := w.rng.choice(TEXTS[type])): text(w, f)}]
    if type == "point":
        ways += [
            lambda: {"samplers": some_of(w, v.get("samplers", []), w.crew)},
            lambda: {"air_temp_c": f"{w.number() % 50}.5"},
        ]
    if type == "field_reading":
        ways += [
            lambda: result(w),
            lambda: result(w),
            lambda: interval(w, "depth_top_m", "depth_bottom_m"),
            lambda: parent(w, t, v),
        ]
        ways += [lambda: {"value": f"{w.number()}.75"} if v.get("qualifier") in ("eq", "est") else {}]
    if type == "sample":
        ways += [
            lambda: {"groups": some_of(w, v.get("groups", []), GROUPS)},
            lambda: {"collected_by": some_of(w, v.get("collected_by", []), w.crew)},
        ]
        ways += [
            lambda: interval(w, "depth_top_m", "depth_bottom_m"),
            lambda: {"point_id": known(w, t, "point", strange=0.5)},
        ]
    if type == "soil_layer":
        ways += [
            lambda: interval(w, "top_m", "bottom_m"),
            lambda: {"bottom_m": f"{float(v.get('top_m', 0)) + w.number() % 50 + 1:.2f}"},
        ]
    if type == "qc_link":
        ways += [lambda: {"original_id": known(w, t, "sample")}]
    new: Values = {}
    for way in w.rng.sample(ways, min(len(ways), w.rng.choice([1, 1, 2]))):
        new |= way()
    return new


def text(w: World, field: str) -> str | None:
    return None if field not in NEEDED and w.rng.random() < 0.12 else w.fresh(field[0])


def back_to_old(w: World, s: Seen) -> Values:
    """Somebody writes again what stood there once."""
    keys = [k for k in w.written if k[0] == s.id and "deleted" not in k[1]]
    return dict(w.rng.choice(w.written[w.rng.choice(keys)])) if keys else {}


def edit(w: World, t: Tablet, room: str) -> None:
    types = (
        ["inspection", "finding"] if room == "enforcement" else [k for k in TEXTS if k not in ("inspection", "finding")]
    )
    type = w.rng.choice(["point", "field_reading", "sample", *types] if room == "field" else types)
    shown = sorted((s for s in t.store.all(type) if s.scope in (w.home, w.field, w.enforcement)), key=lambda s: s.id)
    if not shown:
        return
    s = w.rng.choice(shown[:2] if w.rng.random() < 0.8 else shown)  # the same few records on all tablets
    if (waiting := [x for x in shown if x.state == "parked"]) and w.rng.random() < 0.5:
        s = w.rng.choice(waiting)  # it says that something is missing: somebody looks into it
    new = back_to_old(w, s) if w.rng.random() < 0.2 else moved(w, t, s)
    values = {**s.values, **new}
    if not check(TYPES[type], reference.with_changes({}, values)):
        w.finalize(t, [Edit(type, s.id, s.scope, values)], complete=False)


def settle(w: World, t: Tablet) -> bool:
    """Somebody sees a conflict and writes into the record what one of the two had, by hand."""
    open_ = [c for c in t.store.all("conflict") if "choice" not in c.values]
    if not open_:
        return False
    c = w.rng.choice(open_)
    s = t.store.get(c.values["subject_kind"], c.values["subject_id"])
    values = {**s.values, **reference.json.loads(c.values[w.rng.choice(["before", "after"])])} if s else {}
    if s and not check(TYPES[s.type], reference.with_changes({}, values)):
        w.finalize(t, [Edit(s.type, s.id, s.scope, values)])
    return True


def delete(w: World, t: Tablet) -> None:
    shown = t.store.all(w.rng.choice(["point", "field_reading", "sample", "comment"]))
    s = w.rng.choice(shown[:3]) if shown else None
    # who lost the right to see a record may still have a part of it, which is not a record that can be finished
    if s and not check(TYPES[s.type], s.values):
        w.finalize(t, [Edit(s.type, s.id, s.scope, {**s.values, "deleted": True, "void_reason": w.fresh("作废")})])


def draft(w: World, t: Tablet) -> None:
    """Write into a form; perhaps finish one that was begun before."""
    if t.drafts and w.rng.random() < 0.6:
        record = w.rng.choice(list(t.drafts))
        type, scope, values = t.drafts[record]
        w.finalize(t, [Edit(type, record, scope, values)], complete=True)
        return
    e = point(w, t)
    t.store.save_draft(e.type, e.record, e.scope, e.values)
    t.drafts[e.record] = (e.type, e.scope, e.values)


def forbidden(w: World, t: Tablet) -> None:
    """An app that is wrong: it writes what only the server writes. Refused, and still readable on the tablet."""
    devices = t.store.all("device")
    if devices and w.rng.random() < 0.5:
        s = w.rng.choice(devices)
        w.finalize(t, [Edit(s.type, s.id, s.scope, {**s.values, "label": w.fresh("假")})])


# --- at the console --------------------------------------------------------------------------------------------------


def at_the_console(w: World) -> None:
    """The project manager edits a record or decides a conflict."""
    scope = w.rng.choice([w.field, w.field, w.enforcement, w.home])
    if w.rng.random() < 0.5:
        decide(w, scope)
        return
    type, field = w.rng.choice(
        [("site", "location"), ("sample_container", "seal_no"), ("instrument", "model"), ("comment", "text")]
    )
    of = w.home if type == "instrument" else w.field
    found = sorted(w.service.records(type, of), key=lambda s: s.seq)
    if found:
        s = w.rng.choice(found[:4])
        w.console(type, s.id, of, {**s.values, field: w.fresh("网")})


def decide(w: World, scope: str) -> None:
    open_ = sorted((s for s in w.service.records("conflict", scope) if "choice" not in s.values), key=lambda s: s.seq)
    if not open_:
        return
    s = w.rng.choice(open_)
    lost, now = (reference.json.loads(s.values[k]) for k in ("after", "now"))
    type, record = s.values["subject_kind"], s.values["subject_id"]
    choice = w.rng.choice(["keep_now", "take_after", "set_value"])
    value = None
    if choice == "set_value":
        if (
            len(lost) > 1
            or not isinstance(next(iter(lost.values())), str)
            or next(iter(lost)) not in TEXTS.get(type, [])
        ):
            return
        value = {next(iter(lost)): w.fresh("定")}
    try:
        w.service.resolve(w.pm, s.id, choice, "理由", value)
    except Trouble as err:
        if err.problem.number != 3001:  # what was lost no longer fits beside the rest: another choice is needed
            raise
        return
    subject = next(r.values for r in w.service.records(type, scope) if r.id == record)
    want = {"keep_now": None, "take_after": lost, "set_value": value}[choice]
    if want is not None:
        w.note("console", type, record, {f: want.get(f) for f in want})
        after = [c.values for c in w.service.records("conflict", scope) if c.values["subject_id"] == record]
        by_itself = any(
            "choice" in c and "decided_by" not in c for c in after
        )  # another one may have been waiting for just this
        if any(subject.get(f) != v for f, v in want.items()) and not by_itself:
            from tests.sim.world import Broken

            raise Broken(f"{choice} was decided, but the record holds {subject} instead of {want} (now {now})")
