"""Runs a table of bad command lines, environments, files and folders against ./workbook and the programs.

    python3 tools/tests/refusals/run.py [--bin build/cpu/bin] [--half] [--only WORD] [--list] [--processes]

Each case must end with the exit code that the table names and with one or two lines on standard error, in our
own words: nothing of Python's or of C++'s. It must leave no process, and no file that it has begun. table.txt
explains its columns.

The first case of each kind is a process of its own. Cases of a kind have the exit code in common, and the
name of the situation or variable, else the command. Each case in which Python, the shell or a mount
differs is a process, too. The others are forks of one Python (forks.py): those with a situation or a
variable run the file `workbook` anew; those that differ in an argument use the command as it is loaded.

--half, as ctest runs it: the first case of each line and of each kind, and every second one of the others.
Which these are, changes with the commit.
"""

import argparse
import compileall
import concurrent.futures
import contextlib
import functools
import itertools
import os
import queue
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import situations

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tools" / "tests")]
import forks  # noqa: E402
from workbook.command_table import COMMANDS  # noqa: E402

TABLE = Path(__file__).with_name("table.txt")
# Folders that the command reads at most: in a checkout of a case's own they are links to the shared ones.
LINKED = re.compile(r"common|solutions|docs|cmake|tools/(?!workbook$)\w+")
READ_AT_START = re.compile(r"(PYTHON\w*|LC_ALL|LANG)=")  # by Python itself, before it runs anything
RAW = re.compile(
    r"Traceback|terminate called|what\(\):|std::|Errno|Exception ignored|Segmentation|core dumped|__main__"
    r"|\bline \d+, in\b|Error:|a mistake in the workbook"
)
BEGUN = re.compile(r"\.tmp$|^\..*\.\d+\.|\.part$")
MOST_SECONDS = 60.0
MARK = "WB_REFUSAL"
WORKERS = os.cpu_count() or 2


