"""Who may do what, said once more by hand: the rules of access that access.py makes its table of.

The rules of the console's rooms stand beside their probes in tests/api/rooms/.
"""

from __future__ import annotations

from collections.abc import Callable

# --- who -------------------------------------------------------------------------------------------------------------

ROLES = ("sampler", "inspector", "dispatcher", "project_manager", "administrator", "auditor", "party")
# beside the roles, each held in the project "own" by an account of its own: an administrator of the organisation, somebody
# who left the project, an account that was disabled while signed in (a sampler's)
ACCOUNTS = (*ROLES, "home_administrator", "former", "disabled")
DEVICES = (
    "device_sampler",
    "device_inspector",
    "device_project_manager",
    "device_party",
    "device_former",
    "device_revoked",
)
WHO = ("nobody", *ACCOUNTS, *DEVICES)


def role(who: str) -> str:
    """The role somebody holds: a revoked device is a sampler's, whose right is untouched."""
    return {"device_revoked": "sampler", "disabled": "sampler"}.get(who, who.removeprefix("device_"))


# --- where -----------------------------------------------------------------------------------------------------------

AUDIENCES = ("field", "enforcement", "transfer")
SCOPES = (*(f"own.{a}" for a in AUDIENCES), "organisation", *(f"foreign.{a}" for a in AUDIENCES), "nowhere")
PROJECTS = ("own", "foreign", "nowhere")  # nowhere: an address that does not exist
TABLES = (*(f"own.{a}" for a in AUDIENCES), "own.organisation", "foreign", "nowhere")  # a project's tables, by audience

# --- the rules -------------------------------------------------------------------------------------------------------

# Which audiences a role reads. A sampler's tablet never gets what was recorded for enforcement; a party of another firm
# reads nothing; who only audits reads all.
READS = {
    "sampler": "field organisation",
    "inspector": "field enforcement transfer organisation",
    "dispatcher": "field transfer organisation",
    "project_manager": "field enforcement transfer organisation",
    "administrator": "field enforcement transfer organisation",
    "home_administrator": "field enforcement transfer organisation",
    "auditor": "field enforcement transfer organisation",
    "party": "",
    "former": "",
}

# Where a role hands in without reading: another firm's people, of their own loads.
HANDS_IN = {"party": "transfer"}

# Which types a role writes, in scopes it reads or hands in to. An administrator writes what a project manager writes.
WRITES = {
    "sampler": "point borehole soil_layer field_reading calibration sample sample_container qc_link point_adjustment "
    "instrument photo comment",
    "inspector": "inspection checklist_answer finding corrective_action recheck facility field_task hand_over photo comment",
    "dispatcher": "transfer_plan manifest manifest_leg hand_over disposal_record vehicle photo comment",
    "project_manager": "project site plan plan_review plan_zone planned_point planned_target point_adjustment sample_container soil_lot "
    "corrective_action review_decision comment organisation person person_qualification instrument checklist transfer_plan vehicle "
    "facility field_task duty",
    "auditor": "",
    "party": "manifest_leg hand_over disposal_record photo",
    "former": "",
}
WRITES["administrator"] = WRITES["home_administrator"] = WRITES["project_manager"]
ON_THE_SERVER_ONLY = "conflict device enrolment number_block"

# What a probe of push writes: something somebody may write in each audience, and others may not
WRITTEN = {"field": "point", "enforcement": "inspection", "transfer": "soil_lot", "organisation": "instrument"}


def type_of(place: str) -> str:
    """What a probe of a table asks for: a type of that audience."""
    return WRITTEN.get(place.partition(".")[2], "point")


def reads(who: str, place: str) -> bool:
    """A role counts in its own project and in the organisation; that of the organisation's administrator everywhere."""
    if place.startswith("nowhere") or (place.startswith("foreign") and who != "home_administrator"):
        return False
    return place.rpartition(".")[2] in READS[role(who)].split()


