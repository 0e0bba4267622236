#!/usr/bin/env python3
"""净土外业：开发入口 / the one entry for people. Standard library only; any python3 can start it.

    python3 dev.py demo  [ARGS]   演示：服务器和平板 / a server and tablets to try
    python3 dev.py test  [ARGS]   测试，参数交给 pytest；几十项长的归 soak --ci / the tests, ARGS go to pytest; some long ones belong to soak --ci
    python3 dev.py check          格式、静态检查、类型、分层 / format, lint, types, layering
    python3 dev.py soak  [ARGS]   长时间仿真 / long simulation
    python3 dev.py bench [ARGS]   性能测量 / measurements (--only NAME, --json FILE, --gate)
    python3 dev.py setup          只准备环境 / only prepare the environment
    python3 dev.py lock  [ARGS]   重做 requirements/（--upgrade 升级）/ remake requirements/ (--upgrade to move)

Everything is installed into .venv beside this file, by hash; an activated environment is neither needed nor used.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PY = BIN / ("python.exe" if os.name == "nt" else "python")
LOCK = ROOT / "requirements" / "dev.lock"
STAMP = VENV / ".jingtu-stamp"
OLDEST = (3, 11)


class Stop(Exception):
    """An end that a person can act on: what happened and what to do, Chinese first, then English."""

    def __init__(self, zh, en, code=1):
        super().__init__(f"✗ {zh}\n  {en}")
        self.code = code


def say(zh, en):
    print(f"· {zh} / {en}", file=sys.stderr, flush=True)


def clean_env():
    """The environment of everything we start: our .venv first, nothing of an activated one."""
    env = {k: v for k, v in os.environ.items() if k not in ("PYTHONHOME", "PYTHONPATH", "CONDA_PREFIX")}
    env["VIRTUAL_ENV"] = str(VENV)
    env["PATH"] = str(BIN) + os.pathsep + env.get("PATH", "")
    env.setdefault("PYTHONUTF8", "1")
    if env.pop("PYTHONDONTWRITEBYTECODE", ""):  # else every process compiles everything anew, three seconds for each
        env.setdefault("PYTHONPYCACHEPREFIX", str(ROOT / "build" / "pycache"))
    return env


def run(*command):
    """Run a command in the repository; its exit code."""
    return subprocess.run([str(c) for c in command], cwd=str(ROOT), env=clean_env()).returncode


def become(*args):
    """Replace this process by Python of the .venv, so that every signal reaches it and not a parent of it."""
    command = [str(PY)] + [str(a) for a in args]
    sys.stdout.flush()
    sys.stderr.flush()
    os.chdir(str(ROOT))
    if os.name == "nt":  # there execv would return to the shell before the child has ended
        sys.exit(subprocess.run(command, env=clean_env()).returncode)
    os.execve(str(PY), command, clean_env())


# --- environment ------------------------------------------------------------------------------------------------------


def newer_python():
    """Started with an old python3: go on with a new enough one, if there is any."""
    for minor in range(20, OLDEST[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found:
            say(f"改用 {found}", "going on with it")
            os.execv(found, [found, str(Path(__file__).resolve())] + sys.argv[1:])
    raise Stop(
        f"需要 Python 3.11 或更高版本，当前为 {sys.version.split()[0]}。请安装新版后重试。",
        f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}. Install one and try again.",
    )


def wanted_stamp():
    parts = (str(ROOT).encode(), LOCK.read_bytes(), (ROOT / "pyproject.toml").read_bytes())
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def works():
    try:
        return subprocess.run([str(PY), "-c", "pass"], env=clean_env()).returncode == 0
    except OSError:
        return False


def moved():
    """A .venv copied from elsewhere holds the old place in its scripts."""
    try:
        return STAMP.is_file() and STAMP.read_text("utf-8").split("\n")[1] != str(ROOT)
    except IndexError:
        return True


def make_venv():
    try:
        import ensurepip  # noqa: F401  Debian leaves it out of python3 itself
        import venv  # noqa: F401
    except ImportError:
        raise Stop(
            "这个 Python 缺少 venv/ensurepip。Debian、Ubuntu：sudo apt install python3-venv；"
            "其他系统请安装完整的 Python。然后重新运行。",
            "This Python lacks venv/ensurepip. Debian, Ubuntu: sudo apt install python3-venv; "
            "elsewhere install a complete Python. Then run this again.",
        ) from None
    say("建立 .venv", "making .venv")
    if subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)]).returncode:
        raise Stop(
            "无法建立 .venv：请看上面的信息（磁盘空间、写权限、python3-venv）。",
            "Could not make .venv: see above (disk space, permissions, python3-venv).",
        )


def locked(name):
    """The lines of one package in the lock: `name==1.2 --hash=…`."""
    lines, inside = [], False
    for line in LOCK.read_text("utf-8").splitlines():
        inside = inside or line.startswith(name + "==")
        if inside:
            lines.append(line)
            if not line.endswith("\\"):
                break
    return "\n".join(lines) + "\n"


def install_uv():
    if (BIN / PY.name.replace("python", "uv")).is_file():
        return
    pip = [PY, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    with tempfile.TemporaryDirectory() as temp:
        listed = Path(temp) / "uv.txt"
        listed.write_text(locked("uv") if LOCK.is_file() else "uv\n", "utf-8")
        if run(*(pip + (["--require-hashes"] if LOCK.is_file() else []) + ["-r", listed])):
            raise Stop(
                "无法安装 uv：请检查网络或 pip 的镜像设置（pip config list）。",
                "Could not install uv: check the network or pip's mirror settings (pip config list).",
            )


def install():
    """Everything in the lock, by hash; then this project, editable. pip stands in where uv has no index."""
    uv = [PY, "-m", "uv", "pip", "install", "-q", "--python", PY]
    pip = [PY, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    say("安装依赖（按哈希核对）", "installing the locked packages by hash")
    if run(*(uv + ["--require-hashes", "-r", LOCK])):
        say("uv 未成功，改用 pip", "uv did not succeed, trying pip")
        if run(*(pip + ["--require-hashes", "-r", LOCK])):
            raise Stop(
                "依赖安装失败：请看上面的信息，检查网络、镜像设置和磁盘空间，然后重新运行。",
                "Installing failed: see above, check network, mirror settings and disk space, then run this again.",
            )
    project = ["--no-deps", "--no-build-isolation", "-e", ROOT]
    if run(*(uv + project)) and run(*(pip + project)):
        raise Stop("本项目安装失败：请看上面的信息。", "Installing this project failed: see above.")


@contextmanager
def one_at_a_time():
    """Two terminals may start at once; the second waits for the first."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    (ROOT / "build").mkdir(exist_ok=True)
    with open(str(ROOT / "build" / ".setup.lock"), "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def ready():
    return PY.exists() and STAMP.is_file() and STAMP.read_text("utf-8").split("\n")[0] == wanted_stamp()


def environment():
    if ready():
        return
    with one_at_a_time():
        if ready():
            return
        began = time.time()
        if moved() or not works():
            make_venv()
        install_uv()
        install()
        STAMP.write_text(f"{wanted_stamp()}\n{ROOT}\n", "utf-8")
        say(f"环境就绪，{time.time() - began:.0f} 秒", "environment ready")


def assets():
    if (ROOT / "field_app" / "fonts.py").is_file() and run(PY, "-m", "field_app.fonts", "--quiet"):
        raise Stop("界面字体生成失败：请看上面的信息。", "Building the fonts failed: see above.")


# --- browser ----------------------------------------------------------------------------------------------------------


def find_chromium():
    named = os.environ.get("JINGTU_CHROMIUM")
    if named:
        if not Path(named).is_file():
            raise Stop(f"JINGTU_CHROMIUM 指向的文件不存在：{named}", f"JINGTU_CHROMIUM names no file: {named}")
        return named
    for name in ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"):
        if shutil.which(name):
            return shutil.which(name)
    for name in ("Chromium", "Google Chrome"):  # macOS
        place = f"/Applications/{name}.app/Contents/MacOS/{name}"
        if Path(place).is_file():
            return place
    return None


def chromium():
    """The browser of the page tests: the system's own; installed only where that is plainly wanted (CI, root)."""
    found = find_chromium()
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if not found and root and shutil.which("apt-get"):
        say("安装 Chromium（界面测试需要）", "installing Chromium for the page tests")
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        if run("apt-get", "update", "-qq") == 0:
            run("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium")
        found = find_chromium()
    if not found:
        raise Stop(
            "界面测试需要 Chromium 或 Chrome。Debian、Ubuntu：sudo apt install chromium；其他系统请自行安装。"
            "已装在别处时：JINGTU_CHROMIUM=/路径/chromium python3 dev.py test。",
            "The page tests need Chromium or Chrome. Debian, Ubuntu: sudo apt install chromium; elsewhere install it. "
            "If it lies elsewhere: JINGTU_CHROMIUM=/path/to/chromium python3 dev.py test.",
        )
    return found


# --- commands ---------------------------------------------------------------------------------------------------------


def demo(args):
    assets()
    become("-m", "tests.demo.run", *args)


def for_tests():
    os.environ["JINGTU_CHROMIUM"] = chromium()
    os.environ.setdefault("PYTHONHASHSEED", "0")  # a simulated seed goes the same way every time
    assets()


def test(args):
    """All but the long ones, which the soak takes; of a file that is named, all."""
    for_tests()
    named = any(a.startswith("tests") for a in args)
    few = [] if named else ["-m", "not long"]
    become("-m", "pytest", "-n", "2", "--dist", "loadfile", "--no-loadscope-reorder", "-q", *few, *args)


def soak(args):
    if "--ci" in args:
        for_tests()
    become("-m", "tests.sim.soak", *args)


def bench(args):
    become("-m", "tests.bench.run", *args)


def check(args):
    typed = [room for room in ("schemas", "sync_server") if any((ROOT / room).rglob("*.py"))]
    steps = [
        ("格式 / format", ["ruff", "format", "--check", "--output-format=concise", "."]),
        ("静态检查 / lint", ["ruff", "check", "--output-format=concise", "."]),
        ("类型 / types", ["mypy", "--strict"] + typed),
        ("分层 / layering", ["pytest", "-q", "-p", "no:cacheprovider", "tests/unit/test_layering.py"]),
    ]
    bad = []
    for name, command in steps:
        began = time.time()
        code = run(PY, "-m", *command)
        print(f"{'✗' if code else '✓'} {name}  {time.time() - began:.1f} s", flush=True)
        bad += [name] if code else []
    if bad:
        raise Stop(
            "未通过：{}。可先运行 .venv/bin/ruff check --fix . 和 .venv/bin/ruff format . 。".format("、".join(bad)),
            "Not passed, see above; ruff check --fix . and ruff format . mend what can be mended.",
        )


def setup(args):
    assets()
    say("已就绪：python3 dev.py demo", "ready")


def lock(args):
    """Remake requirements/: pins stay unless --upgrade; no host and no path of this machine in the result."""
    if not works():
        make_venv()
    install_uv()
    uv = [PY, "-m", "uv", "pip", "compile", "-q", "--no-emit-index-url", "--no-emit-find-links"]
    uv += ["--custom-compile-command", "python3 dev.py lock"] + args + ["pyproject.toml", "-o"]
    anywhere = ["--universal", "--python-version", "3.11", "--generate-hashes"]
    # Compiled packages of the tablet come from the app build's own list of wheels, whose hashes we cannot know here.
    tablet = ["--python-platform", "aarch64-linux-android", "--python-version", "3.13"]
    tablet += ["-c", "requirements/tablet-constraints.in"]
    for name, more in (
        ("dev.lock", anywhere + ["--extra", "server", "--group", "dev"]),
        ("server.lock", anywhere + ["-c", "requirements/dev.lock", "--extra", "server"]),
        ("tablet.txt", tablet),
    ):
        say("锁定 requirements/" + name, "locking")
        if run(*(uv + ["requirements/" + name] + more)):
            raise Stop("锁定失败：请看上面的信息。", "Locking failed: see above.")


COMMANDS = {f.__name__: f for f in (demo, test, check, soak, bench, setup, lock)}


def stop_at_term(*_):
    raise KeyboardInterrupt


def main(argv):
    command = COMMANDS.get(argv[0]) if argv else None
    if command is None:
        print(__doc__)
        return 0 if argv and argv[0] in ("-h", "--help", "help") else 2
    if sys.version_info[:2] < OLDEST:
        newer_python()
    signal.signal(signal.SIGTERM, stop_at_term)
    try:
        if command is not lock:
            environment()
        command(argv[1:])
    except Stop as e:
        print(e, file=sys.stderr, flush=True)
        return e.code
    except KeyboardInterrupt:
        print("\n· 已中断 / interrupted", file=sys.stderr, flush=True)
        return 130
    except OSError as e:
        print(f"✗ 系统错误：{e} / system error", file=sys.stderr, flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
