"""PyTorch's rows of ./workbook journey, with a peer of the test's own in PyTorch's place."""

import sys
import unittest
from unittest import mock

import support
from workbook import journey

PEER = """
import pathlib, sys
given = dict(zip(sys.argv[1::2], sys.argv[2::2]))
if given["--device"] != "cpu" or not pathlib.Path(given["--like"]).exists():
    sys.exit(3)
pathlib.Path(given["--output"]).write_text("rows")
"""


class JourneyPeer(unittest.TestCase):
    def setUp(self):
        self.folder = support.folder_of(self)
        self.results, self.rows = self.folder / "journey.json", self.folder / "journey-pytorch.json"
        self.results.write_text("{}")
        self.peer = self.folder / "peer.py"
        self.peer.write_text(PEER)

    def measured(self, device, python=sys.executable):
        said, warned = [], []
        ours = {"ROOT": self.folder, "PEER": self.peer, "say": said.append, "warn": warned.append}
        with mock.patch.multiple(journey, **ours):
            with mock.patch.object(journey.python_env, "find", return_value=python):
                journey.measure_pytorch(device, self.results, self.rows)
        return said, warned

    def test_measures_the_model_of_the_journey(self):
        _, warned = self.measured("cpu")
        self.assertEqual(warned, [])
        self.assertEqual(self.rows.read_text(), "rows")

    def test_a_peer_that_fails_costs_its_rows_only(self):
        _, warned = self.measured("cuda")
        self.assertEqual(len(warned), 1)
        self.assertIn("no rows of PyTorch", warned[0])
        self.assertFalse(self.rows.exists())

    def test_says_that_there_is_no_pytorch(self):
        said, _ = self.measured("cpu", python=None)
        self.assertIn("no Python here can import torch", said[0])


if __name__ == "__main__":
    unittest.main()