def writes(who: str, type: str, audience: str) -> bool:
    """In its own project, or in the organisation."""
    there = f"{READS[role(who)]} {HANDS_IN.get(role(who), '')}".split()
    return audience in there and type in WRITES[role(who)].split()


def belongs(who: str, place: str) -> bool:
    """Holds or held any role there: what such people recorded is kept, even if they may not read the scope."""
    return reads(who, place) or (place.startswith("own") or place == "organisation") and who != "home_administrator"


def decides(who: str) -> bool:
    return role(who) in ("project_manager", "administrator", "home_administrator")


def anybody(_who: str, _place: str) -> str:
    """Says nothing of any project: the sign-in page, the description of the types, files of the pages."""
    return "ok"


def by_password(who: str, _: str) -> str:
    """Whoever knows name and password of an account that is not disabled, or has an enrolled device's key. A revoked device
    gets in as well: to hand in what it has."""
    return "2001" if who in ("nobody", "disabled") else "ok"


def by_code(_who: str, _place: str) -> str:
    """Enrolling asks for a one-time code, whoever one is; the probe has none that counts."""
    return "2006"


def known(who: str) -> str | None:
    """Every other address of the API asks who it is; a disabled account is nobody."""
    return "2002" if who in ("nobody", "disabled") else None


def not_revoked(who: str) -> str | None:
    """A revoked device is shown nothing of anything."""
    return known(who) or ("2005" if who == "device_revoked" else None)


def a_device(who: str) -> str | None:
    """What only tablets do."""
    return not_revoked(who) or (None if who in DEVICES else "2005")


def about_oneself(who: str, _: str) -> str:
    return not_revoked(who) or "ok"


def numbers(who: str, _: str) -> str:
    """Numbers for samples are for a device whose user records samples."""
    return a_device(who) or ("ok" if "sample" in WRITES[role(who)].split() else "2003")


def push(who: str, place: str) -> str:
    """A device hands in its own chain, a revoked one too. To a project somebody belongs or belonged to everything is
    taken: what he or she has no right to waits for the project manager, it is never refused. What others do not know of
    does not exist for them."""
    if refused := known(who):
        return refused
    if who not in DEVICES:
        return "1206"
    if not belongs(who, place):
        return "2004"
    if who == "device_revoked":
        return "parked 3009"
    audience = place.rpartition(".")[2]
    here = reads(who, place) or place.startswith("own")
    return "applied" if here and writes(who, WRITTEN[audience], audience) else "parked 3003"


def pull(who: str, place: str) -> str:
    return not_revoked(who) or ("ok" if reads(who, place) else "2004")


def outcomes(who: str, place: str) -> str:
    """Everybody may ask what became of his or her own changes, a revoked device too."""
    return known(who) or ("ok" if belongs(who, place) else "2004")


def seen(who: str, place: str) -> str:
    """What was pulled may be handed back by who may pull it."""
    return a_device(who) or ("ok" if reads(who, place) else "2004")


def conflict(who: str, place: str) -> str:
    """Both values of a conflict are for those who read its scope; the probe has one among the field records."""
    return not_revoked(who) or ("ok" if reads(who, f"{place}.field") else "2004")


def conflict_decision(who: str, place: str) -> str:
    """From a tablet as on the pages: project managers and administrators decide."""
    seen = conflict(who, place)
    return seen if seen != "ok" or decides(who) else "2003"


def announce(who: str, place: str) -> str:
    """A file is announced for a scope by whoever may hand in records there: what was recorded before a right was lost, or by a
    device that was revoked since, must not be lost."""
    return known(who) or ("ok" if belongs(who, place) else "2004")


def upload_of_another(who: str, _: str) -> str:
    """Whose upload it is not, for them there is none."""
    return known(who) or "1305"


def blob(who: str, place: str) -> str:
    """A file that a record in this scope names, sent for this scope by somebody who is none of these."""
    return not_revoked(who) or ("ok" if reads(who, place) else "1309")


