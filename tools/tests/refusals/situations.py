"""What may be wrong around a command: each situation changes a case before it runs (@name in the table)."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

RECORD = {"schema_version": 1, "passed": True, "device": "cpu", "starter": "0" * 16}
OTHER_USER = 65534  # nobody
SITUATIONS = {}


def situation(function):
    SITUATIONS[function.__name__.replace("_", "-")] = function
    return function


def shell(case, script):
    """Run the command inside a shell that first does something to itself."""
    case.wrapper = ["sh", "-c", script, "sh", *case.wrapper]


# --- standard streams


@situation
def stdout_closed(case):
    shell(case, 'exec "$@" >&-')


@situation
def stderr_closed(case):
    shell(case, 'exec "$@" 2>&-')


@situation
def stdin_closed(case):
    shell(case, 'exec "$@" <&-')


@situation
def all_closed(case):
    shell(case, 'exec "$@" <&- >&- 2>&-')


@situation
def stdout_full(case):
    shell(case, 'exec "$@" >/dev/full')


@situation
def stderr_full(case):
    shell(case, 'exec "$@" 2>/dev/full')


@situation
def reader_gone(case):
    """Standard output is a pipe that nobody reads any more; the exit code is the command's own."""
    script = '{ "$@"; echo $? >"$CODE_FILE"; } | true; until [ -s "$CODE_FILE" ]; do sleep 0.05; done; '
    shell(case, script + 'exit "$(cat "$CODE_FILE")"')
    case.env["CODE_FILE"] = str(case.scratch() / "code")


# --- the machine


@situation
def no_files(case):
    """As on a full disk, or with a quota: no file may grow."""
    shell(case, 'ulimit -f 0; exec "$@"')


@situation
def few_descriptors(case):
    case.launcher = [os.path.realpath(sys.executable), "./workbook"]
    shell(case, 'ulimit -n 6; exec "$@"')


