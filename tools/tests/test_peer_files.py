"""What of the PyTorch peers can be tested without PyTorch: where results go, and that presets agree."""

import json
import os
import re
import sys
import unittest
from pathlib import Path

import support

PEERS = support.ROOT / "tools" / "peers"
sys.path.insert(0, str(PEERS))

import results_file  # noqa: E402


class WritesResults(unittest.TestCase):
    def setUp(self):
        self.folder = support.folder_of(self)

    def test_a_file_is_replaced_whole(self):
        file = self.folder / "new" / "results.json"
        for content in ({"rows": [1, 2]}, {"rows": [3]}):
            results_file.write(file, content)
            self.assertEqual(json.loads(file.read_text()), content)
        self.assertEqual(list(file.parent.iterdir()), [file])

    def test_what_is_no_regular_file_stays(self):
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for place in (pipe, self.folder, Path("/dev/null")):
            with self.assertRaisesRegex(SystemExit, "no regular file"):
                results_file.write(place, {})
            with self.assertRaisesRegex(SystemExit, "no regular file"):
                results_file.require_writable(place)
        self.assertTrue(pipe.is_fifo())
        self.assertTrue(Path("/dev/null").is_char_device())

    def test_what_cannot_be_written_leaves_the_file(self):
        file = self.folder / "results.json"
        results_file.write(file, {"rows": 1})
        with self.assertRaises(TypeError):
            results_file.write(file, {"rows": object()})
        self.assertEqual(json.loads(file.read_text()), {"rows": 1})
        self.assertEqual(list(self.folder.iterdir()), [file])

    def test_no_file_is_no_error(self):
        results_file.write(None, {})


class Presets(unittest.TestCase):
    def test_the_peers_have_the_trainers_presets(self):
        """Name and sizes, in the order C, L, H, K, F, V, B, T."""
        trainer = (support.ROOT / "07_tinyllama" / "trainer" / "config.cpp").read_text()
        ours = {
            name: re.findall(r"= (\d+)", sizes)
            for name, sizes in re.findall(r'\{"(\w+)", \{(\.c = [^}]*)\}\}', trainer)
        }
        peer = (PEERS / "llama.py").read_text()
        theirs = {
            name: re.findall(r"\d+", sizes) for name, sizes in re.findall(r'"(\w+)": Config\(([^)]*)\)', peer)
        }
        self.assertGreater(len(ours), 5)
        self.assertEqual(theirs, {name: ours[name] for name in theirs})
        self.assertGreater(len(theirs), 3)


if __name__ == "__main__":
    unittest.main()
