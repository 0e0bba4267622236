"""`jingtu app`: starts the field app. As a process of its own: the server's code neither imports the app nor shares its memory,
and the app runs here exactly as on a device."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer


def app(
    data: Annotated[Path, typer.Option("--data", help="平板的数据文件夹 · the tablet's data folder")] = Path(
        "var/tablet"
    ),
    web: Annotated[bool, typer.Option("--web", help="在浏览器里用 · in a browser instead of a window")] = False,
    port: Annotated[
        int | None,
        typer.Option("--port", min=1, max=65535, help="网页端口，缺省 8550（即 --web）· its port (implies --web)"),
    ] = None,
) -> None:
    """启动外业应用 · Start the field app."""
    command = [sys.executable, "-m", "field_app", "--data", str(data)]
    command += [*(["--web"] if web else []), *(["--port", str(port)] if port else [])]
    if os.name == "nt":  # there exec would return to the shell before the app has ended
        raise typer.Exit(subprocess.run(command).returncode)
    os.execv(sys.executable, command)
