"""Results files with something wrong in them: what `list` and `plot` read."""

import json

from .named import SITUATIONS

RECORD = {"schema_version": 1, "passed": True, "device": "cpu", "starter": "0" * 16}


def in_results(case, name, content):
    case.own_checkout()
    path = case.checkout / "results" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())


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
DAMAGED_PROGRESS = {name: DAMAGED[name] for name in ("empty", "cut", "binary", "list", "version-2")}
for _name, _entry in {"hints-text": {"hints": {"1": "x"}}, "solved-list": {"solved": []}}.items():
    DAMAGED_PROGRESS[_name] = {"schema_version": 1, "exercises": {"01_vector_add/vector_add": _entry}}
for _name, _content in DAMAGED_PROGRESS.items():
    SITUATIONS[f"progress-{_name}"] = lambda case, content=_content: in_results(
        case, "progress.json", content
    )
for _name, _content in DAMAGED_BENCH.items():
    SITUATIONS[f"bench-{_name}"] = lambda case, content=_content: in_results(
        case, "bench/softmax_bench-cpu.json", content
    )
