"""What ./workbook starts: bounded in time and in memory, and gone when it or ./workbook has ended."""

import os
import signal
import subprocess
import sys
import time
import unittest
from unittest import mock

import support
from support import with_variable
from workbook import guard, process

STAYS = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def wait_until(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def state_of(pid):
    """R, S, T (stopped)...; "" of a process that is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def command_of(pid):
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except OSError:
        return ""


class Ends(unittest.TestCase):
    def setUp(self):
        self.name = f"WB_TEST_{os.getpid()}_{time.monotonic_ns()}"
        self.env = process.environment(**{self.name: "1"})
        grace = mock.patch.object(process, "GRACE_SECONDS", 0.3)
        grace.start()
        self.addCleanup(grace.stop)

    def assert_nothing_left(self):
        self.assertTrue(wait_until(lambda: not with_variable(self.name)), with_variable(self.name))

    def test_a_time_limit_ends_the_whole_group(self):
        script = f"{sys.executable} -S -c '{STAYS}' & {sys.executable} -S -c '{STAYS}'"
        started = time.monotonic()
        lines = process.Lines(["sh", "-c", script], env=self.env, timeout=0.5).run()
        self.assertTrue(lines.timed_out)
        self.assertEqual(lines.code, process.TIMED_OUT)
        self.assertLess(time.monotonic() - started, 300)  # of 600
        self.assert_nothing_left()

    def test_what_a_program_leaves_behind_ends_with_it(self):
        # One in the group, one that left it; both hold the pipe open.
        lines = process.Lines(["sh", "-c", "sleep 600 & setsid sleep 600 & echo done"], env=self.env).run()
        self.assertEqual((lines.code, lines.text), (0, "done"))
        self.assert_nothing_left()

    def test_in_the_open_too(self):
        code = process.in_the_open(["sh", "-c", "sleep 600 & exit 7"], env=self.env)
        self.assertEqual(code, 7)
        with support.captured() as said:
            code = process.in_the_open(["sleep", "600"], env=self.env, timeout=0.2)
        self.assertEqual(code, process.TIMED_OUT)
        self.assertIn("sleep was stopped after", said.getvalue())
        self.assert_nothing_left()

    def started_by_another(self, how):
        """A ./workbook stands in, waiting for a program; it gets the signal `how`."""
        script = (
            f"import sys; sys.path.insert(0, {str(support.ROOT / 'tools')!r})\n"
            f"{support.LISTEN_TO_CTRL_C}"
            "from workbook import process\nprocess.GRACE_SECONDS = 0.3\n"
            f"process.Lines(['sh', '-c', '''setsid sleep 600 & {sys.executable} -c \"{STAYS}\"''']).run()\n"
        )
        command = [sys.executable, "-S", "-c", script]
        outer = subprocess.Popen(command, env=self.env, stderr=subprocess.DEVNULL)
        self.assertTrue(wait_until(lambda: len(with_variable(self.name)) >= 4))
        outer.send_signal(how)
        outer.wait(60)
        self.assert_nothing_left()

    def test_nothing_outlives_a_killed_command(self):
        self.started_by_another(signal.SIGKILL)

    def test_nothing_outlives_an_interrupted_command(self):
        self.started_by_another(signal.SIGINT)

    def test_ctrl_z_stops_all_and_costs_no_time(self):
        inner = "setsid sleep 1 & echo there; wait; echo done"
        script = (
            f"import sys; sys.path.insert(0, {str(support.ROOT / 'tools')!r})\n"
            "from workbook import pause, process\npause.install()\n"
            f"lines = process.Lines(['sh', '-c', {inner!r}], timeout=6.0)\n"
            "for line in lines: print(line, flush=True)\n"
            "print(lines.code, flush=True)\n"
        )
        outer = subprocess.Popen(
            [sys.executable, "-S", "-c", script], env=self.env, stdout=subprocess.PIPE, text=True
        )
        self.addCleanup(outer.stdout.close)
        self.addCleanup(outer.wait)
        self.addCleanup(outer.kill)
        self.assertEqual(outer.stdout.readline(), "there\n")
        sleeping = wait_until(lambda: [pid for pid in with_variable(self.name) if command_of(pid) == "sleep"])
        guards = [pid for pid in with_variable(self.name) if state_of(pid) != "T" and pid not in sleeping]
        outer.send_signal(signal.SIGTSTP)
        # A process takes a signal when it next runs. The shell stops, too; the guard alone waits on.
        self.assertTrue(wait_until(lambda: state_of(outer.pid) == "T"))
        self.assertTrue(wait_until(lambda: [state_of(pid) for pid in sleeping] == ["T"]))
        self.assertTrue(wait_until(lambda: sorted(state_of(pid) for pid in guards) == ["S", "T", "T"]))
        time.sleep(6.5)
        outer.send_signal(signal.SIGCONT)
        self.assertEqual(outer.stdout.read(), "done\n0\n")
        self.assertEqual(outer.wait(60), 0)
        self.assert_nothing_left()

    def test_a_limit_between_lines_is_renewed_by_each(self):
        script = "for i in 1 2 3 4 5; do sleep 0.9; echo $i; done; sleep 600"
        lines = process.Lines(["sh", "-c", script], env=self.env, timeout=4.0, renewed=True).run()
        self.assertTrue(lines.timed_out)
        self.assertEqual(lines.text.split(), ["1", "2", "3", "4", "5"])


class InTheBackground(unittest.TestCase):
    """A program that runs while another is followed."""

    def test_it_is_read_without_waiting_and_then_to_its_end(self):
        script = "import time; print('a', flush=True); time.sleep(0.3); print('b')"
        lines = process.Lines([sys.executable, "-S", "-c", script], sweep=False)
        began = time.monotonic()
        lines.advance()
        lines.advance()
        self.assertLess(time.monotonic() - began, 0.25)
        self.assertTrue(wait_until(lambda: lines.advance() or b"a" in lines.output.head))
        lines.run()
        self.assertEqual((lines.code, lines.text), (0, "a\nb"))

    def test_it_may_come_to_its_end_there(self):
        lines = process.Lines(
            [sys.executable, "-S", "-c", "print('x' * 200000); raise SystemExit(3)"], sweep=False
        )
        self.assertTrue(wait_until(lambda: lines.advance() or lines.code == 3))
        lines.run()
        self.assertEqual((lines.code, len(lines.text)), (3, 200000))

    def test_it_is_looked_at_when_it_is_waited_for(self):
        looks = []
        lines = process.Lines([sys.executable, "-S", "-c", "import time; time.sleep(0.5)"], sweep=False)
        lines.on_look = lambda: looks.append(1)
        for _ in range(20):
            lines.advance()
            time.sleep(0.01)
        self.assertEqual(looks, [])
        lines.run()
        self.assertTrue(looks)

    def test_closing_ends_it(self):
        lines = process.Lines([sys.executable, "-S", "-c", "import time; time.sleep(600)"], sweep=False)
        lines.advance()
        pid = lines.group.process.pid
        self.assertNotEqual(state_of(pid), "")
        lines.close()
        self.assertEqual(state_of(pid), "")


class KeepsLittle(unittest.TestCase):
    def test_of_endless_output_head_and_tail(self):
        script = "import sys\nprint('first')\nwhile True: sys.stdout.write('x' * 9999 + chr(10))"
        lines = process.Lines([sys.executable, "-S", "-c", script], timeout=60.0)
        lines.on_look = lambda: lines.output.left_out > 0
        lines.run()
        self.assertTrue(lines.timed_out)
        self.assertTrue(lines.text.startswith("first\n"))
        self.assertIn("bytes left out", lines.text)
        self.assertLess(len(lines.text), 4 * process.KEPT_BYTES)

    def test_an_endless_line_comes_in_pieces(self):
        script = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
        lines = process.Lines([sys.executable, "-S", "-c", script], timeout=60.0)
        lines.on_look = lambda: len(lines.output.head) > 4 * process.LINE_BYTES
        longest = max(map(len, lines))
        self.assertLessEqual(longest, process.LINE_BYTES)

    def test_a_text_that_fits_is_whole(self):
        text = process.Bounded(kept=4)
        for data in (b"ab", b"cdef", b"ghi"):
            text.add(data)
        self.assertEqual(text.text, "abcdefghi")
        text.add(b"jklmnop")
        self.assertTrue(text.text.startswith("abcd\n... 8 bytes left out"), text.text)
        self.assertTrue(text.text.endswith("mnop"))


class Answers(unittest.TestCase):
    def test_of_programs_that_cannot_start(self):
        self.assertEqual(process.quiet(["/nowhere/at/all"])[0], process.NOT_FOUND)
        self.assertEqual(process.quiet(["/etc/passwd"])[0], process.NOT_EXECUTABLE)

    def test_marks_are_added_to_those_of_the_runs_around(self):
        inner = guard.marked({guard.VARIABLE: "1.2", "HOME": "/"})
        self.assertEqual(inner, {guard.VARIABLE: f"1.2:{guard.MARK}", "HOME": "/"})
        self.assertEqual(guard.marked(inner), inner)


if __name__ == "__main__":
    unittest.main()
