"""The commands of ./workbook: what each does, which function it is, and its options."""

from __future__ import annotations

from collections import namedtuple

from . import command_options as own
from . import daily_options as daily

# `action` is "module:function", loaded when the command runs (lazy.py). `options` declares the command's
# options on an argparse parser. `shared`: it also takes --device, --jobs and --verbose.
Command = namedtuple("Command", "action options about shared", defaults=(True,))
HOME = "daily:home"  # without a command

COMMANDS = {
    "journey": Command(
        "journey:command", own.journey, "set up, build, run the five-stage TinyLlama journey, draw the plots"
    ),
    "train": Command("train:command", own.train, "train a small Llama on text, save it, and plot its losses"),
    "data": Command("data:command", own.data, "download a public text for training", False),
    "sample": Command("sample:command", own.sample, "generate text with a trained model"),
    "test": Command("commands:test", own.test, "set up, build, run every test"),
    "check": Command(
        "check_front:command", daily.check, "check your starters, and say what is wrong and where"
    ),
    "watch": Command(
        "watch:command", daily.watch, "check what you edit whenever you save it, until you press q"
    ),
    "status": Command("daily:status", daily.json_option, "show every exercise and its state", False),
    "next": Command(
        "daily:show_next",
        daily.json_option,
        "show the exercise to do next: lesson, step, file, command",
        False,
    ),
    "hint": Command(
        "hints:command",
        daily.hint,
        "give one hint for your current step; the next hint with each call",
        False,
    ),
    "solution": Command(
        "solution:command", daily.solution, "compare the reference with yours, after yours has passed"
    ),
    "reset": Command(
        "reset:command",
        daily.reset,
        "restore a starter to its original state; your version is kept",
        False,
    ),
    "completion": Command(
        "completion:command", daily.completion, "print a script that completes words in your shell", False
    ),
    "bench": Command(
        "bench:command",
        own.bench,
        "measure the implementations of a chapter, and compare them with PyTorch",
    ),
    "ladder": Command(
        "ladder:command",
        own.ladder,
        "measure the rungs of a chapter's ladders: from the solution to the hardware's limit",
    ),
    "plot": Command(
        "plot:command", own.plot, "draw what bench measured: speed against size, and speed-ups", False
    ),
    "run": Command("own_file:run", own.run, "translate, build and run a CUDA file of your own"),
    "inspect": Command(
        "inspect:command",
        own.inspect,
        "count the bytes that each line of a kernel moves; or look for errors in a file of your own",
    ),
    "profile": Command(
        "profile:command",
        own.profile,
        "show registers, occupancy and machine instructions of each kernel; needs nvcc and no GPU",
        False,
    ),
    "list": Command(
        "commands:show_list",
        daily.json_option,
        "show chapters, exercises, implementations, and your progress",
        False,
    ),
    "doctor": Command(
        "doctor:command",
        daily.json_option,
        "check every requirement, and say how to install what is missing",
    ),
    "setup": Command("commands:setup_only", daily.json_option, "install what is missing, without building"),
}
