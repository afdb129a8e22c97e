"""`completion bash` and `completion zsh`: a script that completes commands, chapters, exercises and options.

Its words are read off the command's own parser and the chapters, so the script is made anew with
`./workbook completion`; nothing is listed twice.
"""

from __future__ import annotations

import argparse
import shlex

from . import chapters, ladder
from .console import write
from .errors import Exit, WorkbookError

WITH_CHAPTER = (
    "check",
    "watch",
    "hint",
    "solution",
    "reset",
    "bench",
    "ladder",
    "plot",
    "inspect",
    "profile",
)

NO_JSON = "refused: the script is for a shell; list --json has the chapters and exercises"

BASH = r"""
_workbook() {
  local word="${COMP_WORDS[COMP_CWORD]}" command="${COMP_WORDS[1]}" values=""
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "$(_workbook_words commands)" -- "$word"))
    return
  fi
  values="$(_workbook_words values "$command" "${COMP_WORDS[COMP_CWORD-1]}")"
  if [ -n "$values" ]; then
    COMPREPLY=($(compgen -W "$values" -- "$word"))
  elif [[ "$word" == -* ]]; then
    COMPREPLY=($(compgen -W "$(_workbook_words options "$command")" -- "$word"))
  elif [ "$COMP_CWORD" -eq 2 ]; then
    COMPREPLY=($(compgen -W "$(_workbook_words first "$command")" -- "$word"))
  elif [ "$COMP_CWORD" -eq 3 ]; then
    COMPREPLY=($(compgen -W "$(_workbook_words second "$command" "${COMP_WORDS[2]}")" -- "$word"))
  fi
}
complete -o default -F _workbook workbook
"""
ZSH = r"""
_workbook() {
  local -a found
  found=(${=$(_workbook_words values "$words[2]" "$words[CURRENT-1]")})
  if (( CURRENT == 2 )); then
    found=(${=$(_workbook_words commands)})
  elif (( $#found )); then
    :
  elif [[ "$words[CURRENT]" == -* ]]; then
    found=(${=$(_workbook_words options "$words[2]")})
  elif (( CURRENT == 3 )); then
    found=(${=$(_workbook_words first "$words[2]")})
  elif (( CURRENT == 4 )); then
    found=(${=$(_workbook_words second "$words[2]" "$words[3]")})
  fi
  if (( $#found )); then compadd -- $found; else _files; fi
}
autoload -Uz compinit && (( $+functions[compdef] )) || compinit
compdef _workbook workbook
"""


def command(options) -> int:
    from .cli import parser  # which knows this module

    if options.json:
        message = (
            "completion prints a script for a shell, so it has no --json; ./workbook list --json has the"
        )
        raise WorkbookError(f"{message} chapters and exercises", Exit.USAGE)
    write(script(options.shell, parser()) + "\n")
    return Exit.OK


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    about = {
        "bash": 'In ~/.bashrc: eval "$(/path/to/workbook completion bash)"',
        "zsh": 'In ~/.zshrc: eval "$(/path/to/workbook completion zsh)"',
    }
    return f"# {about[shell]}\n{words_function(parser)}{BASH if shell == 'bash' else ZSH}".rstrip()


def words_function(parser: argparse.ArgumentParser) -> str:
    """A shell function that prints the words for a place of the command line."""
    commands = commands_of(parser)
    cases = [case("commands", [*commands])]
    for name, sub in commands.items():
        options = [option for action in sub._actions for option in action.option_strings]
        cases.append(case(f"options {name}", [option for option in options if option.startswith("--")]))
        cases.append(case(f"first {name}", first_words(name, sub)))
        for action in sub._actions:
            if action.choices and action.option_strings:
                spellings = "|".join(f"values {name} {option}" for option in action.option_strings)
                cases.append(case(spellings, [str(choice) for choice in action.choices]))
    try:
        found = ladder.ladders()
    except OSError:  # a checkout without the solutions
        found = []
    for chapter in chapters.chapters():
        names = [exercise.name for exercise in chapters.everything(chapter)]
        of_ladders = [one.name for one in found if one.exercise.chapter == chapter]
        for name in WITH_CHAPTER:
            spellings = (chapter.name[:2], chapter.name[:2].lstrip("0"), chapter.name)
            pattern = "|".join(f"second {name} {one}" for one in spellings)
            cases.append(case(pattern, of_ladders if name == "ladder" else names))
    return '_workbook_words() {\n  case "$*" in\n' + "\n".join(cases) + "\n  esac\n}\n"


def commands_of(parser: argparse.ArgumentParser) -> dict:
    (found,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return dict(found.choices)


def first_words(name: str, sub: argparse.ArgumentParser) -> list:
    if name in WITH_CHAPTER:
        return [chapter.name[:2] for chapter in chapters.chapters()]
    choices = [action.choices for action in sub._actions if not action.option_strings and action.choices]
    return list(choices[0]) if choices else []


def case(pattern: str, words: list) -> str:
    quoted = "|".join(shlex.quote(one) for one in pattern.split("|"))
    return f"    {quoted}) echo {shlex.quote(' '.join(words))} ;;"
