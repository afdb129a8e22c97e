"""Command lines of ./workbook in forks of one process that has loaded it: hundreds of refusals, one Python.

A fork differs from a process of its own in its start alone: the file `workbook`, the interpreter and its
variables. The situations and variables of the table are about those: such cases are processes (run.py).
"""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path


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

    def run(self, words: list, variables: dict, seconds: float) -> subprocess.CompletedProcess:
        """As subprocess.run, which gives the exit code and what was said."""
        if self.server is None:
            self.server = subprocess.Popen(**self.start)
        request = {"words": words, "variables": variables, "files": list(map(str, self.files))}
        self.server.stdin.write(json.dumps(request).encode() + b"\n")
        self.server.stdin.flush()
        if not select.select([self.server.stdout], [], [], seconds)[0]:
            self.end(signal.SIGKILL)
            raise subprocess.TimeoutExpired(words, seconds)
        code = int(self.server.stdout.readline())
        return subprocess.CompletedProcess(words, code, *(file.read_bytes() for file in self.files))

    def end(self, number: int = signal.SIGTERM) -> None:
        if self.server is None:
            return
        os.killpg(self.server.pid, number)
        self.server.stdin.close()
        self.server.stdout.close()
        self.server.wait()
        self.server = None


def serve(checkout: str) -> int:
    """Answer each request by an exit code. In a fork: be the command."""
    sys.path.insert(0, os.path.join(checkout, "tools"))
    from workbook import cli, guard, pause

    requests, answers = os.fdopen(os.dup(0), "rb"), os.dup(1)
    for line in requests:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.close(answers)
            become(request)
            guard.renew()
            pause.adopt()
            return cli.main()
        status = os.waitpid(pid, 0)[1]
        os.write(answers, b"%d\n" % os.waitstatus_to_exitcode(status))
    return 0


def become(request: dict) -> None:
    """The streams, the variables and the arguments of the command."""
    out, err = request["files"]
    for number, name, how in ((0, os.devnull, os.O_RDONLY), (1, out, os.O_WRONLY), (2, err, os.O_WRONLY)):
        opened = os.open(name, how | (0 if number == 0 else os.O_CREAT | os.O_TRUNC), 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.update(request["variables"])
    sys.argv = ["./workbook", *request["words"]]


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1]))
