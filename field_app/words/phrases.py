"""Sentences for the on-site record that are said again and again. What is put into the record is the Chinese."""

WORDS: dict[str, tuple[str, str]] = {
    "phrase.body.came_along": (
        "出示证件、说明来意后，被检查单位派员陪同检查。",
        "Certificates were shown and the purpose said; the party sent somebody along.",
    ),
    "phrase.body.working": ("现场正在施工作业。", "Work was going on."),
    "phrase.body.stopped": ("现场停工，无人作业。", "Work had stopped; nobody was working."),
    "phrase.body.papers": (
        "查阅了采样记录、样品流转单和检测报告。",
        "Sampling records, custody forms and laboratory reports were read.",
    ),
    "phrase.body.ledgers": ("查阅了台账和管理制度。", "Ledgers and management rules were read."),
    "phrase.body.fence": ("现场设有围挡和公告牌。", "There are a fence and a notice board."),
    "phrase.body.no_board": ("现场未见公告牌。", "No notice board was seen."),
    "phrase.body.clean": ("现场未见明显异味和污染痕迹。", "No clear smell or trace of pollution was noticed."),
    "phrase.body.smell": ("现场有刺激性气味。", "There was an irritant smell."),
    "phrase.body.stains": ("地面可见油渍或变色土壤。", "Oil stains or discoloured soil were seen on the ground."),
    "phrase.body.photos": ("对现场拍照取证。", "Photos were taken as evidence."),
    "phrase.body.no_objection": ("被检查单位对上述情况无异议。", "The party does not object to the above."),
    "phrase.opinion.fine": (
        "暂未发现问题，继续做好日常管理。",
        "No problem found for now; go on with daily management.",
    ),
    "phrase.opinion.rectify": (
        "按期整改，整改后提交照片和说明。",
        "Rectify by the deadline and hand in photos and words after.",
    ),
    "phrase.opinion.papers": ("补充缺少的资料。", "Hand in the documents that are missing."),
    "phrase.opinion.sample": ("补充采样或重新布点。", "Take more samples or lay out points anew."),
    "phrase.opinion.amend": ("修改完善后重新报审。", "Amend and submit again."),
    "phrase.opinion.refer": ("涉嫌违法，移送执法部门。", "A violation is suspected: referred to enforcement."),
}
