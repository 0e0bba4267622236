"""The command `jingtu`. `jingtu verify` runs on a plain install; every other command wants the server's packages."""

from __future__ import annotations

import sys
from typing import Any

OURS = ("sync_server", "schemas", "field_app")


def main() -> None:
    if sys.argv[1:2] == ["verify"]:
        from sync_server.proof.verify import main as verify

        raise SystemExit(verify(sys.argv[2:]))
    try:
        from sync_server.cli.commands import main as command
    except ModuleNotFoundError as missing:
        if not missing.name or missing.name.split(".")[0] in OURS:
            raise
        print(
            f"这里只装了核心（缺 {missing.name}），能用的命令是 jingtu verify。其他命令先安装服务器部分：pip install 'jingtu[server]'\n"
            f"Only the core is installed ({missing.name} is missing): jingtu verify works. For any other command install the "
            "server's part: pip install 'jingtu[server]'",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    command()


def __getattr__(name: str) -> Any:
    """`app`, the commands, is made when it is asked for."""
    if name == "app":
        from sync_server.cli.commands import app

        return app
    raise AttributeError(name)
