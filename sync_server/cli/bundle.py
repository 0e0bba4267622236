"""`jingtu bundle show|import`: a tablet's rescue bundle, looked at and taken in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from schemas.problems import Trouble
from schemas.records import TYPES
from sync_server import bundle as bundles
from sync_server.bundle import Content, Fate, Taken
from sync_server.cli.care import say, size_of
from sync_server.cli.common import (
    Data,
    Json,
    err,
    names_of,
    not_done,
    opened,
    operator,
    out,
    settings_of,
    table_of,
    tell,
)
from sync_server.cli.common import told as told_all
from sync_server.console.words import words
from sync_server.main import Parts
from sync_server.settings import Settings

bundle_app = typer.Typer(help="平板的救援包 · a tablet's rescue bundle", no_args_is_help=True)
LISTED = 20  # of what needs a person; the report has all
LEFT = 3  # exit code: read, but something waits for a person
OUTCOMES = {
    "applied": "入库 · in", "conflict": "冲突 · conflict", "parked": "待关联 · waits", "rejected": "退回 · refused",
}  # fmt: skip
Partial = Annotated[
    bool, typer.Option("--partial", help="文件损坏时取到损坏处为止 · take what comes before the damage")
]
Files = Annotated[list[Path], typer.Argument(help="救援包文件 .jtb · rescue bundles")]


def _key(settings: Settings) -> bytes:
    """Raises Trouble 4101 where there is none: a new one opens nothing."""
    if not (settings.data / "receipt.key").is_file():
        raise not_done(
            f"{settings.data} 中没有 receipt.key，数据目录不对？",
            f"receipt.key is not in {settings.data}: is it the right data folder?",
        )
    return settings.secret("receipt.key", bytes)


def _there(path: Path) -> None:
    if not path.is_file():
        raise not_done(f"没有文件 {path}", f"no file {path}")


@bundle_app.command("show")
def bundle_show(file: Path, data: Data = None, as_json: Json = False, partial: Partial = False) -> None:
    """看包里有什么，不导入 · What is in it, without taking it in."""
    with told_all():
        _there(file)
        settings = settings_of(data)
        content = bundles.look(file, _key(settings), partial)
        if as_json:
            print(json.dumps(_plain(content), ensure_ascii=False, indent=1))
            return
        _print_content(content, names_of(opened(data)))


def _plain(c: Content) -> dict[str, Any]:
    return {
        "header": c.header.model_dump(),
        "size": c.size,
        "about": c.about.model_dump() if c.about else None,
        "batches": [chain._asdict() for chain in c.chains],
        "changes": c.changes,
        "drafts": [d._asdict() for d in c.drafts],
        "photos": c.photos,
        "photo_bytes": c.photo_bytes,
        "unknown_parts": c.unknown,
        "damage": c.damage.body() if c.damage else None,
    }


@bundle_app.command("import")
def bundle_import(
    files: Files, data: Data = None, as_json: Json = False, partial: Partial = False,
    report: Annotated[Path | None, typer.Option("--report", help="报告放哪里 · where reports go (DATA/bundles)")] = None,
) -> None:  # fmt: skip
    """导入救援包；可以重复导入，不会重复入库 · Take bundles in; importing again takes nothing twice.

    退出码：0 全部入库；3 收下了，但有要人看的；1 有文件没能读完。· Exit: 0 all is in, 3 taken but somebody has to look, 1 a file could not be read."""
    worst, printed = 0, []
    with told_all():
        settings = settings_of(data)
        key = _key(settings)
        parts = opened(data)
        for file in files:
            try:
                _there(file)
                done = _take(parts, file, key, report or settings.data / "bundles", partial)
            except Trouble as trouble:
                err.print(f"{file}：", markup=False, soft_wrap=True)
                tell(trouble)
                worst = 1
                if trouble.problem.status >= 500:
                    break
                continue
            worst = worst if done.clean else worst or LEFT
            if as_json:
                printed.append({"file": str(file), "folder": str(done.folder), **bundles.report(done)})
            else:
                _print_taken(done, file, parts)
        if as_json:
            print(json.dumps(printed, ensure_ascii=False, indent=1))
    if worst:
        raise typer.Exit(worst)


def _take(parts: Parts, file: Path, key: bytes, reports: Path, partial: bool) -> Taken:
    columns = (TextColumn("导入 · importing"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("", total=None)
        return bundles.take(
            parts.service,
            file,
            key,
            reports,
            operator(),
            partial,
            lambda n, of: bar.update(task, completed=n, total=of),
        )


# --- what is printed -------------------------------------------------------------------------------------------------


def _scope(scope: str, names: dict[str, str]) -> str:
    owner, _, audience = scope.partition(".")
    zh, en = words("zh"), words("en")
    return f"{names.get(owner) or owner[-6:]} {zh(f'aud_{audience}')} · {en(f'aud_{audience}')}"


def _person(content: Content, enrolment: str) -> str:
    owners = content.about.owners if content.about else []
    return next((o.person_name for o in owners if o.enrolment == enrolment), enrolment[-6:])


def _print_content(c: Content, names: dict[str, str]) -> None:
    _print_head(c)
    table = table_of("谁 · who", "数据范围 · scope", "从第几条 · from", "变更 · changes")
    for chain in c.chains:
        cells = _person(c, chain.enrolment), _scope(chain.scope, names), str(chain.first), str(chain.changes)
        table.add_row(*map(escape, cells))
    if c.chains:
        out.print(table)
    else:
        say("没有未签收的变更", "no changes that were not acknowledged")
    _print_drafts(c)
    if c.photos:
        say(f"照片 {c.photos} 张，{size_of(c.photo_bytes)}", f"{c.photos} photos, {size_of(c.photo_bytes)}")
    _print_left_out(c)
    if c.about and c.about.facts:
        facts = "  ".join(f"{k}={v}" for k, v in c.about.facts.items())
        say(f"平板情况：{facts}", "(facts about the tablet)")


def _print_head(c: Content) -> None:
    whole = c.about is not None and c.about.whole
    say(
        f"设备 {c.header.device}，{c.header.made_at} 写成，{size_of(c.size)}{'，连同已交过的' if whole else ''}",
        f"device {c.header.device}, written {c.header.made_at}, {size_of(c.size)}{', with what was acknowledged' if whole else ''}",
    )


def _print_drafts(c: Content) -> None:
    if not c.drafts:
        return
    say(
        f"草稿 {len(c.drafts)} 份（没有完成，不入库）：",
        f"{len(c.drafts)} drafts (unfinished, not taken into the record):",
    )
    for d in c.drafts[:LISTED]:
        about = TYPES[d.type].about if d.type in TYPES else None
        zh, en = (about.zh, about.en) if about else (d.type, d.type)
        out.print(f"  {zh} · {en} {d.code}  {d.person_name}  {d.updated_at}", markup=False, soft_wrap=True)
    if len(c.drafts) > LISTED:
        out.print(f"  … (+{len(c.drafts) - LISTED})", markup=False)


def _print_left_out(c: Content) -> None:
    """What the tablet has and the bundle has not, and what of the bundle could not be read."""
    for o in c.about.owners if c.about else []:
        if o.changes and not o.signed:
            say(
                f"{o.person_name} 的 {o.changes} 条不在包里：写的时候没有解锁。请本人解锁后再写一份",
                f"{o.changes} changes of {o.person_name} are NOT in it: locked when it was written. Unlock and write it again",
            )
    if c.about and c.about.foreign:
        say(
            f"{c.about.foreign} 条不在包里：登记的密钥不在这台平板上，没人能替他签名",
            f"{c.about.foreign} changes are NOT in it: their enrolment's key is not on the tablet, nobody can sign for it",
        )
    if c.unknown:
        say(
            f"有 {c.unknown} 部分来自更新的应用，读不懂，没有取：升级服务器后再导入一次",
            f"{c.unknown} parts are of a newer app and were left out: update the server, then import again",
        )
    if c.damage:
        say(
            f"文件损坏，只取到损坏处：{c.damage.text('zh')}",
            f"DAMAGED, only what comes before was read: {c.damage.text('en')}",
        )


def _print_taken(done: Taken, file: Path, parts: Parts) -> None:
    c, names = done.content, names_of(parts)
    out.print(str(file), markup=False, soft_wrap=True)
    _print_head(c)
    table = table_of("谁 · who", "数据范围 · scope", "变更 · changes", "结果 · became")
    for fate in done.fates:
        table.add_row(
            *map(escape, (_person(c, fate.enrolment), _scope(fate.scope, names), str(fate.changes), _became(fate)))
        )
    if done.fates:
        out.print(table)
    new, known = done.total("new"), sum(done.total("known").values())
    if sum(new.values()) + done.refused == 0:
        say(f"没有新的：{known} 条服务器早已有了", f"nothing new: the server had all {known} already")
    else:
        parts_zh = "，".join(f"{OUTCOMES[o].split(' · ')[0]} {n} 条" for o, n in new.items())
        parts_en = ", ".join(f"{OUTCOMES[o].split(' · ')[1]} {n}" for o, n in new.items())
        say(
            f"新收下：{parts_zh or '0 条'}；早已有的 {known} 条"
            + (f"；没收下 {done.refused} 条" if done.refused else ""),
            f"new: {parts_en or '0'}; known before: {known}" + (f"; not taken: {done.refused}" if done.refused else ""),
        )
    _print_troubles(done.fates)
    _print_details([d for f in done.fates for d in f.details])
    _print_drafts(c)
    _print_photos(done)
    if (c.drafts or done.photos) and not done.signers:
        say(
            "草稿和照片没有平板的有效签名：来源未证明",
            "drafts and photos carry no valid signature of the tablet: their origin is not proven",
        )
    _print_left_out(c)
    say(f"报告 {done.folder}", "the report is there")


def _became(fate: Fate) -> str:
    if fate.trouble is not None:
        return f"没收下 · not taken: {fate.trouble.problem.number}"
    new = [f"{OUTCOMES[o]} {n}" for o, n in fate.new.items()]
    known = [f"早已{OUTCOMES[o]} {n}" for o, n in fate.known.items()]
    return "\n".join([*new, *known])


def _print_troubles(fates: Sequence[Fate]) -> None:
    for fate in fates:
        if fate.trouble is not None:
            t, last = fate.trouble, fate.first + fate.changes - 1
            more_zh, more_en = "", ""
            if t.problem.number == 1202:
                more_zh = "：让平板同步一次，或打开「连同已交过的」再写一份救援包"
                more_en = ": let the tablet sync once, or write the bundle again with what was acknowledged"
            say(
                f"第 {fate.first}–{last} 条没收下 [{t.problem.number}] {t.text('zh')}{more_zh or '。' + t.problem.remedy_zh}",
                f"positions {fate.first} to {last} not taken: {t.text('en')}{more_en or '. ' + t.problem.remedy_en}",
            )


def _print_details(details: Sequence[dict[str, Any]]) -> None:
    """What somebody has to look at. Words from records may hold brackets: nothing here is markup."""
    if not details:
        return
    say(f"要人看的 {len(details)} 条：", f"{len(details)} changes somebody has to look at:")
    for d in details[:LISTED]:
        about = TYPES[d["type"]].about if d["type"] in TYPES else None
        name = f"{about.zh} · {about.en}" if about else d["type"]
        out.print(f"  {OUTCOMES[d['outcome']]}  {name} {d['code']}", markup=False, soft_wrap=True)
        if d.get("zh"):
            out.print(f"    {d['zh']} · {d['en']}", markup=False, soft_wrap=True)
    if len(details) > LISTED:
        out.print(f"  … (+{len(details) - LISTED})", markup=False)
    say(
        "在网页的「等待处理」里决定，或用 jingtu parked list 项目",
        "decide on the review pages, or with jingtu parked list PROJECT",
    )


def _print_photos(done: Taken) -> None:
    if done.photos_in or done.photos_known:
        say(
            f"照片收下 {done.photos_in} 张，早已有的 {done.photos_known} 张",
            f"photos taken in: {done.photos_in}; here before: {done.photos_known}",
        )
    if done.photos:
        say(
            f"照片 {done.photos} 张没有入库，放在 {done.folder / 'photos'}（按哈希命名）：",
            f"{done.photos} photos were not taken in; they lie there, named by hash:",
        )
    for b in done.beside[:LISTED]:
        out.print(f"  {b.name[:12]}…  {b.zh} · {b.en}", markup=False, soft_wrap=True)
    if len(done.beside) > LISTED:
        out.print(f"  … (+{len(done.beside) - LISTED})", markup=False)
    if done.wrong_photos:
        say(
            f"照片 {done.wrong_photos} 张内容与哈希不符，没有留",
            f"{done.wrong_photos} photos are not what their hash says: not kept",
        )