def report(who: str, place: str) -> str:
    """A project is open to those who read its field records; the report shows what each may read."""
    return not_revoked(who) or ("ok" if reads(who, f"{place}.field") else "2004")


def signed_in(who: str) -> bool:
    """The pages are for people with an account; a device's token opens none of them."""
    return who in ACCOUNTS and who != "disabled"


def page(who: str, _: str) -> str:
    return "ok" if signed_in(who) else "login"


def project_page(who: str, place: str) -> str:
    return ("ok" if reads(who, f"{place}.field") else "2004") if signed_in(who) else "login"


def table_page(who: str, place: str) -> str:
    """A table of records is open to those who may open the project and read the records of that audience; for the others it
    is not there."""
    project, _, audience = place.partition(".")
    seen = project_page(who, project)
    return seen if seen != "ok" or reads(who, f"{project}.{audience or 'field'}") else "2004"


def project_data(who: str, place: str) -> str:
    """What script of a page asks for is answered with a problem instead of the sign-in page."""
    return ("ok" if reads(who, f"{place}.field") else "2004") if signed_in(who) else "2002"


def decision(who: str, place: str) -> str:
    """Project managers and administrators decide; the others who see the project are told so; for the rest it is not there."""
    seen = project_page(who, place)
    return seen if seen != "ok" else "go" if decides(who) else "2003"


def sign_in_page(who: str, _: str) -> str:
    """Whoever is signed in goes on to the projects."""
    return "go" if signed_in(who) else "ok"


def sign_in(who: str, _: str) -> str:
    return "go" if signed_in(who) else "2001"


def sign_out(_who: str, _place: str) -> str:
    return "login"


def to_the_pages(_who: str, _place: str) -> str:
    return "go"


Rule = Callable[[str, str], str]
SCOPE, PROJECT = "/api/v1/scopes/{scope}", "/console/projects/{project}"
RULES: dict[tuple[str, str], Rule] = {
    ("GET", "/"): to_the_pages,
    ("GET", "/openapi.json"): anybody,
    ("POST", "/api/v1/auth/token"): by_password,
    ("POST", "/api/v1/enrol"): by_code,
    ("GET", "/api/v1/types"): anybody,
    ("GET", "/api/v1/me"): about_oneself,
    ("POST", "/api/v1/blocks"): numbers,
    ("POST", f"{SCOPE}/push"): push,
    ("GET", f"{SCOPE}/pull"): pull,
    ("POST", f"{SCOPE}/outcomes"): outcomes,
    ("POST", f"{SCOPE}/seen"): seen,
    ("GET", "/api/v1/conflicts/{conflict}"): conflict,
    ("POST", "/api/v1/conflicts/{conflict}/decision"): conflict_decision,
    ("POST", "/api/v1/blobs"): announce,
    ("PATCH", "/api/v1/blobs/uploads/{upload}"): upload_of_another,
    ("GET", "/api/v1/blobs/{sha256}"): blob,
    ("GET", "/api/v1/blobs/{sha256}/thumbnail"): blob,
    ("GET", "/api/v1/projects/{project}/reconcile"): report,
    ("GET", "/console/static/{path}"): anybody,
    ("GET", "/console/lib/{name}"): anybody,
    ("GET", "/console/login"): sign_in_page,
    ("POST", "/console/login"): sign_in,
    ("POST", "/console/logout"): sign_out,
    ("GET", "/console/"): page,
    ("GET", PROJECT): project_page,
    ("GET", f"{PROJECT}/map.json"): project_data,
    ("GET", f"{PROJECT}/records/{{type}}"): table_page,
    ("GET", f"{PROJECT}/waiting"): project_page,
    ("POST", f"{PROJECT}/waiting/parked"): decision,
    ("POST", f"{PROJECT}/waiting/lost"): decision,
}
