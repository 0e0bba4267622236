"""What stands in the files themselves, Chinese and English. Labels of fields and codes come from the record classes."""

from __future__ import annotations

WORDS: dict[str, tuple[str, str]] = {
    "id": ("记录号", "Record id"),
    "audience": ("属于", "Belongs to"),
    "deleted": ("作废", "Voided"),
    "seq": ("序号", "Serial no."),
    "extra": ("其他字段（JSON）", "Other fields (JSON)"),
    "json": ("{label}（JSON）", "{label} (JSON)"),
    "unit": ("{label}（{unit}）", "{label} ({unit})"),
    "local": ("{label}（UTC+8）", "{label} (UTC+8)"),
    "inside": ("{label}·{inner}", "{label} · {inner}"),
    "north": ("{label}·X 北（m）", "{label} · X north (m)"),
    "east": ("{label}·Y 东（m）", "{label} · Y east (m)"),
    "wkt": ("{label}（WKT 经纬度）", "{label} (WKT, lon lat)"),
    "position_from": ("位置来自", "Position from"),
    "place_own": ("本记录", "this record"),
    "place_other": ("所属点位", "the point it belongs to"),
    "strokes": ("（有笔迹）", "(strokes kept)"),
    "yes": ("是", "yes"),
    "no": ("否", "no"),
    "join": ("、", ", "),
    "about": ("说明", "About"),
    "about_project": ("项目", "Project"),
    "about_what": ("内容", "What"),
    "about_filter": ("筛选", "Filter"),
    "about_none": ("无（全部记录）", "none (all records)"),
    "about_voided": ("作废记录", "Voided records"),
    "about_voided_in": ("包含，「作废」列标明", "included, marked in the column “Voided”"),
    "about_voided_out": ("不包含", "left out"),
    "about_who": ("导出人", "Exported by"),
    "about_when": ("导出时间", "Exported at"),
    "about_rows": ("行数", "Rows"),
    "about_crs": ("坐标系", "Coordinates"),
    "about_axes": ("X 为北、Y 为东，单位米；经纬度同时列出", "X is north, Y is east, in metres; longitude and latitude are given as well"),
    "about_geographic_only": (
        "GeoJSON 的几何始终是 CGCS2000 经纬度（RFC 7946）；所选投影坐标在 X、Y 属性里",
        "Geometry in GeoJSON is always CGCS2000 longitude and latitude (RFC 7946); the chosen zone's X and Y are properties",
    ),
    "about_outside": ("注意", "Note"),
    "about_outside_line": (
        "{n} 个位置在所选带的范围之外：请核对带号",
        "{n} positions lie outside the chosen zone: check the zone",
    ),
    "about_untold": ("{n} 个位置离所选带太远，没有 X、Y", "{n} positions lie too far off the chosen zone and have no X and Y"),
    "about_source": ("数据来源", "Source of the figures"),
    "about_source_line": (
        "净土外业服务器中的记录，数字按仪器或记录人给出的位数，未作修约；编码按界面用语写出，引用写对方的编号或名称",
        "Records of the Jingtu server; figures have the digits the instrument or person gave, unrounded; codes are written as "
        "words, references by the other record's code or name",
    ),
    "about_source_names": (
        "净土外业服务器中的记录，字段名和值与数据库一致（编码、记录号、带时区的时间）",
        "Records of the Jingtu server; names and values of fields as stored (codes, record ids, times with their offset)",
    ),
    "about_moment": (
        "每一类记录取自同一时刻；不同类之间可能相差导出所用的时间",
        "Each record type is of one moment; between types lies the time the export took",
    ),
    "about_cut": ("截断", "Cut"),
    "about_cut_line": (
        "{n} 个单元格超过 32767 字，在此截断并标「…〔截断〕」；全文见 CSV 导出",
        "{n} cells are longer than 32,767 characters: cut here and marked “…[cut]”; the CSV export has the whole text",
    ),
    "cut": ("…〔截断，全文见 CSV〕", "…[cut; whole text in CSV]"),
    "about_text": ("公式", "Formulas"),
    "about_text_csv": (
        "文本以 = + - @ 等开头时，前面加了一个 ' ，使表格软件不把它当公式；不是原文的一部分",
        "Text that begins with = + - @ and the like has a ' in front, so that no spreadsheet takes it for a formula; it is not part of it",
    ),
    "sheets": ("工作表", "Sheets"),
    "rows_of": ("{what}：{n} 行", "{what}: {n} rows"),
    "whole": ("整个项目", "Whole project"),
    "photos": ("照片", "Photos"),
    "photo_list": ("照片清单", "photo list"),
    "p_file": ("文件名", "File"),
    "p_state": ("状态", "State"),
    "p_here": ("在包里", "in this file"),
    "p_missing": ("未到服务器", "not received yet"),
    "p_damaged": ("服务器上的文件已损坏", "damaged on the server"),
    "p_point": ("点位", "Point"),
    "p_subject": ("拍摄对象", "Subject"),
    "p_step": ("环节", "Step"),
    "p_sha": ("SHA-256", "SHA-256"),
    "p_bytes": ("字节数", "Bytes"),
    "p_taken": ("拍摄时间（UTC+8）", "Taken at (UTC+8)"),
    "p_lon": ("经度", "Longitude"),
    "p_lat": ("纬度", "Latitude"),
    "p_source": ("来源", "Source"),
    "p_who": ("上传人", "Sent by"),
    "p_received": ("收到时间（UTC+8）", "Received at (UTC+8)"),
    "p_file_taken": ("文件内拍摄时间（UTC+8）", "Taken at, as the file says (UTC+8)"),
    "p_file_lon": ("文件内经度", "Longitude in the file"),
    "p_file_lat": ("文件内纬度", "Latitude in the file"),
    "p_against": ("与 EXIF 不符", "Disagrees with EXIF"),
    "p_time": ("时间", "time"),
    "p_place": ("位置", "position"),
    "p_caption": ("说明", "Caption"),
    "no_point": ("无点位", "no point"),
    "aud_field": ("外业", "field"),
    "aud_enforcement": ("执法检查", "inspections"),
    "aud_transfer": ("转运", "transfer"),
    "aud_organisation": ("单位", "organisation"),
}  # fmt: skip

LANGS = ("zh", "en")


def say(lang: str, key: str, **parts: object) -> str:
    """A missing word raises KeyError: a test meets it, not a person."""
    text = WORDS[key][LANGS.index(lang)]
    return text.format(**parts) if parts else text
