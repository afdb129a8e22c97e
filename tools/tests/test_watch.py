"""The daily loop as a student types it, in a terminal of 80 columns."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import toy_workbook
from support import with_variable
from terminal import Terminal

KEYS = "q quit"


class Watch(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = toy_workbook.make(Path(folder.name))
        self.starter = self.root / "01_first" / "first_starter.cu"
        self.mark = f"WB_WATCH_{os.getpid()}_{time.monotonic_ns()}".replace("WB_", "TEST_")

    def terminal(self, *arguments):
        command = [sys.executable, "-S", str(self.root / "workbook"), *arguments]
        return Terminal(command, toy_workbook.environment(**{self.mark: "1"}), self.root)

    def assert_sane(self, terminal):
        self.assertEqual(terminal.settings(), terminal.before)
        until = time.monotonic() + 30
        while with_variable(self.mark) and time.monotonic() < until:
            time.sleep(0.02)
        self.assertEqual(with_variable(self.mark), [])

    def save(self, word, file=None):
        (file or self.starter).write_text(f"// {word}\n__global__ void kernel() {{}}\n")

    def test_edit_red_hint_edit_green_next_solution_reset(self):
        with self.terminal("watch") as terminal:
            terminal.expect("Suite.Adds fails")
            terminal.expect(KEYS)
            self.save("one")
            terminal.expect("step 2 of 2 (second step): Suite.Guards fails")
            terminal.expect(KEYS)
            terminal.type("h")
            hint = terminal.expect(KEYS)
            self.assertIn("What is one and one?", hint)
            self.assertIn("The next one: h\n", hint)  # a key, where there are keys
            self.assertNotIn("./workbook hint", hint)
            terminal.type("h")
            self.assertIn("hint 2 of 2", terminal.expect(KEYS))
            terminal.type("s")
            self.assertIn("is not solved yet", terminal.expect(KEYS))
            self.save("right")
            self.assertIn("saved", terminal.expect("all 2 tests pass"))
            self.assertIn("Next: 02_second / second", terminal.expect(KEYS))
            terminal.type("s")
            self.assertIn("keeps data in shared memory", terminal.expect(KEYS))
            terminal.type("n")
            self.assertIn("02_second/second_starter.cu", terminal.expect(KEYS))
            self.save("one", self.root / "02_second" / "second_starter.cu")
            self.assertIn("02_second / second", terminal.expect("Suite.Guards fails"))
            terminal.expect(KEYS)
            terminal.type("q")
            self.assertEqual(terminal.wait(), 0)
            self.assert_sane(terminal)
        done = toy_workbook.run(self.root, "reset", "02")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("is as in HEAD again", done.stdout)
        self.assertIn("1 of 2 exercises solved", toy_workbook.run(self.root).stdout)

    def test_a_save_ends_a_check_that_does_not_end(self):
        self.save("long")
        with self.terminal("watch") as terminal:
            terminal.expect("watching; 01_first / first")
            self.save("right")
            terminal.expect("all 2 tests pass")
            terminal.expect(KEYS)
            terminal.type("q")
            self.assertEqual(terminal.wait(), 0)
            self.assert_sane(terminal)

    def test_ctrl_c_leaves_the_terminal_sane_and_nothing_running(self):
        self.save("long")
        with self.terminal("watch") as terminal:
            terminal.expect("watching; 01_first / first")
            self.wait_for(lambda: len(with_variable(self.mark)) > 2)  # the check has begun
            terminal.type("\x03")
            self.assertEqual(terminal.wait(), 130)
            self.assert_sane(terminal)

    def test_ctrl_c_is_heard_while_a_check_is_being_ended(self):
        self.save("stubborn")
        with self.terminal("watch") as terminal:
            terminal.expect("watching; 01_first / first")
            self.wait_for(lambda: len(with_variable(self.mark)) > 2)
            self.save("stubborn still")
            terminal.expect("saved")
            terminal.type("\x03")
            self.assertEqual(terminal.wait(), 130)
            self.assert_sane(terminal)

    def test_in_json_each_verdict_is_a_line(self):
        command = [sys.executable, "-S", str(self.root / "workbook"), "watch", "--json"]
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=toy_workbook.environment(),
        ) as started:
            self.assertEqual(json.loads(started.stdout.readline())["exit_code"], 1)
            self.save("right")
            self.assertEqual(json.loads(started.stdout.readline())["exercises"][0]["state"], "solved")
            started.terminate()

    def test_a_killed_watch_leaves_nothing_running(self):
        self.save("long")
        with self.terminal("watch") as terminal:
            terminal.expect("watching; 01_first / first")
            self.wait_for(lambda: len(with_variable(self.mark)) > 2)
            os.kill(terminal.pid, signal.SIGKILL)
            terminal.wait()
            self.wait_for(lambda: not with_variable(self.mark))

    def test_a_killed_watch_gives_the_terminal_back(self):
        inner = f'echo pid=$$; exec "{sys.executable}" -S "{self.root / "workbook"}" watch'
        # A shell stays, as it does for a user.
        outer = ["sh", "-c", 'sh -c "$1"; echo ended; read line', "sh", inner]
        with Terminal(outer, toy_workbook.environment(**{self.mark: "1"}), self.root) as terminal:
            terminal.expect("pid=")
            watch = int(terminal.expect("\n"))
            terminal.expect(KEYS)
            self.assertNotEqual(terminal.settings(), terminal.before)
            os.kill(watch, signal.SIGKILL)
            terminal.expect("ended")
            self.wait_for(lambda: terminal.settings() == terminal.before)
            terminal.type("\n")
            self.assertEqual(terminal.wait(), 0)
            self.assert_sane(terminal)

    def test_ctrl_z_gives_the_terminal_back_and_goes_on(self):
        with self.terminal("watch") as terminal:
            terminal.expect(KEYS)
            self.assertNotEqual(terminal.settings(), terminal.before)
            terminal.type("\x1a")
            self.wait_for(lambda: os.waitid(os.P_PID, terminal.pid, os.WSTOPPED | os.WNOHANG | os.WNOWAIT))
            self.assertEqual(terminal.settings(), terminal.before)
            os.kill(terminal.pid, signal.SIGCONT)
            terminal.expect(KEYS)
            self.save("right")
            terminal.expect("all 2 tests pass")
            terminal.expect(KEYS)
            terminal.type("q")
            self.assertEqual(terminal.wait(), 0)

    def test_without_a_terminal_there_are_no_colors_and_no_keys(self):
        log = self.root / "log"
        with open(log, "w") as output:
            command = [sys.executable, "-S", str(self.root / "workbook"), "watch", "01"]
            started = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=toy_workbook.environment(),
            )
        try:
            self.wait_for(lambda: "2 of 2 tests fail" in log.read_text())
            self.save("right")
            self.wait_for(lambda: "all 2 tests pass" in log.read_text())
        finally:
            started.terminate()
            self.assertEqual(started.wait(), 128 + signal.SIGTERM)
        self.assertNotIn("\x1b", log.read_text())
        self.assertNotIn(KEYS, log.read_text())

    def wait_for(self, condition, seconds=60.0):
        until = time.monotonic() + seconds
        while not condition():
            self.assertLess(time.monotonic(), until, "it did not come to that")
            time.sleep(0.02)


if __name__ == "__main__":
    unittest.main()
