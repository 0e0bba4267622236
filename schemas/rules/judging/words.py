"""Every fault of an evidence package and everything told about it, by its code, in both languages.

The codes are part of the package's format: docs/evidence.md lists them, scripts act on them, none is ever used for something else.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from schemas.reference import Label

Severity = Literal["fault", "told"]


class Finding(NamedTuple):
    """One thing found. `told` is no fault: it says what is not proved, or what an honest package says of itself."""

    code: str
    severity: Severity
    file: str  # in the package; "" = the zip itself
    pos: int | None  # position in the chain, line of an .ndjson, or byte of the zip
    id: str | None  # of the change, record, receipt, enrolment or photo
    zh: str
    en: str


FAULTS: dict[str, Label] = {
    # the zip
    "zip.unreadable": Label("不是能读的 ZIP：{what}", "not a readable zip: {what}"),
    "zip.structure": Label("ZIP 结构不合规定：{what}", "the zip is not built as it must be: {what}"),
    "zip.trailing": Label("ZIP 结尾之后还有字节", "there are bytes behind the end of the zip"),
    "zip.crc": Label("与 ZIP 里的 CRC-32 不符", "does not fit the CRC-32 in the zip"),
    "seal.missing": Label("没有封签，或封签格式不对", "there is no seal, or it has another form"),
    "seal.key": Label("封签用的不是 package.json 里的服务器密钥", "the seal is by another key than the server's in package.json"),
    "seal.signature": Label("封签与文件的字节不符：封存之后有字节被改动", "the seal does not fit the bytes: something was altered after sealing"),
    "server_key.other": Label("服务器密钥的指纹是 {found}，不是给定的 {wanted}", "the server key's fingerprint is {found}, not {wanted} as given"),
    # files
    "file.missing": Label("文件不见了", "the file is missing"),
    "file.unexpected": Label("多出一个没有登记的文件", "a file that nothing names"),
    "file.name": Label("不允许的文件名", "a name that is not allowed"),
    "file.order": Label("package.json 不是最后一个文件", "package.json is not the last file"),
    "file.size": Label("大小是 {found}，登记的是 {wanted}", "its size is {found}, named as {wanted}"),
    "file.hash": Label("内容与登记的哈希不符：文件被改动过", "its contents do not fit the hash: the file was altered"),
    "file.form": Label("第 {line} 行格式不对：{what}", "line {line} has the wrong form: {what}"),
    "file.large": Label("大得不能读", "too large to read"),
    "package.version": Label("格式是 {found}，本程序懂的是 {wanted}", "the format is {found}; this program knows {wanted}"),
    "package.counts": Label("数目「{name}」写着 {wanted}，实际 {found}", "the count “{name}” says {wanted}, there are {found}"),
    # keys
    "key.server": Label("keys.json 里的服务器密钥与 package.json 的不同", "the server key in keys.json is another than in package.json"),
    "key.twice": Label("同一登记或同一密钥出现两次", "the same enrolment or key is there twice"),
    "key.missing": Label("登记 {enrolment} 的密钥不在 keys.json 里", "the key of enrolment {enrolment} is not in keys.json"),
    "key.form": Label("密钥写法不对", "the key is not written as a key is"),
    "key.record": Label("密钥与登记记录不一致：{what}", "the key contradicts its enrolment record: {what}"),
    # chains
    "chain.scope": Label("数据范围 {scope} 不属于这个项目或单位", "the scope {scope} belongs neither to the project nor to the organisation"),
    "chain.twice": Label("同一条链出现两次", "the same chain is there twice"),
    "chain.position": Label("应为第 {wanted} 条，却是第 {found} 条：有变更被删、加或换了次序", "position {wanted} was due, {found} stands there: changes were removed, added or reordered"),
    "chain.last": Label("登记了 {wanted} 条，实际 {found} 条", "{wanted} positions are named, {found} are there"),
    "chain.head": Label("算出的链头与登记的不同：链上的内容被改动过", "the head that results is not the one named: something in the chain was altered"),
    "chain.hidden": Label("整个项目的证据包里不应有隐去的变更", "nothing may be hidden in the package of a whole project"),
    "chain.proof": Label("证明方式「{proof}」不可能：{what}", "the kind of proof “{proof}” is impossible: {what}"),
    "chain.link": Label("写着的链值与算出的不同", "the link that is written is not the one that results"),
    "chain.unproven": Label("说是“未证明”，但设备送来的声明不支持", "said to be unproven, which the device's own claim does not bear out"),
    "chain.unsigned": Label("第 {first} 到 {last} 条没有设备签名", "no signature of the device covers positions {first} to {last}"),
    # signed heads
    "head.signature": Label("设备对第 {first} 到 {last} 条的签名不成立：伪造或被改动", "the device's signature over positions {first} to {last} does not verify: forged, or altered"),
    "head.other_key": Label("第 {first} 到 {last} 条是用别的设备的密钥签的：{whose}", "positions {first} to {last} are signed with another device's key: {whose}"),
    "head.link": Label("第 {first} 到 {last} 条之中有变更被改、删、加或换了次序：与设备签名的链头不符", "a change among positions {first} to {last} was altered, removed, added or moved: they do not lead to the head the device signed"),
    "head.lines": Label("第 {first} 到 {last} 条不是设备签名的那些字节", "positions {first} to {last} are not the bytes the device signed"),
    "device.cloned": Label("这台设备的密钥签了两条不同的链（第 {first} 到 {last} 条）：密钥或整台设备被复制过", "this device's key signed two different chains (positions {first} to {last}): the key or the whole device was copied"),
    "fork.head": Label("第二条链的声明不成立：{what}", "the claim of the second chain does not hold: {what}"),
    # lines
    "line.form": Label("变更读不懂，却被接受了：{what}", "the change cannot be read, yet it was accepted: {what}"),
    "line.salt": Label("服务器自己的链上，盐值不对", "the salt is wrong, on the server's own chain"),
    "line.scope": Label("变更写的数据范围是别的：{found}", "the change names another scope: {found}"),
    "line.author": Label("变更写的人或设备不是这个登记的：{found}", "the person or device in the change is not that of the enrolment: {found}"),
    "line.twice": Label("同一条变更出现两次；另一处：{where}", "the same change is there twice; the other one: {where}"),
    "line.again": Label("说是重复送来的变更，但找不到内容相同的第一次", "said to have come before, but no first one with the same contents is here"),
    "line.outcome": Label("结果「{outcome}」与序号 {seq} 或问题号 {problem} 矛盾", "the outcome “{outcome}” contradicts seq {seq} or problem {problem}"),
    "line.seq": Label("序号 {seq} 用了两次；另一处：{where}", "seq {seq} was given twice; the other one: {where}"),
    "line.missing": Label("整个项目的证据包里没有序号 {first} 到 {last} 的变更：有变更没有给", "in the package of a whole project the changes with seqs {first} to {last} are not there: some were left out"),
    # receipts
    "receipt.signature": Label("回执不是用服务器的密钥签的", "the receipt is not signed with the server's key"),
    "receipt.key": Label("回执写着别的服务器密钥", "the receipt names another server key"),
    "receipt.batch": Label("回执与设备的声明说的不是同一批，或不是这条链", "receipt and claim are not about the same batch, or not about this chain"),
    "receipt.runs": Label("回执里的结果对不上它的位置", "the outcomes in the receipt do not fit its positions"),
    "receipt.outcome": Label("回执说第 {at} 条是 {said}，这里写着 {found}", "the receipt says {said} of position {at}, here it is {found}"),
    "receipt.beyond": Label("回执承认到第 {last} 条，链上只有 {found} 条：末尾的变更被删", "a receipt acknowledges up to position {last}, the chain has {found}: changes at the end were removed"),
    "receipt.missing": Label("第 {first} 到 {last} 条没有回执", "no receipt covers positions {first} to {last}"),
    # records
    "record.form": Label("记录行写法不对：{what}", "the row is not written as a row is: {what}"),
    "record.twice": Label("同一条记录出现两次", "the same record is there twice"),
    "record.differs": Label("{type} 记录与重放变更的结果不同：{what}", "the {type} record is not what its changes make: {what}"),
    "record.unmade": Label("没有任何变更造出这条 {type} 记录", "no change made this {type} record"),
    "record.gone": Label("变更造出的记录不见了", "the record that its changes made is missing"),
    "record.begins": Label("最早的变更不是新建：前面的变更被删或隐去", "its first change does not create it: an earlier one was removed or hidden"),
    "record.order": Label("变更说是直接采用，重放时却有冲突（{what}）：次序、结果或前面的变更被改动过", "the change was applied, they say, but it clashes when replayed ({what}): order, outcome or an earlier change was altered"),
    "record.mixed": Label("变更把同一条记录说成不同的类型或数据范围", "its changes give the record different types or scopes"),
    # photos, decisions
    "photo.twice": Label("同一张照片列了两次", "the same photo is listed twice"),
    "photo.gone": Label("写着有，照片文件却不在", "said to be here, but the file is not"),
    "photo.there": Label("写着没有，照片文件却在", "said not to be here, but the file is"),
    "photo.swapped": Label("照片的字节不是这个哈希的：被替换或改动过", "the bytes are not those of this hash: the photo was swapped or altered"),
    "photo.unlisted": Label("记录指名的照片不在清单里", "a photo that a record names is not on the list"),
    "photo.unnamed": Label("没有任何记录指名这张照片", "no record names this photo"),
    "photo.records": Label("清单写的记录与指名它的记录不同", "the list names other records than those that name it"),
    "photo.size": Label("清单写的大小不对", "the list gives another size"),
    "decision.unknown": Label("决定所说的变更不在这里", "the change this decision is about is not here"),
}  # fmt: skip

TOLD: dict[str, Label] = {
    "told.unproven": Label("第 {first} 到 {last} 条到达时设备的链已断：设备签名证明不了这些内容", "the device's chain was broken when positions {first} to {last} came: its signature does not prove them"),
    "told.lines": Label("第 {first} 到 {last} 条的内容由设备签名的字节证明，位置不能", "the bytes of positions {first} to {last} are signed by the device, their place is not"),
    "told.hidden": Label("{count} 条不在所选范围，只留哈希", "{count} positions lie outside the selection: only their hashes are here"),
    "told.console": Label("{count} 条是在服务器上做的：只有服务器的说法", "{count} changes were made on the server: by its word alone"),
    "told.conflict": Label("{count} 条有冲突（与别人改了同一处）", "{count} changes met a conflict"),
    "told.parked": Label("{count} 条在等待，没有进入记录", "{count} changes wait and are in no record"),
    "told.rejected": Label("{count} 条被拒绝，没有进入记录", "{count} changes were rejected and are in no record"),
    "told.again": Label("{count} 条是重复送来的，只算一次", "{count} changes came a second time and count once"),
    "told.foreign": Label("变更写的人或设备是别的，服务器因此拒绝", "it names another person or device; the server rejected it"),
    "told.unreadable": Label("变更读不懂，服务器因此拒绝", "it cannot be read; the server rejected it"),
    "told.fork": Label("服务器留存了第二条链（第 {first} 到 {last} 条），没有设备签名可以证明", "the server kept a second chain (positions {first} to {last}); no signature of the device proves it"),
    "told.revoked": Label("这个登记已停用", "this enrolment was revoked"),
    "told.type": Label("本程序不认识类型「{type}」，无法重放", "this program does not know the type “{type}” and cannot replay it"),
    "told.photo": Label("照片还没有送到服务器", "the photo had not reached the server"),
}  # fmt: skip

ALL = {**FAULTS, **TOLD}


def finding(code: str, file: str, pos: int | None = None, id: str | None = None, **parts: object) -> Finding:
    """The words of a code with what belongs in them; what is quoted is cut, for it came from anybody."""
    zh = {k: _side(v, 0) for k, v in parts.items()}
    en = {k: _side(v, 1) for k, v in parts.items()}
    severity: Severity = "fault" if code in FAULTS else "told"
    words = ALL[code]
    return Finding(code, severity, file, pos, id, words.zh.format(**zh), words.en.format(**en))


def _side(value: object, n: int) -> str:
    """A part may be a pair (zh, en)."""
    text = str(value[n]) if isinstance(value, tuple) else str(value)
    return "".join(c if c.isprintable() else "?" for c in text[:300])
