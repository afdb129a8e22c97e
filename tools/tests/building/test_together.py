"""Two commands at once: one builds, the other waits in one sentence, both work."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
import unittest
from pathlib import Path

from toy import Toy, support
from workbook import lock

BUILDER = """
import sys
sys.path[:0] = [{tests!r}, {building!r}]
from unittest import mock
import toy
made = object.__new__(toy.Toy)
made.root = toy.Path({root!r})
print(made.build())
"""
HOLDER = """
import sys, time
sys.path.insert(0, {tools!r})
sys.argv = ["./workbook", "check", "02"]
from pathlib import Path
from workbook import lock
with lock.held(Path({folder!r})):
    print("held", flush=True)
    time.sleep(600)
"""


class Together(unittest.TestCase):
    def setUp(self):
        self.toy = Toy()
        self.addCleanup(self.toy.remove)

    def test_four_builds_of_a_fresh_clone(self):
        here = Path(__file__).resolve().parent
        script = BUILDER.format(tests=str(here.parent), building=str(here), root=str(self.toy.root))
        started = [
            subprocess.Popen(
                [sys.executable, "-S", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            )
            for _ in range(4)
        ]
        said = [one.communicate(timeout=120)[0].decode() for one in started]
        self.assertEqual([one.returncode for one in started], [0] * 4, said)
        self.assertEqual(subprocess.run([self.toy.program]).returncode, 3)
        self.assertEqual(sum("configure cpu: done" in words for words in said), 1, said)
        waited = [words for words in said if "Waiting for" in words]
        self.assertGreaterEqual(len(waited), 1, said)
        self.assertRegex("".join(waited), r"Waiting for .*build/cpu: .* \(process \d+\) builds there\.")

    def hold(self):
        script = HOLDER.format(tools=str(support.ROOT / "tools"), folder=str(self.toy.folder))
        holder = subprocess.Popen([sys.executable, "-S", "-c", script], stdout=subprocess.PIPE, text=True)
        self.addCleanup(holder.wait)
        self.addCleanup(holder.stdout.close)
        self.addCleanup(holder.kill)
        self.assertEqual(holder.stdout.readline(), "held\n")
        return holder

    def test_a_killed_holder_leaves_no_lock(self):
        holder = self.hold()
        timer = threading.Timer(0.3, holder.send_signal, [signal.SIGKILL])
        timer.start()
        with support.captured() as said, lock.held(self.toy.folder):
            pass
        timer.join()
        self.assertIn(f"./workbook check 02 (process {holder.pid}) builds there", said.getvalue())

    def test_cmake_waits_for_the_same_lock(self):
        holder = self.hold()
        script = self.toy.root / "wait.cmake"
        script.write_text(f"file(LOCK {self.toy.folder}.lock GUARD PROCESS TIMEOUT 60)\n")
        started = time.monotonic()
        waiting = subprocess.Popen(["cmake", "-P", script])
        time.sleep(0.5)
        self.assertIsNone(waiting.poll())
        holder.kill()
        self.assertEqual(waiting.wait(60), 0)
        self.assertGreater(time.monotonic() - started, 0.4)

    def test_a_lock_is_free_again_afterwards(self):
        for _ in range(2):
            with lock.held(self.toy.folder):
                pass
        with open(f"{self.toy.folder}.lock", "r+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.assertEqual(os.fstat(file.fileno()).st_size, 0)


if __name__ == "__main__":
    unittest.main()
