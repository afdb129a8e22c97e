"""What the tables have in common: cells, rows, numbers, and where a result comes from."""

from __future__ import annotations


def number(value: float | None) -> str:
    """A few significant digits, no exponent: 2,065, 310.8, 15.2, 0.83; a dash for what was not measured."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def percent(part: float | None, whole: float = 1.0) -> str:
    return "-" if part is None or whole == 0 else f"{100 * part / whole:.1f}%"


def rows(heading: list, lines: list, left: int = 1) -> str:
    """A Markdown table; the first `left` columns are words, the others numbers."""
    rule = [":--" if i < left else "--:" for i in range(len(heading))]
    return "\n".join("| " + " | ".join(line) + " |" for line in (heading, rule, *lines))


def origin(document: dict) -> str:
    """On what, when and of which commit: the sentence without which a figure says nothing."""
    device, host = document["device"], document["host"]
    if device["kind"] == "cpu":
        where = f"{host['cores']} cores of {host['cpu']} (the CPU device: compare only within this table)"
    else:
        where = f"{device['name']}, CUDA {device['runtime_version']}"
    return f"{where}; commit `{document['commit']}`, {document['created'][:10]}"
