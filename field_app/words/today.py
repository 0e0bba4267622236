"""Today."""

WORDS: dict[str, tuple[str, str]] = {
    # today
    "today.continue": ("接着做", "Continue"),
    "today.next": ("下一个点", "Next point"),
    "today.go": ("继续 {code}", "Go on with {code}"),
    "today.start": ("开始 {code}", "Start {code}"),
    "today.all_done": ("全部点位都去过了", "Every point has been visited"),
    "today.all_done.why": ("同步一次，把记录交到服务器。", "Sync once to hand the records to the server."),
    "today.needs": ("要你处理", "Needs you"),
    "today.items": ("{n} 项", "{n} items"),
    "today.progress": ("完成 {n} / {all} 点", "Done {n} / {all} points"),
    "today.list": ("点位", "Points"),
    "today.by_distance": ("由近到远", "Nearest first"),
    "today.by_plan": ("按方案顺序，还没有定位", "In plan order, no position yet"),
    "today.loading": ("正在读取本机数据…", "Reading this tablet's data…"),
    "today.no_project": ("还没有项目", "No project yet"),
    "today.no_project.why": (
        "项目经理把你加进项目后，点「同步」就会下载到这台平板。",
        "When the project manager has added you, Sync loads the project onto this tablet.",
    ),
    "today.no_points": ("这个项目还没有点位", "This project has no points yet"),
    "today.no_points.why": ("采样方案导入后，同步一次就有了。", "They come with a sync once the plan is imported."),
    "today.none": ("没有这种状态的点位", "No points in this state"),
    "today.sync_now": ("现在同步", "Sync now"),
    "today.see_map": ("看地图", "See the map"),
    "all": ("全部", "All"),
    "point.summary": ("{depth} m · {n} 个任务", "{depth} m · {n} targets"),
    "point.targets": ("{n} 个任务", "{n} targets"),
}
