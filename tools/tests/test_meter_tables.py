"""The meter beside Nsight Compute: ncu's words are read right, and no difference goes without a reason."""

import json
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import support
from published import meter_arithmetic, meter_reasons, meter_tables, nsight_compute

LOADS, SECTORS = (nsight_compute.GLOBAL.format(what, "ld") for what in ("requests", "sectors"))
WAVEFRONTS = meter_tables.SHARED_WAVEFRONTS.format("ld")
RAW = f"""==PROF== Connected to process 7
"ID","Process ID","Kernel Name","Block Size","{LOADS}","{SECTORS}"
"","","","","",""
"0","7","copy(const float *, float *)","(256, 1, 1)","512","2,048"
"1","7","turn(float *)","(32, 8, 1)","16","16.0"
== sections
"ID","Process ID","Kernel Name","{WAVEFRONTS}"
"","","",""
"0","7","copy(const float *, float *)",""
"1","7","turn(float *)","512"
"""


def line(kind, memory, requests, moved):
    unit = "sectors" if memory == "global" else "wavefronts"
    return {"kind": kind, "memory": memory, "requests": requests, "sectors": 0, "wavefronts": 0} | {
        unit: moved
    }


class NsightCompute(unittest.TestCase):
    def test_tables_of_one_launch_are_put_together(self):
        copy, turn = nsight_compute.launches_of(RAW)
        self.assertEqual(copy.metrics, {LOADS: 512, SECTORS: 2048})
        self.assertEqual(turn.metrics, {LOADS: 16, SECTORS: 16, WAVEFRONTS: 512})

    def test_what_is_written_is_read(self):
        launches = nsight_compute.launches_of(RAW)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "some.csv"
            file.write_text(nsight_compute.text_of(launches, "on a GPU"))
            self.assertEqual(nsight_compute.load(file), ("on a GPU", launches))


class Arithmetic(unittest.TestCase):
    def table(self, counted, counted_there, reasons):
        names = nsight_compute.ARITHMETIC
        kernels = [{"case": "dot", "metrics": dict(zip(names, counted))}]
        launch = nsight_compute.Launch("dot(const float *)", dict(zip(names, counted_there)))
        with tempfile.TemporaryDirectory() as name, mock.patch.object(meter_reasons, "ARITHMETIC", reasons):
            folder = Path(name)
            for part in ("meter", "nsight_compute"):
                (folder / part).mkdir()
            (folder / "meter" / "some.json").write_text(json.dumps({"kernels": kernels}))
            text = nsight_compute.text_of([launch], "on a GPU", names)
            (folder / "nsight_compute" / "some_arithmetic.csv").write_text(text)
            return meter_arithmetic.table(folder, "some")

    def test_equal_counts_are_equal(self):
        said = self.table((0, 1, 3200), (0, 1, 3200), {})
        self.assertIn("on a GPU. 1 of 1 rows are equal.", said)
        self.assertIn("| `dot` | 0 | 0 | 1 | 1 | 3,200 | 3,200 | equal |", said)

    def test_a_difference_needs_a_reason(self):
        with self.assertRaisesRegex(meter_tables.UnexplainedError, "no reason"):
            self.table((0, 1, 3200), (0, 1, 3300), {})
        self.assertIn("**differs**: expf", self.table((0, 1, 3200), (0, 1, 3300), {"dot": "expf"}))

    def test_a_reason_needs_a_difference(self):
        with self.assertRaisesRegex(meter_tables.UnexplainedError, "the same"):
            self.table((0, 1, 3200), (0, 1, 3200), {"dot": "expf"})

    def test_kernels_without_any_have_no_row(self):
        self.assertIn("0 of 0 rows", self.table((0, 0, 0), (0, 0, 0), {}))


class Tables(unittest.TestCase):
    def setUp(self):
        self.folder = support.folder_of(self)
        (self.folder / "meter").mkdir()
        (self.folder / "nsight_compute").mkdir()
        self.reasons({})

    def reasons(self, reasons):
        patch = mock.patch.object(meter_reasons, "REASONS", reasons)
        patch.start()
        self.addCleanup(patch.stop)

    def publish(self, sectors):
        kernels = [{"case": "copy", "lines": [line("global_load", "global", 512, sectors)]}]
        report, counted = meter_tables.folders(self.folder, "access_patterns")
        report.write_text(json.dumps({"schema": 1, "kernels": kernels}))
        counted.write_text(nsight_compute.text_of(nsight_compute.launches_of(RAW)[:1], "on a GPU"))

    def table(self):
        return meter_tables.table(self.folder, "access_patterns")

    def test_equal_rows_are_counted(self):
        self.publish(2048)
        self.assertIn("on a GPU. 1 of 1 rows are equal.", self.table())
        self.assertIn("| `copy` | global load | 512 | 512 | 2,048 | 2,048 | equal |", self.table())

    def test_a_difference_needs_a_reason(self):
        self.publish(2000)
        with self.assertRaisesRegex(meter_tables.UnexplainedError, "no reason"):
            self.table()
        self.reasons({("copy", "global load"): "It is so."})
        self.assertIn("| 2,000 | 2,048 | **differs**: It is so. |", self.table())

    def test_a_reason_needs_a_difference(self):
        self.publish(2048)
        self.reasons({("copy", "global load"): "It was so."})
        with self.assertRaisesRegex(meter_tables.UnexplainedError, "count the same"):
            self.table()

    def test_a_launch_that_one_side_lacks_is_refused(self):
        self.publish(2048)
        report, _ = meter_tables.folders(self.folder, "access_patterns")
        report.write_text(json.dumps({"schema": 1, "kernels": []}))
        with self.assertRaisesRegex(meter_tables.UnexplainedError, "0 launches"):
            self.table()


if __name__ == "__main__":
    unittest.main()
