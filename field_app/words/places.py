"""Map."""

WORDS: dict[str, tuple[str, str]] = {
    # map
    "map.no_tiles": ("无底图，只画点位", "No base map, points only"),
    "map.in": ("放大", "Zoom in"),
    "map.out": ("缩小", "Zoom out"),
    "map.me": ("回到我", "Back to me"),
    "map.all": ("看全场", "Whole site"),
    "map.go": ("去 {code}", "To {code}"),
    "map.start": ("到位，开始 {code}", "Here, start {code}"),
    "map.open": ("打开 {code}", "Open {code}"),
    "map.pick": ("点一个点位，看距离和方向", "Tap a point for distance and direction"),
    "map.legend": ("图例", "Legend"),
    "map.cluster": ("{n} 个点位，点一下放大", "{n} points, tap to zoom in"),
    "map.outside": ("你在地块边界外 {m} m", "You are {m} m outside the boundary"),
    "map.outside.why": ("核对点位后再开孔。", "Check the point before drilling."),
    "map.my_place": ("我的位置 ±{m} m", "My position ±{m} m"),
    "map.no_fix": ("还没有定位", "No position yet"),
}
