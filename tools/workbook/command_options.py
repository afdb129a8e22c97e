"""The options of the commands outside of the daily loop. What a command's module knows is read off it."""

from __future__ import annotations

from . import lazy, machine
from .arguments import jobs, program_options
from .daily_options import json_option, time_limit


def journey(sub) -> None:
    module = lazy.module("journey")
    program_options(sub, module.OPTIONS, module.REPEATED)
    time_limit(sub, 24 * 3600, "stop the journey after S seconds")
    sub.add_argument("--no-pytorch", action="store_true", help="leave out PyTorch's rows")
    json_option(sub)


def train(sub) -> None:
    lazy.module("train").declare(sub)
    json_option(sub)


def data(sub) -> None:
    module = lazy.module("data")
    abouts = "; ".join(f"{name}: {text.about}" for name, text in module.TEXTS.items())
    sub.add_argument("name", choices=sorted(module.TEXTS), help=abouts)
    sub.add_argument("--url", metavar="URL", help=f"fetch from this server (default: {module.BASE_URL})")
    json_option(sub)


def sample(sub) -> None:
    module = lazy.module("sample")
    program_options(sub, module.OPTIONS)
    sub.add_argument("--slide", action="store_true", help=module.SLIDE)
    json_option(sub)


def test(sub) -> None:
    sub.add_argument("-R", "--regex", metavar="REGEX", help="only tests whose name matches, as ctest -R")
    json_option(sub)


def bench(sub) -> None:
    chapter_and_exercise(sub)
    sub.add_argument("--starter", action="store_true", help="measure your starter too")
    without_peers(sub)
    sub.add_argument(
        "--predict",
        nargs="?",
        const=lazy.module("predict").ASK,
        metavar="X",
        help="predict a time (2ms), or with --starter its speed-up over the reference (1.5), and compare it "
        "with the measurement. Without X the command asks. Put it after NN and the exercise",
    )
    json_option(sub)
    time_limit(sub, 3600, "stop a program after S seconds")


def ladder(sub) -> None:
    sub.add_argument("chapter", metavar="NN", help="the chapter: 2, 02 or 02_matmul")
    sub.add_argument("name", nargs="?", help="only the ladder of this name")
    without_peers(sub)
    json_option(sub)
    time_limit(sub, 3600, "stop a program after S seconds")


def plot(sub) -> None:
    chapter_and_exercise(sub)
    sub.add_argument("--published", action="store_true", help="draw the figures published in docs/results")
    json_option(sub)


def run(sub) -> None:
    sub.add_argument(
        "files", metavar="FILE.cu", nargs="+", help="a CUDA file with a main(), and its other files"
    )
    compile_options(sub)
    json_option(sub)
    time_limit(sub, None, "stop the program after S seconds")


def inspect(sub) -> None:
    sub.add_argument(
        "what",
        metavar="NN | FILE.cu",
        nargs="+",
        help="a chapter (1, 01 or 01_vector_add) and an exercise of it; or a CUDA file with a main(), "
        "and others",
    )
    sub.add_argument(
        "--impl", metavar="NAME", help="with a chapter: the implementation to inspect (default: your starter)"
    )
    json_option(sub)
    sub.add_argument("--count", action="store_true", help="with a file: count, as with a chapter")
    compile_options(sub)
    time_limit(sub, None, "stop the program after S seconds; with a chapter the default is 120")


def profile(sub) -> None:
    lazy.module("profile").declare(sub)


def shared(parser) -> None:
    parser.add_argument(
        "--device",
        choices=("auto", "cpu", "cuda"),
        default="auto",
        help="auto: cuda with nvcc and a usable GPU, otherwise the CPU device (default: auto)",
    )
    parser.add_argument(
        "-j",
        "--jobs",
        type=jobs,
        default=machine.default_jobs(),
        metavar="N",
        help="build and test up to N targets at once (default: %(default)s)",
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="show every command and every line of output"
    )


def chapter_and_exercise(sub) -> None:
    sub.add_argument(
        "chapter", metavar="NN", nargs="?", help="the chapter: 1, 01 or 01_vector_add (default: all)"
    )
    sub.add_argument("exercise", nargs="?", help="only this exercise of it")


def without_peers(sub) -> None:
    sub.add_argument("--no-peers", dest="peers", action="store_false", help="do not measure PyTorch")
    sub.add_argument(
        "--no-compile",
        dest="compile",
        action="store_false",
        help="leave out torch.compile, which takes a long time",
    )


def compile_options(sub) -> None:
    """What a CUDA file is compiled with. The names are nvcc's."""
    folders = {"dest": "include", "default": [], "action": "append", "metavar": "DIR"}
    sub.add_argument("-I", **folders, help="look for headers in DIR too; the file's own folder is included")
    macros = {"dest": "define", "default": [], "action": "append", "metavar": "NAME[=VALUE]"}
    sub.add_argument("-D", **macros, help="define a macro")
    levels = {"dest": "optimize", "default": "2", "choices": tuple("0123")}
    sub.add_argument("-O", **levels, help="how much to optimize (default: 2)")
    words = {"dest": "host_option", "default": [], "action": "append", "metavar": "OPTION"}
    sub.add_argument("-Xcompiler", **words, help="pass an option to the host compiler: -Xcompiler=-fopenmp")
    libraries = {"dest": "library", "default": [], "action": "append", "metavar": "NAME"}
    sub.add_argument("-l", **libraries, help="link the library of this name")
