"""The on-site record as a file: made when it is asked for, noted in the audit log as other exports are.

Whoever may read the project's inspections may have it; for anybody else it is not there.
"""

from __future__ import annotations

from fastapi import Request, Response

from schemas.fields import Audience
from schemas.problems import Trouble
from sync_server.console.house import House
from sync_server.console.manifests.papers import PDF, attached
from sync_server.console.shell import ROOT
from sync_server.documents.onsite_words import say
from sync_server.export.cells import file_name
from sync_server.onsite_making import made_pdf


def add_papers(house: House) -> None:
    @house.app.get("/projects/{project}/inspections/{inspection}.pdf")
    def paper(request: Request, project: str, inspection: str) -> Response:
        place = house.entered(request, project)
        if Audience.ENFORCEMENT not in place.audiences:
            raise Trouble(2004)
        scope = f"{place.project}.{Audience.ENFORCEMENT.value}"
        record = house.service.onsite_record(inspection, scope)
        if record is None:
            raise Trouble(2004)
        lang, address = house.lang(request), str(request.base_url).rstrip("/").removesuffix(ROOT)
        data = made_pdf(house.service, record, lang, house.now(), address)
        title = f"{say(lang, 'o_title')} {record.taken.code}"
        name = f"{file_name(title, 150)}.pdf"
        # noted first: what was handed out and is not in the log must not be
        house.service.noted(place.me.person, "document", inspection, place.project, file=name)
        return Response(data, media_type=PDF, headers=attached(name))