@situation
def other_user(case):
    """The files belong to somebody else, as after a sudo."""
    if os.geteuid() != 0:
        case.skip = "needs root"
        return
    case.own_checkout()
    case.user = OTHER_USER
    case.env["HOME"] = "/nonexistent"
    case.env["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@situation
def not_writable(case):
    """Our own folder, but its permissions are gone."""
    other_user(case)
    if not case.skip:
        case.give_to(OTHER_USER)
        for path in (case.checkout, case.checkout / "results", case.checkout / "build"):
            if path.exists():
                path.chmod(0o555)


@situation
def small_disk(case):
    """A file system of 64 KB that is full, mounted over results."""
    case.own_checkout()
    folder = case.checkout / "results"
    folder.mkdir(exist_ok=True)
    fill = f"head -c 1000000 /dev/zero >'{folder}/fill' 2>/dev/null"
    script = f"mount -t tmpfs -o size=64k none '{folder}' && {fill}; "
    mounted(case, script)


@situation
def read_only_disk(case):
    case.own_checkout()
    mounted(
        case,
        f"mount --bind '{case.checkout}' '{case.checkout}' && "
        f"mount -o remount,ro,bind '{case.checkout}'; cd '{case.checkout}'; ",
    )


def mounted(case, script):
    if subprocess.run(["unshare", "-m", "true"], capture_output=True).returncode != 0:
        case.skip = "needs the right to mount"
        return
    case.wrapper = ["unshare", "-m", "sh", "-c", script + 'exec "$@"', "sh", *case.wrapper]


@situation
def no_tools(case):
    """A PATH with Python and a shell, and nothing that compiles or installs."""
    folder = case.scratch() / "path"
    folder.mkdir(exist_ok=True)
    for name in ("sh", "env", "sleep", "cat", "true", "head", "mount", "setpriv", "unshare"):
        found = shutil.which(name)
        if found and not (folder / name).exists():
            (folder / name).symlink_to(found)
    if not (folder / "python3").exists():
        (folder / "python3").symlink_to(os.path.realpath(sys.executable))
    case.env["PATH"] = str(folder)


@situation
def no_python(case):
    no_tools(case)
    (case.scratch() / "path" / "python3").unlink()
    case.launcher = ["/bin/sh", "./workbook"]


@situation
def old_python(case):
    old(case, (3, 8, 19))


@situation
def python_2(case):
    old(case, (2, 7, 18))


def old(case, version):
    script = (
        f"import sys; sys.version_info = {version!r}; sys.version = '{'.'.join(map(str, version))} (old)'; "
        "exec(compile(open('workbook').read(), 'workbook', 'exec'))"
    )
    case.launcher = [sys.executable, "-c", script]


@situation
def folder_gone(case):
    """The current folder was deleted by another shell."""
    gone = case.scratch() / "gone"
    case.launcher = [str(case.checkout / "workbook")]
    case.wrapper = [
        "sh",
        "-c",
        'mkdir -p "$0" && cd "$0" && rmdir "$0" && exec "$@"',
        str(gone),
        *case.wrapper,
    ]


# --- files and folders of the workbook


def in_results(case, name, content):
    case.own_checkout()
    path = case.checkout / "results" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


@situation
def results_file(case):
    case.own_checkout()
    (case.checkout / "results").write_text("")


@situation
def results_link(case):
    case.own_checkout()
    (case.checkout / "results").symlink_to("/nowhere/at/all")


@situation
def results_loop(case):
    case.own_checkout()
    (case.checkout / "results").symlink_to("results")


@situation
def results_device(case):
    case.own_checkout()
    (case.checkout / "results").symlink_to("/dev/null")


@situation
def build_file(case):
    case.own_checkout()
    (case.checkout / "build").write_text("")


@situation
def build_link(case):
    case.own_checkout()
    (case.checkout / "build").symlink_to("/nowhere/at/all")


@situation
def lock_folder(case):
    case.own_checkout()
    for device in ("cpu", "cuda"):
        (case.checkout / "build" / f"{device}.lock").mkdir(parents=True)


@situation
def lock_pipe(case):
    case.own_checkout()
    (case.checkout / "build").mkdir()
    for device in ("cpu", "cuda"):
        os.mkfifo(case.checkout / "build" / f"{device}.lock")


@situation
def check_file(case):
    in_results(case, "check", b"")


@situation
def bench_file(case):
    in_results(case, "bench", b"")


@situation
def plots_file(case):
    in_results(case, "plots", b"")


DAMAGED = {
    "empty": b"",
    "cut": b'{"schema_version": 1, "pas',
    "binary": bytes(range(256)),
    "utf16": '{"schema_version": 1}'.encode("utf-16"),
    "list": [RECORD],
    "null": None,
    "number": 3,
    "text": "passed",
    "deep": b"[" * 50_000,
    "nan": b"NaN",
    "none": {},
    "version-0": {**RECORD, "schema_version": 0},
    "version-2": {**RECORD, "schema_version": 2},
    "version-text": {**RECORD, "schema_version": "1"},
    "passed-text": {**RECORD, "passed": "yes"},
    "no-passed": {"schema_version": 1, "device": "cpu", "starter": "0"},
    "no-starter": {"schema_version": 1, "device": "cpu", "passed": True},
    "no-device": {"schema_version": 1, "starter": "0", "passed": True},
    "total-text": {**RECORD, "total": "nine"},
    "failed-list": {**RECORD, "failed": []},
    "problem-number": {**RECORD, "problem": 7},
}
ROW = {
    "contract": "softmax_forward",
    "problem": "8x8",
    "implementation": "solution",
    "baseline": "solution",
    "outcome": "ok",
    "message": "",
    "bytes": 1.0,
    "flops": 1.0,
    "seconds": {"median": 1.0, "minimum": 1.0, "maximum": 1.0, "lower_quartile": 1.0, "upper_quartile": 1.0},
    "speedup": None,
    "bytes_per_second": None,
    "flops_per_second": None,
    "fraction_of_roof": None,
}
FRAME = {"schema_version": 1, "kind": "benchmarks", "created": "x", "device": {"kind": "cpu", "name": "x"}}


def bench_document(**changes):
    return {**FRAME, "body": {"roofs": {}, "rows": [ROW]}, **changes}


DAMAGED_BENCH = {
    "empty": b"",
    "cut": b'{"schema_version": 1, "kind',
    "binary": bytes(range(256)),
    "list": [],
    "null": None,
    "deep": b'{"a":' * 50_000,
    "none": {},
    "version-2": bench_document(schema_version=2),
    "kind": bench_document(kind="tests"),
    "no-body": {**FRAME},
    "body-list": bench_document(body=[]),
    "rows-text": bench_document(body={"rows": "many"}),
    "rows-numbers": bench_document(body={"rows": [1, 2]}),
    "row-empty": bench_document(body={"rows": [{}]}),
    "device-text": bench_document(device="cpu"),
    "no-seconds": bench_document(body={"rows": [{k: v for k, v in ROW.items() if k != "seconds"}]}),
    "seconds-0": bench_document(body={"rows": [{**ROW, "seconds": {"median": 0}}]}),
    "seconds-text": bench_document(body={"rows": [{**ROW, "seconds": {"median": "fast"}}]}),
    "name-number": bench_document(body={"rows": [{**ROW, "contract": 7}]}),
    "created-number": bench_document(created=7),
}
for _name, _content in DAMAGED.items():
    SITUATIONS[f"record-{_name}"] = lambda case, content=_content: in_results(
        case, "check/01_vector_add-vector_add.json", content
    )
for _name, _content in DAMAGED_BENCH.items():
    SITUATIONS[f"bench-{_name}"] = lambda case, content=_content: in_results(
        case, "bench/softmax_bench-cpu.json", content
    )


@situation
def record_folder(case):
    case.own_checkout()
    (case.checkout / "results" / "check" / "01_vector_add-vector_add.json").mkdir(parents=True)


@situation
def bench_folder(case):
    case.own_checkout()
    (case.checkout / "results" / "bench" / "softmax_bench-cpu.json").mkdir(parents=True)


def broken_tool(name, content):
    def damage(case):
        case.own_checkout()
        (case.checkout / "tools" / "workbook" / name).write_bytes(content)

    return damage


SITUATIONS["tool-missing"] = lambda case: (
    case.own_checkout(),
    (case.checkout / "tools/workbook/build.py").unlink(),
)
SITUATIONS["tools-missing"] = lambda case: (
    case.own_checkout(),
    shutil.rmtree(case.checkout / "tools/workbook"),
)
SITUATIONS["tool-empty"] = broken_tool("cli.py", b"")
SITUATIONS["tool-cut"] = broken_tool("cli.py", b"def main(")
SITUATIONS["tool-binary"] = broken_tool("check.py", bytes(range(256)))


@situation
def no_presets(case):
    case.own_checkout()
    (case.checkout / "CMakePresets.json").unlink()


@situation
def no_starter(case):
    case.own_checkout()
    (case.checkout / "01_vector_add" / "vector_add_starter.cu").unlink()


@situation
def starter_folder(case):
    no_starter(case)
    (case.checkout / "01_vector_add" / "vector_add_starter.cu").mkdir()


@situation
def no_chapters(case):
    case.own_checkout()
    for path in case.checkout.glob("0*_*"):
        shutil.rmtree(path)


@situation
def binary_lists(case):
    """A chapter's CMakeLists.txt and lesson of nonsense."""
    case.own_checkout()
    for name in ("CMakeLists.txt", "README.md"):
        (case.checkout / "02_matmul" / name).write_bytes(bytes(range(256)))


def called(letter):
    def rename(case):
        case.own_checkout(f"work{letter}book")

    return rename


for _word, _letter in {
    "bracket": "[",
    "semicolon": ";",
    "hash": "#",
    "quote": '"',
    "backslash": "\\",
    "less": "<",
    "bar": "|",
    "newline": "\n",
}.items():
    SITUATIONS[f"called-{_word}"] = called(_letter)


# --- what a person may name as input; {name} in the table


def inputs(folder: Path) -> dict:
    """Files and what is none, by the name that the table uses."""
    places = {
        name: folder / name
        for name in ("text", "empty", "fifo", "folder", "socket", "loop", "link", "secret")
    }
    places["text"].write_text("Some text. " * 300)
    places["empty"].write_text("")
    os.mkfifo(places["fifo"])
    places["folder"].mkdir()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(places["socket"]))
    places["loop"].symlink_to("loop")
    places["link"].symlink_to("nowhere")
    places["secret"].write_text("x")
    places["secret"].chmod(0)
    long = folder / ("n" * 300)
    return {
        **{name: str(path) for name, path in places.items()},
        "long": str(long),
        "bytes": "x\udcff",
        "bel": "\a",
    }
