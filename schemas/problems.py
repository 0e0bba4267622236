"""Every error a person can meet: number, words in both languages, what to do. Numbers are never reused.

1xxx wire and sync · 2xxx accounts and rights · 3xxx a record's contents · 4xxx plan import · 5xxx the tablet itself.
Over HTTP a problem is application/problem+json (RFC 9457) with type "urn:jingtu:problem:<number>".
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Problem(NamedTuple):
    number: int
    status: int  # HTTP status where it travels
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str


_ALL = [
    Problem(1001, 400, "请求内容读不懂：{why}", "The request cannot be read: {why}",
            "按接口文档改正后再发；其他数据不受影响", "Correct it as the protocol says and send again; nothing else is affected"),
    Problem(1002, 413, "请求解压后超过 {limit} 字节", "The request is larger than {limit} bytes once decompressed",
            "分小批再发", "Send it in smaller batches"),
    Problem(1003, 415, "不认识的压缩方式 {encoding}", "Unknown content encoding {encoding}",
            "用 gzip 或不压缩", "Use gzip or none"),
    Problem(1004, 413, "一批最多 {limit} 条变更", "A batch has at most {limit} changes",
            "分小批再发", "Send smaller batches"),
    Problem(1005, 404, "没有这个地址", "There is nothing at this address", "核对地址", "Check the address"),
    Problem(1006, 405, "这个地址不支持这种请求", "This address does not take this method", "按接口文档改正", "See the protocol"),
    Problem(1100, 500, "服务器出错，编号 {trace}", "The server failed, trace {trace}",
            "数据仍在设备上，稍后会自动再传；仍不行把编号交给管理员", "The data is safe on the device and will be sent again; give the trace to the administrator"),
    Problem(1101, 503, "服务器正忙", "The server is busy", "稍后会自动再试", "It will be tried again by itself"),
    Problem(1102, 507, "服务器磁盘已满，没有存入任何内容", "The server's disk is full; nothing was stored",
            "管理员清出空间后会自动再传", "It will be sent again when the administrator has freed space"),
    Problem(1103, 503, "服务器的数据库连不上", "The server's database cannot be reached",
            "数据仍在设备上，稍后会自动再传；持续出现请管理员检查数据库", "The data is safe on the device and will be sent again; if it lasts, the administrator should look at the database"),
    Problem(1104, 426, "应用太旧，服务器要求先升级", "The app is too old for this server: update it first",
            "升级应用后再同步；本机记录都在，升级不会丢", "Update the app, then sync; nothing on the device is lost"),
    Problem(1201, 409, "数据纪元已变：服务器为 {epoch}", "The data epoch changed: the server has {epoch}",
            "从头拉取，并把本机变更再交一遍（应用会自动做）", "Pull from 0 and offer your changes again (the app does so by itself)"),
    Problem(1202, 409, "变更链有缺口：应从第 {expected} 条开始", "The chain has a gap: go on from position {expected}",
            "从该处再发（应用会自动做）", "Send from there (the app does so by itself)"),
    Problem(1203, 401, "变更链的签名不对", "The signature of the chain does not match",
            "设备须重新登记；本机记录不会丢", "The device must enrol again; its records are not lost"),
    Problem(1204, 409, "同一设备出现两条不同的变更链（第 {position} 条）", "This device has two different chains (position {position})",
            "设备可能被复制，须重新登记；两条链都已留存", "The device may have been cloned and must enrol again; both chains are kept"),
    Problem(1205, 409, "变更链在这一批中断，请附上每条的链值再发", "The chain breaks in this batch; send again with the link of every line",
            "应用会自动附上；断处会标为「未证明」，仍然入库", "The app adds them by itself; the broken place is stored as unproven"),
    Problem(1206, 403, "这条链不属于该登记", "This chain is not of that enrolment", "用本机自己的登记同步", "Sync with the device's own enrolment"),
    Problem(1207, 400, "这一批在路上损坏，没有存入任何内容", "This batch was damaged on the way; nothing was stored",
            "再发一次（应用会自动做）", "Send it again (the app does so by itself)"),
    Problem(1208, 422, "变更编号 {id} 已用于别的内容", "Change id {id} was used for other contents",
            "应用出错，请上报；原内容已入账", "The app is at fault, report it; the first contents are kept"),
    Problem(1209, 202, "{count} 条记录要等记录人解锁后才能送出", "{count} records wait until the person who made them has unlocked",
            "请此人在「设置」里切换并输入 PIN，再同步一次；记录都在本机", "Let that person take the tablet under Settings with the PIN, then sync again; everything is safe here"),
    Problem(1301, 413, "文件 {size} 字节，超过 {limit} 字节的上限", "The file has {size} bytes; at most {limit} are taken",
            "换一张小一些的；原文件仍在设备上", "Use a smaller one; the file is still on the device"),
    Problem(1302, 409, "应从第 {offset} 字节续传", "Go on from byte {offset}", "从该处再传（应用会自动做）", "Send from there (the app does so by itself)"),
    Problem(1303, 460, "这一块在路上损坏，没有存入", "This chunk was damaged on the way; it was not stored",
            "再传一次这一块（应用会自动做）", "Send this chunk again (the app does so by itself)"),
    Problem(1304, 423, "这个文件正在另一条连接上传", "This file is being sent on another connection",
            "稍后会自动再试", "It will be tried again by itself"),
    Problem(1305, 410, "这次上传已结束或过期", "This upload is over or expired",
            "重新开始上传（应用会自动做）", "Begin a new upload (the app does so by itself)"),
    Problem(1306, 422, "文件与其哈希不符，没有存入", "The file is not what its hash says; it was not stored",
            "设备上的文件可能已损坏，请查看原件", "The file on the device may be damaged; look at the original"),
    Problem(1307, 422, "文件没有收下：{why}", "The file was not accepted: {why}",
            "记录不受影响；重拍一张，或请项目经理处理", "The record is not affected; take another photo or ask the project manager"),
    Problem(1308, 412, "不支持的 tus 版本，应为 {version}", "Unknown tus version; this server speaks {version}",
            "用支持这个版本的客户端", "Use a client that speaks it"),
    Problem(1309, 404, "没有这个文件，或无权查看", "There is no such file, or you may not see it",
            "核对哈希；需要时找项目经理", "Check the hash; ask the project manager if need be"),
    Problem(1310, 400, "上传的说明不对：{why}", "The upload's metadata is wrong: {why}",
            "按接口文档改正（sha256、filename、scope）", "Correct it as the protocol says (sha256, filename, scope)"),
    Problem(1311, 429, "未传完的文件太多（上限 {limit} 个）", "Too many unfinished uploads (at most {limit})",
            "先传完或等旧的过期", "Finish them or wait until old ones expire"),
    Problem(1312, 415, "上传内容的类型应为 {type}", "The body of an upload must be of type {type}",
            "按接口文档改正后再发", "Correct it as the protocol says and send again"),
    Problem(1313, 416, "文件只有 {size} 字节，没有所要的这一段", "The file has {size} bytes; what was asked for lies behind its end",
            "按文件大小再取", "Ask again within the file's size"),
    Problem(2001, 401, "用户名或密码不对", "User name or password is wrong", "再试，或请管理员重设", "Try again or ask the administrator"),
    Problem(2002, 401, "登录已失效", "The sign-in is no longer valid", "重新登录", "Sign in again"),
    Problem(2003, 403, "没有此权限：{what}", "You have no right to this: {what}", "找项目经理授权", "Ask the project manager"),
    Problem(2004, 404, "没有这个数据范围，或无权查看", "There is no such scope, or you may not see it",
            "核对项目，或找项目经理授权", "Check the project or ask the project manager"),
    Problem(2005, 403, "这台设备已停用", "This device was revoked",
            "本机记录已交给服务器，等项目经理决定；要继续工作请找管理员", "What it held was handed in and waits for the project manager; to go on working ask the administrator"),
    Problem(2006, 401, "登记码不对、已用过或已过期", "The enrolment code is wrong, used or expired",
            "让管理员再发一个（30 分钟内有效）", "Ask for a new one (valid for 30 minutes)"),
    Problem(2007, 429, "试得太多，{seconds} 秒后再试", "Too many tries; wait {seconds} s", "稍等再试", "Wait and try again"),
    Problem(2008, 401, "设备时钟与服务器相差 {seconds} 秒", "The device clock is off by {seconds} s",
            "应用会按服务器时间再试；请校准设备时钟", "The app tries again by server time; set the device clock"),
    Problem(2010, 401, "服务器不认识这台设备", "The server does not know this device",
            "请管理员发登记码，重新登记；未同步的记录会带过去", "Ask for an enrolment code and enrol again; unsent records are carried over"),
    Problem(2011, 403, "密钥还锁着", "The key is still locked", "先输入 PIN 解锁；已存的内容都在", "Unlock with the PIN first; what was saved is safe"),
    Problem(3001, 422, "内容不合要求：{faults}", "The contents are not right: {faults}",
            "在本机改正后再完成一次", "Correct it on the device and finish it again"),
    Problem(3002, 422, "类型 {type} 不属于数据范围 {scope}", "Type {type} does not belong to scope {scope}",
            "应用与服务器版本不合，请升级", "App and server do not fit; update"),
    Problem(3003, 403, "角色无权写「{type}」", "Your role may not write “{type}”", "找项目经理授权；变更已留存，授权后自动入库",
            "Ask the project manager; the change is kept and goes in once you may"),
    Problem(3004, 422, "「{type}」已签发或冻结，不能再改", "“{type}” is frozen and cannot be changed",
            "另建一条更正记录", "Make a correcting record"),
    Problem(3005, 422, "变更的作者或设备与登记不符", "The change's author or device is not the enrolment's",
            "用本机自己的登记同步", "Sync with the device's own enrolment"),
    Problem(3006, 422, "记录 {record} 已是另一类型", "Record {record} is of another type", "应用出错，请上报", "The app is at fault; report it"),
    Problem(3007, 422, "这条记录的第一版被退回了，这次修改无处可加", "The first version of this record was refused; this change has nothing to change",
            "按退回原因改正，重新完成整条记录", "Correct it as the reason says and finish the whole record again"),
    Problem(3008, 422, "项目经理没有采纳：{reason}", "Declined by the project manager: {reason}",
            "内容已留存可查；有异议找项目经理", "The contents are kept; talk to the project manager"),
    Problem(3009, 403, "设备停用后才交来，等项目经理决定", "Handed in after the device was revoked; the project manager decides",
            "内容已留存；项目经理采纳后入库", "The contents are kept and go in when the project manager accepts them"),
    Problem(3101, 202, "等待关联：{missing} 还没到服务器", "Waiting for {missing}, which is not here yet",
            "无需操作，到了会自动入库", "Nothing to do: it goes in when that arrives"),
    Problem(3102, 202, "服务器还不认识类型 {type}", "The server does not know type {type} yet",
            "无需操作，服务器升级后自动入库", "Nothing to do: it goes in after the server's update"),
    Problem(3103, 202, "记录来自更新的应用，服务器升级后才能核对", "Recorded by a newer app; the server can judge it after its update",
            "无需操作，服务器升级后自动入库；内容已留存", "Nothing to do: it is kept and goes in after the server's update"),
    Problem(4001, 422, "文件读不懂：{why}", "The file cannot be read: {why}", "按提示改正，或另存为 XLSX、UTF-8 的 CSV 再试", "Correct what it says, or save it as XLSX or UTF-8 CSV, and try again"),
    Problem(4002, 422, "缺少列：{columns}", "Columns are missing: {columns}", "补上列名再导入", "Add the columns and import again"),
    Problem(4003, 422, "{count} 行有错，没有导入任何一行", "{count} rows are wrong; nothing was imported",
            "改正所列各行，或选择只导入正确的行", "Correct the rows listed, or ask for the good rows only"),
    Problem(4004, 422, "没有工作表「{sheet}」：{why}", "There is no sheet “{sheet}”: {why}", "核对工作表名称，或不指定", "Check the sheet's name, or name none"),
    Problem(4005, 422, "平面坐标没有带号（如 Y = {easting}），无法知道属于哪个 3° 带{fits}",
            "The eastings have no zone prefix (such as Y = {easting}), so their 3-degree zone is not known{fits}",
            "查测量成果说明，加 --zone 带号（25～45）或 --central-meridian 中央子午线，如 --zone 40 或 --central-meridian 120",
            "Look at the survey report and give --zone (25 to 45) or --central-meridian, such as --zone 40 or --central-meridian 120"),
    Problem(4006, 409, "坐标系还没有确认，没有导入任何一行：{found}", "The coordinate system is not confirmed; nothing was imported: {found}",
            "对照图纸核对；对的加 --yes 再导入，不对的用 --zone 指定带或改正文件",
            "Check it against the drawings; if right import again with --yes, if not name the zone with --zone or correct the file"),
    Problem(4007, 422, "GeoJSON 的坐标系不能用：{crs}", "The coordinate system of the GeoJSON cannot be used: {crs}",
            "导出为 EPSG:4490 或 EPSG:4326 的经纬度；平面坐标用 X、Y 两列的 XLSX 或 CSV",
            "Export it as longitude and latitude, EPSG:4490 or EPSG:4326; survey coordinates go in columns X and Y of XLSX or CSV"),
    Problem(4008, 422, "带号或中央子午线不对：{why}", "The zone or central meridian is not right: {why}",
            "带号填 25～45，或中央子午线填 75～135", "Give a zone 25 to 45 or a central meridian 75 to 135"),
    Problem(4102, 409, "数据库来自更新的服务器版本（{found}，本版本认识到 {known}）", "The database is of a newer server (version {found}, this one knows {known})",
            "升级服务器程序；数据没有动", "Update the server; the data was not touched"),
    Problem(4101, 422, "命令没有执行：{why}", "Not done: {why}", "改正后再运行", "Correct it and run again"),
    Problem(4201, 422, "没有做成备份：{why}", "No backup was made: {why}",
            "按所说的改正后再做；服务器的数据没有动", "Correct what it says and try again; the server's data was not touched"),
    Problem(4202, 422, "{file} 不是完好的备份：{why}", "{file} is not a sound backup: {why}",
            "换另一份备份；没有恢复任何内容", "Take another backup; nothing was restored"),
    Problem(4203, 409, "备份来自更新的服务器版本（数据库第 {found} 版，本版本认识到 {known}）", "The backup is of a newer server (database version {found}, this one knows {known})",
            "先升级服务器程序再恢复；数据没有动", "Update the server first, then restore; no data was touched"),
    Problem(4204, 409, "数据正在使用：{where}", "The data is in use: {where}",
            "先停下服务器，再运行一次；数据没有动", "Stop the server, then run it again; no data was touched"),
    Problem(4205, 409, "这里已有数据：{where}", "There is data already: {where}",
            "确认要换掉就加 --replace：旧数据改名留下，不会删除", "Add --replace if you mean it: the old data is renamed and kept, never deleted"),
    Problem(4206, 507, "磁盘空间不足，没有写完：{what}", "The disk is full, this was not finished: {what}",
            "清出空间或换一个位置再运行；没有留下半个文件，数据没有动", "Free some space or use another place; no half file was left and no data was touched"),
    Problem(4207, 500, "试恢复没有通过，这份备份不能用：{why}", "The trial restore failed, this backup cannot be used: {why}",
            "运行 jingtu doctor 看数据是否完好，再做一次", "Run jingtu doctor to see whether the data is sound, then try again"),
    Problem(4208, 422, "缺少合用的 PostgreSQL 工具：{why}", "No fitting PostgreSQL tools: {why}",
            "安装不低于数据库服务器版本的客户端工具，或用 JINGTU_PG_BIN 指明目录", "Install client tools no older than the database server, or name their folder in JINGTU_PG_BIN"),
    Problem(4209, 409, "文件已存在：{file}", "The file is there already: {file}",
            "换一个文件名，或加 --force：新的验证通过后才替换旧的", "Give another name, or --force: the old one goes only when the new one proved good"),
    Problem(4210, 422, "备份是 {found} 的，目标是 {wanted}", "The backup is of {found}, the target is {wanted}",
            "恢复到同一种数据库", "Restore it into the same kind of database"),
    Problem(4211, 403, "数据库用户不能新建或改名数据库：{why}", "The database user may not create or rename databases: {why}",
            "请数据库管理员运行 ALTER ROLE … CREATEDB，或换有此权限的用户；数据没有动", "Have the database administrator run ALTER ROLE … CREATEDB, or use a role that may; no data was touched"),
    Problem(4212, 409, "数据库是旧版（第 {found} 版），要先升级到第 {wanted} 版", "The database is of an older version ({found}), it must become version {wanted} first",
            "启动一次服务器会自动升级，然后再运行", "Starting the server upgrades it; then run this again"),
    Problem(4213, 500, "体检发现 {count} 处问题", "The check found {count} problems",
            "按每条所说的处理；能重算的可用 --repair 修复", "Do as each of them says; what can be recomputed is mended by --repair"),
    Problem(4301, 422, "救援包不完好：{why}", "The rescue bundle is not sound: {why}",
            "让平板再做一份，或换一种方式传过来；平板已不在时加 --partial，取到损坏处为止", "Have the tablet write it again or send it another way; if the tablet is gone, --partial takes what comes before the damage"),
    Problem(4302, 422, "救援包是给另一台服务器的（{theirs}，本服务器是 {ours}）", "The rescue bundle is sealed for another server ({theirs}; this one is {ours})",
            "到平板登记的那台服务器上导入；恢复备份时密钥也要一起恢复", "Import it on the server the tablet is enrolled with; a restore must bring back its keys too"),
    Problem(4303, 409, "救援包来自更新的应用（格式 {found}，本版本认识到 {known}）", "The rescue bundle is of a newer app (format {found}, this one knows {known})",
            "升级服务器程序后再导入；文件没有动", "Update the server, then import it; the file was not touched"),
    Problem(4304, 507, "磁盘空间不足：救援包的草稿、照片或报告没有写完", "The disk is full: drafts, photos or the report of the rescue bundle were not all written",
            "清出空间再导入一次；已入库的变更不会重复", "Free some space and import it again; changes that went in are not taken twice"),
    Problem(4305, 409, "同一条变更链前面的一批没有收下，后面的接不上", "An earlier batch of the same chain was not taken, so this one has nothing to follow",
            "先处理前面那一批，再导入一次", "See to the earlier batch, then import it again"),
    Problem(4401, 422, "没有可导出的内容：{why}", "There is nothing to export: {why}",
            "核对编号后再运行", "Check the id and run again"),
    Problem(4402, 422, "{file} 不是证据包，或已损坏到读不了：{why}", "{file} is no evidence package, or too damaged to read: {why}",
            "向提供者重新索取；保留这一份", "Ask for it again where it came from; keep this copy"),
    Problem(4403, 422, "证据包有 {count} 处不符", "The evidence package has {count} faults",
            "逐条查看；不要修改这份文件", "Read them one by one; do not change the file"),
    Problem(5001, 507, "没有存上：设备空间不足", "Not saved: the device is out of space",
            "清出空间再存；之前的记录都在", "Free some space and save again; earlier records are safe"),
    Problem(5007, 507, "没有存上：存储写不进去（可能已满，也可能存储卡有问题）", "Not saved: the storage cannot be written (full, or failing)",
            "清出空间再存；仍不行请换设备，之前存上的记录都在", "Free some space and save again; if it persists change the device. Earlier records are safe"),
    Problem(5008, 409, "本机数据来自更新的应用（第 {found} 版），这个版本不能打开", "The data on this device is of a newer app (version {found}); this one cannot open it",
            "升级应用后再打开；数据没有动", "Update the app; the data was not touched"),
    Problem(5002, 422, "还不能完成：{faults}", "Cannot be finished yet: {faults}", "补上所列各项", "Fill in what is listed"),
    Problem(5003, 409, "本机号段已用完（{use}）", "The number block for {use} is used up",
            "联网同步一次，会自动领取", "Sync once; a new block comes by itself"),
    Problem(5004, 503, "没连上服务器", "The server was not reached",
            "记录都在本机，下次自动再传", "Everything is safe on this device and will be sent next time"),
    Problem(5020, 503, "连到了登录页，不是服务器", "Reached a sign-in page, not the server",
            "记录都在本机。先用浏览器登录这个网络，或换一个网络，再同步",
            "Everything is safe on this device. Sign in to this network in a browser, or use another one, then sync"),
    Problem(5021, 503, "服务器的证书对不上，什么都没有发出", "The server's certificate does not fit; nothing was sent",
            "记录都在本机。多半是网络的登录页：登录或换网络；平板日期不对也会这样；仍不行找管理员",
            "Everything is safe on this device. Most likely a network's sign-in page: sign in or change the network; a wrong date does it too; else ask the administrator"),
    Problem(5006, 426, "服务器版本太旧，这个应用还不能与它同步", "The server is too old for this app to sync with",
            "请管理员升级服务器；记录都在本机，升级后自动再传", "Ask the administrator to update the server; everything is safe here and will be sent then"),
    Problem(5009, 409, "这个数据文件夹已经打开：{where}", "This data folder is open already: {where}",
            "用已打开的那个净土外业；找不到就先把它关掉，再打开一次。数据没有动", "Use the Jingtu that is open; if you cannot find it, close it first and start again. The data was not touched"),
    Problem(5005, 500, "操作没有完成：{why}", "That did not work: {why}", "已存的内容不受影响，请再试一次", "What was saved is safe; try once more"),
]  # fmt: skip

PROBLEMS: dict[int, Problem] = {p.number: p for p in _ALL}


class _Known(dict[str, object]):
    """A word nobody gave shows as its name instead of hiding the problem behind another."""

    def __missing__(self, key: str) -> str:
        return key


class Trouble(Exception):
    """A numbered problem, raised where it is found and shown where a person is. `extra` travels in the JSON body."""

    def __init__(self, number: int, extra: dict[str, Any] | None = None, **words: object) -> None:
        self.problem = PROBLEMS[number]
        self.words = words
        self.extra = extra or {}
        self.said: dict[str, str] = {}  # the words as the server filled them in, when it comes from there
        super().__init__(f"{number} {self.text('zh')} ‖ {self.text('en')}")

    def text(self, lang: str) -> str:
        """`words` may be a pair {"zh":…, "en":…} per name, or one text for both."""
        if lang in self.said:
            return self.said[lang]
        words = _Known({k: v.get(lang, v) if isinstance(v, dict) else v for k, v in self.words.items()})
        return (self.problem.zh if lang == "zh" else self.problem.en).format_map(words)

    def body(self) -> dict[str, Any]:
        """RFC 9457 problem details."""
        p = self.problem
        return {
            "type": f"urn:jingtu:problem:{p.number}", "number": p.number, "status": p.status,
            "title": self.text("en"), "detail": p.remedy_en,
            "zh": {"title": self.text("zh"), "remedy": p.remedy_zh}, "en": {"title": self.text("en"), "remedy": p.remedy_en},
            **self.extra,
        }  # fmt: skip
