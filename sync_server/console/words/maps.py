"""The map."""

WORDS: dict[str, tuple[str, str]] = {
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
}  # fmt: skip