class Case:
    """One row of the table, with all alternatives of its braces chosen."""

    def __init__(self, row, shared, places, programs, alone=True):
        self.codes, self.words, self.line, self.number, self.first = row  # first: of its line
        self.alone = alone
        self.checkout, self.base = shared, shared
        self.places, self.programs = places, programs
        self.mark = f"{os.getpid()}-{id(self)}"
        self.env = {**plain_environment(), MARK: self.mark}
        self.wrapper, self.launcher, self.user, self.skip = [], ["./workbook"], None, ""
        self.folders, self.said = [], ""

    def scratch(self):
        """A folder of the case's own."""
        if not self.folders:
            self.folders.append(Path(tempfile.mkdtemp(prefix="wb_case_")))
            self.folders[0].chmod(0o777)
        return self.folders[0]

    def own_checkout(self, name="workbook", linked=True):
        """A copy of the workbook that the situation may damage: its own folders, links to the shared files.

        A situation deletes or replaces a file; it must not write into it. Where owners or permissions
        change, the copy is made without links.
        """
        if self.checkout == self.base:
            self.checkout = self.scratch() / name
            linked_copy(self.base, self.checkout, os.link if linked else shutil.copy2)

    def replace(self, name, content):
        """Give the case's own checkout another file in place of a shared one."""
        (self.checkout / name).unlink()
        (self.checkout / name).write_bytes(content)

    def give_to(self, user):
        for path in (self.checkout, *self.checkout.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)

    def prepare(self):
        words = shlex.split(self.line)
        while words and (words[0].startswith("@") or re.match(r"[A-Z_0-9]+=", words[0])):
            word = words.pop(0)
            if word.startswith("@"):
                situations.SITUATIONS[word[1:]](self)
            else:
                name, _, value = word.partition("=")
                self.env[name] = self.filled(value)
        words = [self.filled(word) for word in words]
        if words and words[0].startswith("$"):
            program = self.programs / words.pop(0)[1:]
            if not os.access(program, os.X_OK):
                self.skip = self.skip or f"{program.name} is not built"
            self.launcher = [str(program)]
        return [*self.wrapper, *self.launcher, *words]

    def filled(self, word):
        return re.sub(r"<(\w+)>", lambda found: self.places.get(found.group(1), found.group()), word)

    def kind(self):
        """What cases have in common of which one is a process."""
        words = self.line.split(" ")
        around = list(itertools.takewhile(lambda word: re.match(r"@|[A-Z_0-9]+=", word), words))
        known = words[0] if words[0] in COMMANDS or words[0].startswith("$") else ""
        return (*(re.split("[-=]", word)[0] for word in around or [known]), *sorted(self.codes))

    def may_fork(self):
        """Whether Python and what starts it are the usual ones."""
        usual = self.launcher == ["./workbook"] and not self.wrapper
        return usual and not self.alone and not READ_AT_START.search(self.line)

    def done(self, command, pool):
        """How it ended, and what it left running."""
        if self.may_fork():
            plain = re.match(r"[a-z]", self.line)
            here = str(self.checkout)
            fresh = {} if plain else {"checkout": here, "folder": here, "user": self.user}
            fork = pool.get()
            try:
                return fork.run(command[1:], MOST_SECONDS, self.env, **fresh)
            finally:
                pool.put(fork)
        given = {"user": self.user, "group": self.user, "extra_groups": []} if self.user else {}
        done = subprocess.run(
            [os.fsencode(part) for part in command],
            cwd=self.checkout,
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=MOST_SECONDS,
            **given,
        )
        return done, self.left_running()

    def run(self, pool):
        """What is wrong with how it ended; empty when nothing is."""
        left = []
        try:
            command = self.prepare()
            if self.skip:
                return ""
            before = files_of(self.checkout) if self.checkout != self.base else None
            done, left = self.done(command, pool)
            problems = list(self.judge(done, before))
        except subprocess.TimeoutExpired:
            problems = [f"did not end within {MOST_SECONDS:.0f} s"]
            left = self.left_running()
        except Exception as error:
            problems = [f"could not be prepared: {error!r}"]
        finally:
            for folder in self.folders:
                shutil.rmtree(folder, ignore_errors=True)
        if left:
            problems.append(f"left processes {left}")
        return "; ".join(problems)

    def judge(self, done, before):
        out, err = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        self.said = (err + out).strip()
        if done.returncode not in self.codes:
            yield f"exit code {done.returncode}"
        lines = err.splitlines()
        fewest = 0 if 0 in self.codes or self.words == "-" else 1
        if not fewest <= len(lines) <= 2:
            yield f"{len(lines)} lines"
        found = RAW.search(err) or RAW.search(out.replace("std::", ""))  # walkthroughs print C++
        if found:
            yield f"raw text: {found.group()}"
        if self.words != "-" and self.words not in err + out:
            yield f"does not say '{self.words}'"
        if before is not None:
            after = files_of(self.checkout)
            begun = [name for name in after if name not in before and BEGUN.search(Path(name).name)]
            if begun:
                yield f"left {begun}"
            kept = {name for name in after if ".damaged" not in name}
            changed = [name for name in kept if name not in before or after[name] != before[name]]
            if done.returncode == 2 and changed:
                yield f"refused, but wrote {changed[:3]}"

    def left_running(self):
        """The case's own processes that are still there shortly after its end; they are killed."""
        for _ in range(20):
            left = [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if self.owns(pid)]
            if not left:
                return []
            time.sleep(0.05)
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        return left

    def owns(self, pid):
        try:
            return f"{MARK}={self.mark}\0".encode() in Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return False


def files_of(checkout):
    """The time of the last change of each file, by its name in the checkout."""
    found = {}
    for folder, folders, names in os.walk(checkout):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for path in (os.path.join(folder, name) for name in names):
            found[path[len(str(checkout)) + 1 :]] = os.lstat(path).st_mtime_ns
    return found


def plain_environment():
    """Ours, without what steers the workbook."""
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    for name in ("WB_RESULTS_DIR", "WB_IMPL", "WB_COMMIT", "CXX"):
        env.pop(name, None)
    return env


def expand(line):
    """`a {x,y} b` -> `a x b`, `a y b`. A comma inside quotes separates nothing."""
    parts = re.split(r"(\{[^{}]*,[^{}]*\})", line)
    choices = [
        [piece for piece in re.findall(r"((?:'[^']*'|\"[^\"]*\"|[^,'\"])*)(?:,|$)", part[1:-1])][: -1 or None]
        if part.startswith("{")
        else [part]
        for part in parts
    ]
    return ["".join(chosen) for chosen in itertools.product(*choices)]


def table():
    """(exit codes, words, command line, number of the line, whether it is the line's first) of each case."""
    rows = []
    for number, text in enumerate(TABLE.read_text(encoding="utf-8").splitlines(), 1):
        if not text.strip() or text.startswith("#"):
            continue
        codes, words, line = (part.strip() for part in text.split(" |", 2))
        codes = {int(code) for code in codes.split(",")}
        rows += [(codes, words, one, number, place == 0) for place, one in enumerate(expand(line))]
    return rows


