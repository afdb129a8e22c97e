"""`check NN`: build and judge the student's starters of one chapter, and say what is wrong and where."""

from __future__ import annotations

import functools
import os
import re

from . import (
    chapters,
    console,
    daily,
    device,
    hints,
    inspection,
    judges,
    needs,
    racecheck,
    setup,
    steps,
    test_run,
)
from .build import Beside, Build, as_compiled
from .console import heading, mark, paint, say, warn
from .errors import Exit, WorkbookError, shown
from .examination import examine, of_the_twin
from .machine import RESULTS

LISTED_FAILURES = 12
SHOWN_NOTES = 2
PRINTED_LINES = 20
PRINTED_COLUMNS = 200
NO_SUCH_IMPLEMENTATION = "no implementation is called"


def command(options) -> int:
    chapter = chapters.find(options.chapter)
    exercises = chapters.select(chapter, options.exercise)
    wanted = "_test" if options.solution else "_starter_test"
    ready = [e for e in exercises if e.has("test.cpp") and (options.solution or e.starter.exists())]
    if not ready:
        raise WorkbookError(nothing_to_check(chapter, exercises, options.solution), Exit.USAGE)
    refuse_unknown_names(options, ready)

    chosen = device.choose(options.device)
    ready = needs.possible(ready, chosen)
    setup.ensure(chosen)
    build = Build(chosen, options.jobs, options.verbose)
    build.configure()
    codes = [check_one(build, exercise, exercise.name + wanted, options) for exercise in ready]
    return Exit.BUILD if Exit.BUILD in codes else max(codes)


def refuse_unknown_names(options, exercises: list) -> None:
    """Refuse before a build an --impl that names nothing, or in one of its parts nothing."""
    found = [name for exercise in exercises for name in exercise.implementations]
    known = list(dict.fromkeys(found)) if options.solution else ["starter"]
    for name in [] if options.impl is None else options.impl.split(","):
        if name not in known:
            others = "" if options.solution else "; --solution tests the others"
            message = f"--impl: no implementation is called '{name}'; there is {', '.join(known)}{others}"
            raise WorkbookError(message, Exit.USAGE)


def nothing_to_check(chapter, exercises: list, solution: bool) -> str:
    if solution or not exercises:
        return f"{chapter.name} has no exercise with a test yet; ./workbook list shows the chapters that have"
    names = ", ".join(e.name for e in exercises)
    return (
        f"{chapter.name} has no starter yet ({names}); ./workbook check {chapter.name[:2]} --solution "
        "tests the reference, and ./workbook list shows the chapters that have starters"
    )


def check_one(build: Build, exercise, target: str, options) -> Exit:
    """Build and run one test program, print the verdict; remembers it when it is about the starter."""
    try:
        return build_and_judge(build, exercise, target, options)
    finally:
        if build.beside:
            build.beside.close()
            build.beside = None


