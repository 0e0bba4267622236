"""Sync centre."""

WORDS: dict[str, tuple[str, str]] = {
    # sync page
    "sync.records": ("记录", "Records"),
    "sync.all_in": ("{n} / {all} 已交", "{n} / {all} sent"),
    "sync.resumes": (
        "断了接着传，不重传。收到服务器签收才算入库。",
        "Cut off, it goes on where it was. Only a receipt counts.",
    ),
    "sync.start": ("现在同步", "Sync now"),
    "sync.running": ("正在传 {done} / {total}", "Sending {done} / {total}"),
    "sync.pulling": ("正在取 {done} 条", "Receiving {done}"),
    "sync.connecting": ("正在连服务器", "Reaching the server"),
    "sync.last": ("最近一次", "Last time"),
    "sync.never": ("还没有同步过", "Never synced yet"),
    "sync.reached": ("送出 {sent} 条，取回 {pulled} 条", "{sent} sent, {pulled} received"),
    "sync.missed": ("没连上服务器", "Server not reached"),
    "sync.missed.why": ("{n} 条都在本机，下次自动再传。", "All {n} are safe here and will be sent next time."),
    "sync.done": ("都交上去了", "Everything is sent"),
    "sync.problems": ("有 {n} 个问题", "{n} problems"),
    "sync.nothing": ("没有要你处理的", "Nothing needs you"),
    "sync.enrol_again": ("重新登记", "Enrol again"),
    "sync.enrol_again.why": (
        "这台平板须重新登记：向管理员要一个注册码。没交的记录会一起带过去。",
        "This tablet must enrol again: ask the administrator for a code. Unsent records come along.",
    ),
    "sync.server": ("服务器 {url}", "Server {url}"),
}
