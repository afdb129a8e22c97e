"""Command lines of ./workbook in forks of one process that has loaded it: hundreds of refusals, one Python.

A fork becomes a command in one of two ways. Either it uses the parts that are loaded, and only its arguments
are new. Or it forgets them and runs the file `workbook` of a checkout from its first line, with variables,
folder and user of its own; then only Python and its library were there before.
A fork ends as a process does, except that Python does not clear its memory.
"""

import atexit
import contextlib
import functools
import gc
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import types
from pathlib import Path

SECONDS_TO_END = 1.0
ROOT = Path(__file__).resolve().parents[2]
SUBREAPER = 36  # prctl: what a fork leaves behind becomes our child


class Forks:
    """One such process. A pool of threads needs one each."""

    def __init__(self, checkout: Path, env: dict, folder: Path):
        self.start = dict(
            args=[sys.executable, __file__, str(checkout)],
            cwd=checkout,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self.files = [folder / name for name in ("out", "err")]
        self.server = None

    def run(self, words: list, seconds: float, env: dict, **fresh) -> tuple:
        """As subprocess.run, which gives the exit code and what was said; and the processes that were left.

        `fresh`: checkout, user and current folder of a command that begins with the file `workbook`.
        """
        if self.server is None:
            self.server = subprocess.Popen(**self.start)
        request = {"words": words, "env": env, "files": list(map(str, self.files)), **fresh}
        self.server.stdin.write(json.dumps(request).encode() + b"\n")
        self.server.stdin.flush()
        if not select.select([self.server.stdout], [], [], seconds)[0]:
            self.end(signal.SIGKILL)
            raise subprocess.TimeoutExpired(words, seconds)
        code, *left = map(int, self.server.stdout.readline().split())
        return subprocess.CompletedProcess(words, code, *(file.read_bytes() for file in self.files)), left

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.server is None:
            return
        os.killpg(self.server.pid, number)
        self.server.stdin.close()
        self.server.stdout.close()
        self.server.wait()
        self.server = None


@functools.cache
def of_tests() -> Forks:
    """The one that unit tests share."""
    folder = tempfile.mkdtemp(prefix="wb_forks_")
    made = Forks(ROOT, {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}, Path(folder))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(made.end)
    return made


def workbook(words: list, env: dict, checkout: Path = ROOT) -> subprocess.CompletedProcess:
    """`./workbook` of a checkout from its first line, in a fork; it must leave no process."""
    done, left = of_tests().run(words, 120.0, env, checkout=str(checkout), folder=os.getcwd())
    if left:
        raise AssertionError(f"./workbook {' '.join(words)} left {len(left)} processes")
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


def serve(checkout: str) -> None:
    """Answer each request by the exit code and the processes that were left. In a fork: be the command."""
    import ctypes

    sys.path[0] = checkout
    sys.path.insert(0, os.path.join(checkout, "tools"))
    from workbook import cli, command_table, guard, lazy, pause

    for command in command_table.COMMANDS.values():
        lazy.function(command.action)
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    requests, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    gc.collect()
    gc.freeze()  # or a fork would copy what its first collection touches
    for line in requests:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.close(answers)
            become(request)
            if "checkout" in request:
                end_with(functools.partial(begin, request["checkout"]))
            guard.renew()
            pause.adopt()
            end_with(cli.main)
        status = os.waitpid(pid, 0)[1]
        words = [os.waitstatus_to_exitcode(status), *left_behind()]
        os.write(answers, b" ".join(b"%d" % word for word in words) + b"\n")


def become(request: dict) -> None:
    """The streams, the variables, the folder, the user and the arguments of the command."""
    out, err = request["files"]
    for number, name, how in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
        opened = os.open(name, how | (0 if number == 0 else os.O_CREAT | os.O_TRUNC), 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request.get("folder", "."))
    if request.get("user"):
        os.setgroups([])
        os.setgid(request["user"])
        os.setuid(request["user"])
    sys.argv = ["./workbook", *request["words"]]


def begin(checkout: str) -> None:
    """The file `workbook`, as Python begins it."""
    for name in [name for name in sys.modules if name.partition(".")[0] == "workbook"]:
        del sys.modules[name]
    del sys.path[0]
    sys.path[0] = checkout
    main = types.ModuleType("__main__")
    main.__file__ = os.path.join(checkout, "workbook")
    sys.modules["__main__"] = main
    exec(compile(Path(main.__file__).read_bytes(), main.__file__, "exec"), vars(main))


def end_with(command) -> None:
    """Run it, and end this process as Python ends."""
    code = 1
    try:
        code = command()
    except SystemExit as error:
        code = error.code
    except BaseException:
        sys.excepthook(*sys.exc_info())
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code & 0xFF if isinstance(code, int) else code is not None)


def left_behind() -> list:
    """The processes that are still there shortly after the end of the command; they are killed."""
    until = time.monotonic() + SECONDS_TO_END
    with contextlib.suppress(ChildProcessError):
        while time.monotonic() < until:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.01)
        left = list(map(int, Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()))
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return left
    return []


if __name__ == "__main__":
    serve(sys.argv[1])