def build_and_judge(build: Build, exercise, target: str, options) -> Exit:
    where = shown(exercise.starter)
    say()
    heading(f"{exercise.chapter.name} / {exercise.name}")
    arguments = ["--impl", options.impl] if options.impl else []
    try:
        build.configure()  # which writes down what has a twin
        twin = "" if options.solution else inspection.twin(build, exercise)
        program = build.program(target)
        tests = len(judges.listed_tests(exercise))
        build.beside = beside(program, build.program(twin), arguments, options, tests) if twin else None
        trouble = build_both(build, target, twin, exercise, options.timeout)
    except WorkbookError as error:
        if options.solution:
            say(error.details)
            raise WorkbookError(str(error), error.code) from error
        ours = error.code == Exit.BUILD and f"{exercise.name}_starter." in error.details
        say(as_compiled(error.details) if ours else error.details)
        if not ours:
            raise WorkbookError(str(error), error.code) from error
        say(f"\n{mark(False)} {where} does not compile: the first error above shows the place.")
        exercise.remember({"passed": False, "problem": "does not compile", "device": build.device})
        return Exit.BUILD
    watched = build.program(twin) if twin and not trouble else None
    evidence = judges.Evidence(exercise, judges.parts(build.folder, exercise))
    when_green = None if options.solution else evidence.gather
    outcome, inspected = examine(
        program, watched, arguments, options.timeout, options.verbose, build.beside, tests, when_green
    )
    inspected.less = inspection.less(build, exercise) if watched else ""
    if not options.solution and racecheck.judges(build, exercise) and outcome.passed:
        inspected = racecheck_on_gpu(program, arguments, options.timeout, exercise, outcome)
    if trouble:
        inspected.left_out += f": the inspected program was not built ({trouble})"
    ran = ", ".join(outcome.implementations) or "none"
    if not options.solution and (outcome.problem or not outcome.failures):  # red needs no further reasons
        judge(outcome, evidence, bool(options.impl))
    subject = f"implementations: {ran}" if options.solution else f"your {where}"
    say(f"{subject}, on {device.label(build.device)}")
    for complaint in complaints(outcome.output):
        warn(complaint)
    outcome.steps = steps.of_lesson(exercise)
    show(outcome, inspected, options.verbose)
    if options.impl and NO_SUCH_IMPLEMENTATION in outcome.output:
        choices(exercise, options.solution)  # nothing ran: nothing to remember
    elif not options.solution:
        exercise.remember(
            {
                "passed": outcome.passed,
                "total": outcome.total,
                "failed": len(outcome.failures),
                "first_failure": outcome.failures[0].test if outcome.failures else "",
                "problem": outcome.problem or "; ".join(outcome.objections),
                "device": build.device,
            }
        )
        next_step(exercise, outcome, inspected, build.device == "cuda")
    return Exit.OK if outcome.passed else Exit.FAILED


def beside(program, twin, arguments: list, options, tests: int) -> Beside:
    """The test program and its twin start as soon as they are linked: either may be compiled first."""
    starts = {program: functools.partial(test_run.Running, program, arguments, options.timeout, RESULTS)}
    if tests:
        of_twin = of_the_twin(arguments, options.verbose)
        parts = inspection.parts_of(tests)
        starts[twin] = functools.partial(test_run.Parts, twin, of_twin, options.timeout, parts)
    return Beside(starts)


def racecheck_on_gpu(
    program, arguments: list, limit: float, exercise, outcome: test_run.TestRun
) -> inspection.Inspection:
    """On a GPU, what decides where every result is right: compute-sanitizer, if it is installed."""
    if not racecheck.tool():
        outcome.objections.append(racecheck.absent(exercise))
        return inspection.Inspection(left_out=inspection.BLIND)
    inspected = racecheck.run(program, arguments, limit)
    inspected.tests = sum(test.status == "passed" for test in outcome.tests)
    if not inspected.clean:
        outcome.objections.append(racecheck.FOUND if inspected.findings else "the race was not looked for")
    return inspected


def build_both(build: Build, target: str, twin: str, exercise, limit: float) -> str:
    """Build the test program and its inspected twin at the same time. Says why there is no twin where only
    that cannot be built."""
    try:
        build.build([target, twin] if twin else [target], exercise.name, limit)
    except WorkbookError as error:
        if not twin or f"{exercise.name}_starter_inspected.dir" not in error.details:
            raise
        build.build([target], exercise.name, limit)
        return str(error)
    return ""


def judge(outcome: test_run.TestRun, evidence: judges.Evidence, filtered: bool) -> None:
    """Adds to `outcome.objections` why green tests are not a solution.

    All of them must have run, with kernels of the starter, and no file that judges may have been changed.
    """
    exercise, where = evidence.exercise, shown(evidence.linked.starter)
    meddling = [f"{where} {what}" for what in evidence.objections]
    if outcome.problem:  # a starter that defines memcmp, say, may end its program anywhere
        outcome.objections += meddling
        return
    ran = {test.name for test in outcome.tests if test.implementation in ("starter", "")}
    absent = [name for name in judges.listed_tests(exercise) if name not in ran]
    if absent and not filtered:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        outcome.objections.append(f"{absent[0]}{more} did not run")
    idle = idle_tests(outcome) if exercise.starter.suffix == ".cu" else []
    if idle:
        more = f" (and in {len(idle) - 1} more tests)" if len(idle) > 1 else ""
        outcome.objections.append(
            f"no kernel was launched in {idle[0]}{more}: the work is to be done by a kernel"
        )
    changed, unknown = evidence.changed
    if changed:
        outcome.objections.append(judges.about_changes(exercise, changed))
    outcome.unknown += [unknown] if unknown else []
    outcome.objections += meddling


