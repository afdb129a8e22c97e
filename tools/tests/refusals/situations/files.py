"""Files and folders of the workbook that are damaged, missing, or something else than they should be."""

import os
import shutil
import subprocess

from .documents import in_results
from .named import SITUATIONS, situation


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


@situation
def record_folder(case):
    case.own_checkout()
    (case.checkout / "results" / "check" / "01_vector_add-vector_add.json").mkdir(parents=True)


@situation
def bench_folder(case):
    case.own_checkout()
    (case.checkout / "results" / "bench" / "softmax_bench-cpu.json").mkdir(parents=True)


@situation
def git_checkout(case):
    """Its own checkout, with all in one commit."""
    case.own_checkout()
    identity = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "x"]):
        subprocess.run(["git", *identity, *arguments], cwd=case.checkout, check=True, capture_output=True)


def broken_tool(name, content):
    def damage(case):
        case.own_checkout()
        case.replace(f"tools/workbook/{name}", content)

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
SITUATIONS["tool-binary"] = broken_tool("chapters.py", bytes(range(256)))
SITUATIONS["command-binary"] = broken_tool("check.py", bytes(range(256)))
SITUATIONS["command-cut"] = broken_tool("train.py", b"def declare(")


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
        case.replace(f"02_matmul/{name}", bytes(range(256)))


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
