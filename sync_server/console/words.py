"""What the console says, Chinese and English side by side. Words of fields, codes and checks come from `schemas`."""

from __future__ import annotations

from collections.abc import Callable

from schemas.reference import Label

LANGS = ("zh", "en")

_WORDS: dict[str, tuple[str, str]] = {
    "product": ("净土外业", "Jingtu"),
    "skip": ("跳到正文", "Skip to content"),
    "menu": ("菜单", "Menu"),
    "nav": ("主导航", "Main navigation"),
    "projects": ("项目", "Projects"),
    "all_projects": ("全部项目", "All projects"),
    "overview": ("概况", "Overview"),
    "map": ("地图", "Map"),
    "points": ("点位", "Points"),
    "devices": ("设备", "Devices"),
    "devices_of": ("设备与同步", "Devices and sync"),
    "sign_in": ("登录", "Sign in"),
    "sign_in_to": ("登录净土外业", "Sign in to Jingtu"),
    "sign_out": ("退出", "Sign out"),
    "username": ("用户名", "User name"),
    "password": ("密码", "Password"),
    "plain_http": ("这个地址没有加密，密码在网络上可被读取。请管理员启用 HTTPS。",
                   "This address is not encrypted: the password can be read on the network. Ask the administrator for HTTPS."),
    "forgot": ("忘记密码或没有账号：找项目经理或管理员。", "No account, or password lost: ask the project manager or administrator."),
    "theme": ("主题", "Theme"),
    "theme_light": ("浅色", "Light"),
    "theme_dark": ("深色", "Dark"),
    "theme_system": ("随系统", "System"),
    "language": ("语言", "Language"),
    "print": ("打印", "Print"),
    # projects
    "projects_line": ("{n} 个项目 · 等你决定的排最前", "{n} projects · what waits for you comes first"),
    "projects_line_1": ("1 个项目", "1 project"),
    "project": ("项目", "Project"),
    "to_decide": ("等决定", "To decide"),
    "above_iv": ("超管制", "Above interv."),
    "loads_open": ("联单未到", "Loads open"),
    "last_sync": ("最近同步", "Last sync"),
    "no_projects": ("还没有你能看的项目。", "There is no project you may see yet."),
    "no_projects_do": ("请项目经理把你加入项目；新的安装先建项目：", "Ask a project manager to add you; in a new installation make a project first:"),
    "no_plan_short": ("没有方案，先导入点位表", "No plan: import the point table first"),
    # project
    "as_of": ("数据到 {t}", "Data as of {t}"),
    "as_of_hint": ("服务器所知；{n} 台设备，未同步的记录不在内", "What the server knows; {n} devices, unsent records are not in it"),
    "plan_v": ("方案 v{n}", "plan v{n}"),
    "no_plan": ("还没有采样方案。", "There is no sampling plan yet."),
    "no_plan_do": ("导入点位表（CSV），计划点位就会出现在这里和地图上：", "Import the point table (CSV); planned points then show here and on the map:"),
    "no_device": ("还没有平板。", "No tablet yet."),
    "no_device_do": ("给采样员发一个登记码，在平板上扫一下：", "Make an enrolment code for a sampler and scan it on the tablet:"),
    "first": ("先决定这 {n} 件", "Decide these {n} first"),
    "first_none": ("没有要先决定的", "Nothing to decide first"),
    "first_none_line": ("按已入库的记录，没有错误。", "By the records on the server there is no error."),
    "others": ("其他发现", "Other findings"),
    "others_none": ("没有别的发现。", "No other findings."),
    "findings_line": ("共 {n} 条 · 与 jingtu reconcile 同一来源", "{n} in all · the same source as jingtu reconcile"),
    "cannot": ("无法判断", "Cannot say"),
    "cannot_line": ("缺了什么，补上就能判断", "What is missing; add it and it can be judged"),
    "cannot_none": ("没有缺的，都能判断。", "Nothing is missing: all could be judged."),
    "missing_input": ("缺：{what}", "Missing: {what}"),
    "who": ("谁来办：{x}", "Who acts: {x}"),
    "source": ("依据：{x}", "Source: {x}"),
    "on_map": ("在地图上看", "See on the map"),
    "see_all": ("看全部 {n} 条", "See all {n}"),
    "severity": ("程度", "Severity"),
    "sev_error": ("错误", "Error"),
    "sev_severe": ("超管制值", "Above intervention"),
    "sev_warning": ("提醒", "Warning"),
    "sev_info": ("提示", "Note"),
    "sev_unknown": ("无法判断", "Cannot say"),
    "kpi_points": ("点位完成", "Points done"),
    "kpi_samples": ("样品", "Samples"),
    "kpi_above": ("超标点位", "Points above"),
    "kpi_loads": ("转运联单", "Manifests"),
    "kpi_findings": ("未销号问题", "Open findings"),
    "n_missing": ("未做 {n}", "{n} not done"),
    "n_shifted": ("移位 {n}", "{n} moved"),
    "n_partial": ("部分 {n}", "{n} partly"),
    "n_refused": ("未能采 {n}", "{n} refused"),
    "n_cancelled": ("已取消 {n}", "{n} cancelled"),
    "n_extra": ("计划外 {n}", "{n} extra"),
    "n_unsure_shift": ("移位难断 {n}", "{n} shift unsure"),
    "duplicates": ("平行样 {n}（{p} %）", "{n} duplicates ({p} %)"),
    "no_samples": ("还没有样品", "No samples yet"),
    "none_judged": ("还没有可判断的读数", "No reading that can be judged yet"),
    "none_above": ("已判 {n} 项，都未超", "{n} analytes judged, none above"),
    "loads_line": ("收到 {a} · 短少 {b} · 未到 {c}", "{a} received · {b} short · {c} not received"),
    "no_loads": ("还没有联单", "No manifests yet"),
    "findings_line_kpi": ("检查发现的问题项", "from inspections"),
    # states
    "state": ("状态", "State"),
    "s_missing": ("待采", "Planned"),
    "s_done": ("已完成", "Done"),
    "s_partial": ("部分完成", "Partly done"),
    "s_refused": ("未能采", "Refused"),
    "s_cancelled": ("已取消", "Cancelled"),
    "s_extra": ("计划外", "Extra"),
    "s_shifted": ("已移位", "Moved"),
    "e_none": ("未超筛选值", "Below"),
    "e_screening": ("超筛选值", "Above screening"),
    "e_intervention": ("超管制值", "Above intervention"),
    "e_unknown": ("无法判断", "Cannot say"),
    # points
    "points_line": ("{n} 个点 · 最要看的在前", "{n} points · worst first"),
    "col_code": ("点位", "Point"),
    "col_judged": ("判断", "Judgement"),
    "col_shift": ("移位 m", "Shift m"),
    "col_accuracy": ("精度 m", "Accuracy m"),
    "col_duplicates": ("平行样", "Dupl."),
    "col_findings": ("发现", "Findings"),
    "filter": ("筛选", "Filter"),
    "apply": ("筛选", "Apply"),
    "clear": ("清除", "Clear"),
    "any": ("全部", "All"),
    "find_point": ("点位编号", "Point code"),
    "check": ("检查项", "Check"),
    "no_match": ("没有符合筛选的点位。", "No point matches the filter."),
    "page_of": ("第 {a}–{b} 条，共 {n} 条", "{a}–{b} of {n}"),
    "previous": ("上一页", "Previous"),
    "next": ("下一页", "Next"),
    # map
    "map_line": ("空心为计划，实心为实际；底图：无", "Hollow = planned, solid = actual; no base map"),
    "map_table": ("同样的内容在下面的点位表里。", "The same facts stand in the table of points below."),
    "map_off": ("地图需要 JavaScript；没有它，请看点位表。", "The map needs JavaScript; without it use the table of points."),
    "map_failed": ("地图数据没有取到。刷新页面再试；点位表不受影响。", "The map data did not arrive. Reload the page; the table is not affected."),
    "map_label": ("计划与实际点位图", "Map of planned and actual points"),
    "legend": ("图例", "Legend"),
    "boundary": ("地块边界", "Site boundary"),
    "open_point": ("在表中看", "See in the table"),
    "n_points": ("{n} 个点，放大看", "{n} points, zoom in"),
    "planned_at": ("计划", "Planned"),
    "actual_at": ("实际", "Actual"),
    "to_planned": ("距计划", "From plan"),
    "within": ("允许范围内", "within the limit"),
    "beyond": ("超出允许范围", "beyond the limit"),
    "shift_unknown": ("精度不够，无法判断是否超出", "too inaccurate to say whether beyond"),
    "datum": ("坐标 CGCS2000", "Coordinates CGCS2000"),
    # devices
    "device": ("设备", "Device"),
    "last_seen": ("最后见到", "Last seen"),
    "pending": ("未传", "Unsent"),
    "never": ("从未", "Never"),
    "pending_unknown": ("不知道", "Not known"),
    "ago_min": ("{n} 分前", "{n} min ago"),
    "ago_h": ("{n} 小时前", "{n} h ago"),
    "ago_d": ("{n} 天前", "{n} days ago"),
    "just_now": ("刚刚", "just now"),
    # errors
    "error": ("出了点问题", "Something is wrong"),
    "problem": ("问题 {n}", "Problem {n}"),
    "back_to_projects": ("回到全部项目", "Back to all projects"),
    # roles
    "sampler": ("采样员", "sampler"),
    "inspector": ("检查人员", "inspector"),
    "dispatcher": ("调度员", "dispatcher"),
    "project_manager": ("项目经理", "project manager"),
    "administrator": ("管理员", "administrator"),
    "auditor": ("审计", "auditor"),
    "party": ("外单位", "party"),
}  # fmt: skip

_COMPASS = (
    ("北", "N"),
    ("东北", "NE"),
    ("东", "E"),
    ("东南", "SE"),
    ("南", "S"),
    ("西南", "SW"),
    ("西", "W"),
    ("西北", "NW"),
)

Words = Callable[..., str]


def words(lang: str) -> Words:
    """`w("as_of", t="18:45")` in the reader's language. A missing word raises KeyError: a test meets it, not a person."""
    n = LANGS.index(lang)

    def say(key: str, **parts: object) -> str:
        text = _WORDS[key][n]
        return text.format(**parts) if parts else text

    return say


def pick(label: Label, lang: str) -> str:
    return label.zh if lang == "zh" else label.en


def compass(bearing: float, lang: str) -> str:
    """东北 48°"""
    return f"{_COMPASS[round(bearing / 45) % 8][LANGS.index(lang)]} {round(bearing) % 360}°"