def idle_tests(outcome: test_run.TestRun) -> list:
    """Tests that compared results, and passed, without a launch."""
    return [
        test.name
        for test in outcome.tests
        if test.status == "passed" and test.compared and test.launches == 0
    ]


def complaints(output: str) -> list:
    """What the CPU device says of its settings, in the middle of a line of the report: a typing error in
    SIMT_ORDER would otherwise go unseen."""
    return re.findall(r"simt: (SIMT_.*)", output)


def show(outcome: test_run.TestRun, inspected: inspection.Inspection, verbose: bool) -> None:
    """The verdict: what is wrong with the first red test, its cause, and then the list of the others."""
    if outcome.problem and outcome.failures:
        show_first(outcome, inspected, verbose)
        count = len(outcome.failures)
        fail = "1 test fails" if count == 1 else f"{count} tests fail"
        say(f"{mark(False)} {fail} before the program ends: {red_names(outcome)}")
        say(f"{mark(False)} After that: {outcome.problem}")
        for words in test_run.device_words(outcome.output):
            say(f"    {words}")
        for objection in outcome.objections:
            say(f"    {mark(False)} {objection}")
        return
    if outcome.problem:
        say(f"{mark(False)} {outcome.problem}")
        if inspected.findings:
            inspection.show(inspected, verbose)
        for line in test_run.device_words(outcome.output):
            say(f"    {line}")
        show_printed(outcome)
        for objection in outcome.objections:
            say(f"    {mark(False)} {objection}")
        say(paint(test_run.tail(outcome.output), "dim"))
        return
    good = outcome.total - outcome.skipped - len(outcome.failures)
    if not outcome.failures:
        inspection.show(inspected, verbose)
        say(f"{mark(not outcome.objections)} all {good} tests pass{', but' if outcome.objections else ''}")
        for objection in outcome.objections:
            say(f"    {mark(False)} {objection}")
        show_printed(outcome)
        return
    show_first(outcome, inspected, verbose)
    skipped = f", {outcome.skipped} skipped" if outcome.skipped else ""
    count = len(outcome.failures)
    fail = "fails" if count == 1 else "fail"
    say(f"{mark(False)} {count} of {outcome.total} tests {fail}, {good} pass{skipped}: {red_names(outcome)}")


def show_first(outcome: test_run.TestRun, inspected: inspection.Inspection, verbose: bool) -> None:
    """The first red test (with `verbose` all of them), what the inspector found, and what kernels printed."""
    for failure in outcome.failures if verbose else outcome.failures[:1]:
        step = steps.place(outcome.steps, failure.test)
        heading(f"{mark(False)} {step}{failure.test} fails:")
        for message in failure.messages if verbose else in_short(failure.messages):
            say(indent(message))
    inspection.show(inspected, verbose)
    show_printed(outcome)


def red_names(outcome: test_run.TestRun) -> str:
    """The red tests in a line or two: what stands above them, the first one's cause, stays in sight."""
    several = len(outcome.implementations) > 1
    names = [
        failure.test.partition(".")[2] + (f" ({failure.implementation})" if several else "")
        for failure in outcome.failures[:LISTED_FAILURES]
    ]
    more = len(outcome.failures) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def show_printed(outcome: test_run.TestRun) -> None:
    """What kernels printed in the first red test, or in the first that printed at all."""
    red = [failure.test.partition(".")[2] for failure in outcome.failures[:1]]
    texts = [pair for pair in outcome.printed if pair[0] in red] or outcome.printed[:1]
    for test, text in texts[:1]:
        lines = text.splitlines()
        say(f"    printed in {test}:")
        for line in lines[:PRINTED_LINES]:
            say(f"      {line[:PRINTED_COLUMNS]}")
        if len(lines) > PRINTED_LINES:
            say(f"      ... and {len(lines) - PRINTED_LINES} more lines")