def linked_copy(base, made, copy):
    """The files of `base`, each of them copied by `copy`; folders that are only read are symbolic links."""
    for folder, folders, names in os.walk(base):
        inside = os.path.relpath(folder, base)
        os.makedirs(made / inside)
        for name in names:
            copy(os.path.join(folder, name), made / inside / name)
        for name in [name for name in folders if LINKED.fullmatch(os.path.normpath(f"{inside}/{name}"))]:
            folders.remove(name)
            (made / inside / name).symlink_to(os.path.join(folder, name))


def shared_copy(folder):
    """The files of this checkout, without what git ignores; nobody else may be able to write there."""
    copy = folder / "workbook"
    listed = subprocess.run(
        [
            "git",
            "-c",
            f"safe.directory={ROOT}",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ],
        cwd=ROOT,
        capture_output=True,
    )
    names = [name for name in listed.stdout.decode().split("\0") if name]
    if not names:  # no git: everything but what is built
        ignored = shutil.ignore_patterns("build", "results", ".venv", ".git", "__pycache__")
        shutil.copytree(ROOT, copy, ignore=ignored)
        return copy
    for name in names:
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


@contextlib.contextmanager
def forked(checkout, folder):
    """A process to fork for each of our threads."""
    pool = queue.SimpleQueue()
    made = []
    for number in range(WORKERS):
        (folder / f"said_{number}").mkdir()
        made.append(forks.Forks(checkout, plain_environment(), folder / f"said_{number}"))
        pool.put(made[-1])
    try:
        yield pool
    finally:
        for fork in made:
            fork.end()


@functools.cache
def commit():
    """As a number; 0 outside of a repository."""
    command = ["git", "-c", f"safe.directory={ROOT}", "rev-parse", "HEAD"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    return int(said, 16) if re.fullmatch(r"[0-9a-f]+", said) else 0


def turn(row):
    """Whether it is this case's turn: with half of the commits, each case with others."""
    return bin(zlib.crc32(row[2].encode()) & commit()).count("1") % 2 == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--bin", type=Path, default=ROOT / "build" / "cpu" / "bin", help="where the programs are"
    )
    parser.add_argument("--half", action="store_true", help="every second case but the first ones")
    parser.add_argument("--only", default="", help="cases whose line has this in it")
    parser.add_argument("--list", action="store_true", help="show what each case said")
    parser.add_argument("--processes", action="store_true", help="fork none of them")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="wb_refusals_") as folder:
        Path(folder).chmod(0o755)
        shared = shared_copy(Path(folder))
        # Hundreds of cases start the command: compile it once.
        compileall.compile_dir(shared / "tools" / "workbook", quiet=1)
        (Path(folder) / "inputs").mkdir()
        places = situations.inputs(Path(folder) / "inputs")
        cases, kinds = [], set()
        for row in table():
            case = Case(row, shared, places, options.bin.resolve())
            case.alone = options.processes or case.kind() not in kinds
            kinds.add(case.kind())
            taken = options.only in case.line and (case.alone or case.first or not options.half or turn(row))
            cases += [case] if taken else []
        before = files_of(shared)
        with forked(shared, Path(folder)) as pool, concurrent.futures.ThreadPoolExecutor(WORKERS) as workers:
            ended = []
            for case, problem in zip(cases, workers.map(lambda case: case.run(pool), cases)):
                ended.append(problem)
                if problem:
                    print(f"table.txt:{case.number}: {case.line}: {problem}", flush=True)
                    print(f"    {case.said[:500]}", flush=True)
        after = files_of(shared)
        written = sorted(name for name, _ in set(before.items()) ^ set(after.items()))
    failed = list(filter(None, ended))
    skipped = [case.skip for case in cases if case.skip]
    for case in cases if options.list else []:
        print(f"{case.number}: {case.line}\n    {case.said or case.skip}")
    for name in written:
        print(f"the shared copy has a new, changed or missing file: {name}")
    for reason in sorted(set(skipped)):
        print(f"skipped {skipped.count(reason)}: {reason}")
    held = len(cases) - len(failed) - len(skipped)
    print(f"{held} of {len(cases)} cases hold, in {time.monotonic() - started:.0f} s")
    return 1 if failed or written or not cases else 0


if __name__ == "__main__":
    sys.exit(main())
