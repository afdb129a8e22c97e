"""Figures that a sentence quotes from a benchmark's published table, so that no ratio in prose is typed.

    <!-- figure speedup; vector_add; n=268435456; vectorized -->1.28<!-- end -->

A quote names a function, a contract, a problem and what the function needs; a problem of * stands for all of
the contract, and gives the smallest and the largest figure: "0.77 to 1.00".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

QUOTE = re.compile(r"<!-- figure (?P<call>[^>]*?) -->(?P<shown>.*?)<!-- end -->", re.S)


class QuoteError(Exception):
    """One line on a quote that no published result answers."""


@dataclass
class Rows:
    """The measured rows of the published benchmarks, without ladders. A quote needs exactly one row."""

    rows: list

    def problems(self, contract: str, asked: str) -> list:
        found = list(dict.fromkeys(row["problem"] for row in self.rows if row["contract"] == contract))
        if asked != "*" and asked not in found:
            raise QuoteError(f"{contract} has no published problem '{asked}'; it has {', '.join(found)}")
        return found if asked == "*" else [asked]

    def row(self, contract: str, problem: str, implementation: str) -> dict:
        wanted = (contract, problem, implementation)
        found = [r for r in self.rows if (r["contract"], r["problem"], r["implementation"]) == wanted]
        if len(found) != 1:
            raise QuoteError(f"{len(found)} published rows of {' / '.join(wanted)}: a quote needs one")
        return found[0]

    def time(self, *wanted: str) -> float:
        return self.row(*wanted)["seconds"]["median"]


def published_rows(benchmarks: list) -> Rows:
    chosen = [document for name, document in benchmarks if not name.startswith("ladder_")]
    gpu = [document for document in chosen if document["device"]["kind"] != "cpu"]
    return Rows([row for document in gpu for row in document["body"]["rows"] if row["outcome"] == "ok"])


def speedup(rows: Rows, contract: str, problem: str, implementation: str) -> float:
    """As the table has it in parentheses: the baseline's time over this one's."""
    return rows.row(contract, problem, implementation)["speedup"]


def times(rows: Rows, contract: str, problem: str, slower: str, faster: str) -> float:
    """The time of `slower` over that of `faster`. CONTRACT/IMPLEMENTATION names one of another contract."""
    return rows.time(*named(contract, problem, slower)) / rows.time(*named(contract, problem, faster))


def against(rows: Rows, contract: str, problem: str, other: str, implementation: str) -> float:
    """The time of one problem over that of another, by the same implementation."""
    return rows.time(contract, problem, implementation) / rows.time(contract, other, implementation)


def saved(rows: Rows, contract: str, problem: str, implementation: str, other: str) -> float:
    """The part of `other`'s time that `implementation` does without."""
    return 1 - 1 / times(rows, contract, problem, other, implementation)


def longer(rows: Rows, contract: str, problem: str, slower: str, faster: str) -> float:
    return times(rows, contract, problem, slower, faster) - 1


def roof(rows: Rows, contract: str, problem: str, implementation: str) -> float:
    return rows.row(contract, problem, implementation)["fraction_of_roof"]


def named(contract: str, problem: str, implementation: str) -> tuple:
    other, _, name = implementation.rpartition("/")
    return other or contract, problem, name


def ratio(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


FUNCTIONS = {
    "speedup": speedup,
    "times": times,
    "against": against,
    "saved": saved,
    "longer": longer,
    "roof": roof,
}
SHARES = ("saved", "longer", "roof")


def shown(call: str, rows: Rows) -> str:
    name, *arguments = (part.strip() for part in call.split(";"))
    if name not in FUNCTIONS or len(arguments) < 3:
        raise QuoteError(
            f"'{call}' is no quote: FUNCTION; CONTRACT; PROBLEM; ... with {', '.join(FUNCTIONS)}"
        )
    contract, problem, *others = arguments
    function = FUNCTIONS[name]
    try:
        values = [function(rows, contract, p, *others) for p in rows.problems(contract, problem)]
    except TypeError as error:
        raise QuoteError(f"'{call}': {error}") from error
    if name in SHARES:
        texts = list(dict.fromkeys(f"{100 * value:.0f}" for value in (min(values), max(values))))
        return " to ".join(texts) + "%"
    return " to ".join(dict.fromkeys(ratio(value) for value in (min(values), max(values))))


def written(text: str, benchmarks: list) -> str:
    """The text with every quoted figure made anew."""
    rows = published_rows(benchmarks)

    def replace(quote: re.Match) -> str:
        return f"<!-- figure {quote['call']} -->{shown(quote['call'], rows)}<!-- end -->"

    return QUOTE.sub(replace, text)
