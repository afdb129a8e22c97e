"""An example of every command, for its --help."""

from __future__ import annotations

import textwrap

EXAMPLES = {
    "journey": ("./workbook journey --preset nano --stage 3", "one stage of the small model"),
    "train": ("./workbook train --data my_text.txt --steps 200", "train on your own text"),
    "data": ("./workbook data shakespeare", "a text to train on, in data/"),
    "sample": (
        './workbook sample --prompt "ROMEO:" --tokens 200',
        "generate text with the model of the last training run",
    ),
    "test": ("./workbook test -R softmax", "the tests whose name has softmax in it"),
    "check": ("./workbook check 02 matmul", "one exercise; without words, what you edited last"),
    "watch": ("./workbook watch 03", "check at every save; h, b, n, s and q are keys"),
    "status": ("./workbook status --json", "every exercise, for a script"),
    "next": ("./workbook next", "the exercise to do next, and its files"),
    "hint": ("./workbook hint 02 matmul 1", "the first hint of your step; without words, the next one"),
    "reset": ("./workbook reset 02 matmul", "restores the original; --undo restores your version"),
    "solution": (
        "./workbook solution 01 vector_add --walkthrough",
        "from the starter to the reference in steps; --count: the bytes that both move",
    ),
    "bench": ("./workbook bench 02 matmul --starter", "compare your kernel with the others"),
    "ladder": ("./workbook ladder 02 matmul_fp32", "the rungs of one ladder"),
    "plot": ("./workbook plot 03", "pictures of what bench measured, in results/plots"),
    "run": ("./workbook run my_kernel.cu -- 1024", "build and run a file of your own with an argument"),
    "inspect": ("./workbook inspect 02 matmul", "which lines of your kernel move too many bytes"),
    "profile": (
        "./workbook profile 02 matmul --impl naive,solution --count",
        "two implementations, with counted accesses; without --impl, yours and the reference",
    ),
    "list": ("./workbook list", "chapters, exercises, implementations"),
    "completion": ('eval "$(./workbook completion bash)"', "complete commands and exercises in this shell"),
    "doctor": ("./workbook doctor", "what is installed, what is missing, and how to install it"),
    "setup": ("./workbook setup", "install what is missing, build nothing"),
}


def of(command: str) -> str:
    """The last lines of a command's --help."""
    example, about = EXAMPLES[command]
    words = textwrap.fill(about, 78, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return f"example:\n  {example}\n{words}"
