"""The documents of the service beside the features themselves: landing page, conformance, API definition, collections. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from schemas import VERSION
from sync_server.ogc.asking import CRS84, LIMIT, MOST

ROOT = "/ogc"
JSON, GEOJSON, OPENAPI = "application/json", "application/geo+json", "application/vnd.oai.openapi+json;version=3.0"
CONFORMS = [f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{part}" for part in ("core", "oas30", "geojson")]
TITLE = "净土外业 Jingtu"
ABOUT = (
    "污染地块外业记录：点位、读数、样品、检查与转运，只读。坐标为 CGCS2000 经纬度，按 CRS84 给出（两者相差厘米级）。‖ "
    "Field records of contaminated-land projects, read only. Positions are CGCS2000 longitude and latitude, given as CRS84 "
    "(the two differ by centimetres)."
)


class Collection(NamedTuple):
    """`id` is `<project>.<type>`."""

    id: str
    title: str
    about: str
    dated: bool


def link(base: str, path: str, rel: str, type: str = JSON, title: str = "") -> dict[str, str]:
    return {"href": f"{base}{ROOT}{path}", "rel": rel, "type": type, **({"title": title} if title else {})}


def landing(base: str) -> dict[str, Any]:
    return {
        "title": TITLE, "description": ABOUT,
        "links": [
            link(base, "", "self", title="本页 ‖ this document"),
            link(base, "/api", "service-desc", OPENAPI, "接口定义 ‖ API definition"),
            link(base, "/conformance", "conformance", title="符合的标准 ‖ what it conforms to"),
            link(base, "/collections", "data", title="数据集 ‖ collections"),
        ],
    }  # fmt: skip


def conformance() -> dict[str, Any]:
    return {"conformsTo": CONFORMS}


def collection(base: str, c: Collection) -> dict[str, Any]:
    path = f"/collections/{c.id}"
    return {
        "id": c.id, "title": c.title, "description": c.about, "itemType": "feature", "crs": [CRS84],
        "links": [
            link(base, path, "self"), link(base, f"{path}/items", "items", GEOJSON, c.title), link(base, "/collections", "parent"),
        ],
    }  # fmt: skip


def collections(base: str, found: list[Collection]) -> dict[str, Any]:
    return {
        "links": [link(base, "/collections", "self"), link(base, "", "parent")],
        "collections": [collection(base, c) for c in found],
    }


def api(base: str) -> dict[str, Any]:
    """The definition in OpenAPI 3.0, which the standard asks for; the rest of the server describes itself in 3.1."""

    def query(name: str, about: str, schema: dict[str, Any]) -> dict[str, Any]:
        return {"name": name, "in": "query", "required": False, "description": about, "schema": schema}

    def get(what: str, about: str, *params: Any, media: str = JSON) -> dict[str, Any]:
        answers = {"200": {"description": about, "content": {media: {"schema": {"type": "object"}}}}}
        for status, words in (("400", "看不懂的参数 ‖ a parameter that is not understood"), ("401", "要密钥 ‖ a key is needed"),
                              ("404", "没有，或无权查看 ‖ not there, or not for you")):  # fmt: skip
            answers[status] = {
                "description": words,
                "content": {"application/problem+json": {"schema": {"type": "object"}}},
            }
        return {"get": {"operationId": what, "summary": about, "parameters": list(params), "responses": answers}}

    place = {"name": "collectionId", "in": "path", "required": True, "schema": {"type": "string"}}
    feature = {**place, "name": "featureId"}
    numbers = {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6}
    asking = (
        query("limit", "最多几条 ‖ at most", {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}),
        {**query("bbox", "west,south,east,north", numbers), "style": "form", "explode": False},
        query("datetime", "时刻或区间 ‖ an instant or an interval (RFC 3339)", {"type": "string"}),
        query(
            "after", "从哪条之后，见 next 链接 ‖ where to go on, see the link next", {"type": "integer", "minimum": 0}
        ),
    )
    return {
        "openapi": "3.0.3",
        "info": {"title": TITLE, "description": ABOUT, "version": VERSION},
        "servers": [{"url": f"{base}{ROOT}"}],
        "paths": {
            "/": get("landing", "首页 ‖ landing page"),
            "/conformance": get("conformance", "符合的标准 ‖ conformance"),
            "/collections": get("collections", "数据集 ‖ collections"),
            "/collections/{collectionId}": get("collection", "一个数据集 ‖ one collection", place),
            "/collections/{collectionId}/items": get("items", "要素 ‖ features", place, *asking, media=GEOJSON),
            "/collections/{collectionId}/items/{featureId}": get("item", "一个要素 ‖ one feature", place, feature, media=GEOJSON),
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}, "password": {"type": "http", "scheme": "basic"}}
        },
        "security": [{"key": []}, {"password": []}],
    }  # fmt: skip