def in_short(messages: list) -> list:
    """The first message, and what the test adds in words of its own (ADD_FAILURE): often the likely cause."""
    added = [note for _, found, note in (m.partition("\nFailed\n") for m in messages[1:]) if found]
    return messages[:1] + added[:SHOWN_NOTES]


def indent(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())


def choices(exercise, solution: bool) -> None:
    """What --impl may name, where it named nothing."""
    command = f"./workbook check {exercise.chapter.name[:2]} {exercise.name}"
    names = ", ".join(exercise.implementations)
    say()
    if solution and names:
        say(f"Next: {command} --solution --impl NAME, with one of {names}.")
        return
    others = f" With --solution --impl NAME: {names}." if names else ""
    say(f"Next: {command}, which tests your starter. Without --solution it is the only one.{others}")


def checked(
    outcome: test_run.TestRun, exercise, inspected: inspection.Inspection, on_gpu: bool = False
) -> None:
    """What "solved" stands on, and what it does not: by name, so that nobody reads more into it."""
    passed = [test.name.partition(".")[2] for test in outcome.tests if test.status == "passed"]
    counted = [test.launches for test in outcome.tests if test.launches is not None]
    kernels = f", {sum(counted)} kernels launched" if counted and exercise.starter.suffix == ".cu" else ""
    say(f"Checked: {', '.join(dict.fromkeys(passed))} ({len(passed)} tests{kernels}).")
    if inspected.tests or not inspected.left_out:
        say(inspection.summary(inspected))
    left_out = [
        f"{test.name.partition('.')[2]} ({test.reason})" for test in outcome.tests if test.status == "skipped"
    ]
    if exercise.starter.suffix == ".cu" and inspected.left_out:
        left_out.append(inspected.left_out)
    if exercise.starter.suffix == ".cu" and not on_gpu:
        order = os.environ.get("SIMT_ORDER") or "forward"
        left_out.append(f"thread orders other than {order} (SIMT_ORDER=reverse tries another)")
        left_out.append("a GPU: this ran on the CPU device")
    say(f"Not checked: {'; '.join([*left_out, *outcome.unknown])}." if left_out or outcome.unknown else "")


def next_step(
    exercise, outcome: test_run.TestRun, inspected: inspection.Inspection, on_gpu: bool = False
) -> None:
    number = exercise.chapter.name[:2]
    say()
    if outcome.passed:
        checked(outcome, exercise, inspected, on_gpu)
        keys = console.has_keys  # of watch
        call = "key b" if keys else f"./workbook bench {number} {exercise.name} --starter"
        bench = f" How fast is it? {call}." if exercise.has("bench.cpp") else ""
        if bench and not on_gpu and "__global__" in exercise.starter.read_text(errors="replace"):
            bench += f" Which lines move too many bytes? ./workbook inspect {number} {exercise.name}."
        call = "key s" if keys else f"./workbook solution {number} {exercise.name}"
        say(f"Solved.{bench} Compare with the reference: {call}.")
        say(daily.after_solving(exercise))
        return
    lesson = exercise.lesson
    reading = [shown(lesson)] if lesson.exists() else []
    hint = "key h" if console.has_keys else f"./workbook hint {number} {exercise.name}"
    reading += [hint] if hints.ladder(exercise) else []
    advice = f" Stuck? {', then '.join(reading)}." if reading else ""
    again = f"./workbook check {number} {exercise.name}"
    if outcome.objections and not outcome.failures and not outcome.problem:
        then = "" if console.has_keys else f" Then {again} again."
        say(f"Not solved: tests pass, but see above.{then}{advice if inspected.findings else ''}")
        return
    if len(outcome.failures) > 1:
        say(f"A later failure may say more: {again} --verbose shows them all.")
    after = " and save it" if console.has_keys else f", then {again} again"
    say(f"Next: edit {shown(exercise.starter)}{after}.{advice}")
