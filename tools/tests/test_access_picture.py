"""Pictures of accesses: what they count and show, from a measurement as the meter writes it."""

import contextlib
import io
import json
import sys
import unittest
import xml.etree.ElementTree as xml

import support

sys.path.insert(0, str(support.ROOT / "tools" / "plots"))
import access
import access_shapes as shapes
import access_svg


def line(offset_of, size=4, lanes=range(32), kind="global_load", number=1, **changes):
    touched = [{"lane": lane, "offset": offset_of(lane), "bytes": size} for lane in lanes]
    found = {
        "file": "some/where/kernel.cu",
        "line": number,
        "text": "  const float value = in[i] < 3 ? a : b;",
        "kind": kind,
        "requests": 1,
        "sectors": 4,
        "ideal_sectors": 4,
        "wavefronts": 0,
        "ideal_wavefronts": 0,
        "worst": {"block": [0, 0, 0], "warp": 2, "array": "in", "lanes": touched},
    }
    if kind.startswith("shared"):
        found |= {"sectors": 0, "ideal_sectors": 0, "wavefronts": 1, "ideal_wavefronts": 1}
    return {**found, **changes}


def kernel(*lines):
    return {"name": "copy(float const*, float*)", "launches": 1, "metrics": {}, "lines": list(lines)}


def words_of(one):
    return [shape.words for shape in shapes.picture(kernel(one), one).shapes if hasattr(shape, "words")]


class Counts(unittest.TestCase):
    def sectors(self, offset_of, size=4):
        return len(shapes.sectors(shapes.accesses(line(offset_of, size))))

    def wavefronts(self, offset_of, size=4):
        return shapes.wavefronts(shapes.accesses(line(offset_of, size)))

    def test_sectors(self):
        self.assertEqual(self.sectors(lambda lane: 4 * lane), 4)
        self.assertEqual(self.sectors(lambda lane: 4 * lane + 4), 5)
        self.assertEqual(self.sectors(lambda lane: 8 * lane), 8)
        self.assertEqual(self.sectors(lambda lane: 128 * lane), 32)
        self.assertEqual(self.sectors(lambda lane: 16 * lane, size=16), 16)
        self.assertEqual(self.sectors(lambda lane: 0), 1)

    def test_wavefronts(self):
        self.assertEqual(self.wavefronts(lambda lane: 4 * lane), 1)
        self.assertEqual(self.wavefronts(lambda lane: 0), 1)
        self.assertEqual(self.wavefronts(lambda lane: 8 * lane), 2)
        self.assertEqual(self.wavefronts(lambda lane: 128 * lane), 32)
        self.assertEqual(self.wavefronts(lambda lane: 132 * lane), 1)
        self.assertEqual(self.wavefronts(lambda lane: 2 * lane, size=2), 1)
        self.assertEqual(self.wavefronts(lambda lane: 8 * lane, size=8), 2)
        self.assertEqual(self.wavefronts(lambda lane: 16 * lane, size=16), 4)


class Pictures(unittest.TestCase):
    def test_a_strided_load_says_what_it_wastes(self):
        words = words_of(line(lambda lane: 32 * lane))
        self.assertIn("32 sectors, at best 4; 128 of 1,024 bytes moved are used (12.5%)", words)
        self.assertIn("copy, kernel.cu:1", words)
        self.assertIn("global load of in, block (0, 0, 0), warp 2: 32 lanes with 4 bytes each", words)

    def test_a_kernel_is_called_without_its_parameters(self):
        self.assertEqual(shapes.without_parameters("turn<4, (Mode)0>(float*, int)"), "turn<4, (Mode)0>")
        self.assertEqual(shapes.without_parameters("turn"), "turn")

    def test_each_lane_is_numbered_where_it_reads(self):
        words = words_of(line(lambda lane: 4 * lane))
        for lane in range(32):
            self.assertEqual(words.count(str(lane)), 2 if lane else 3, lane)  # row 0 is at offset 0

    def test_lanes_that_take_no_part_have_no_number(self):
        words = words_of(line(lambda lane: 4 * lane, lanes=range(0, 32, 2)))
        self.assertNotIn("7", words)
        self.assertIn("8", words)

    def test_many_rows_are_cut_and_counted(self):
        words = words_of(line(lambda lane: 512 * lane))
        self.assertIn("21 more lines of 128 bytes with 21 sectors", words)
        self.assertIn("15,872", words)

    def test_conflicts_are_counted_per_bank(self):
        words = words_of(line(lambda lane: 8 * lane, kind="shared_load"))
        self.assertIn("2 wavefronts, at best 1", words)
        self.assertIn("more than 1: a conflict", words)
        self.assertNotIn(
            "more than 1: a conflict", words_of(line(lambda lane: 132 * lane, kind="shared_load"))
        )

    def test_shapes_stay_on_the_picture(self):
        for one in (line(lambda lane: 512 * lane), line(lambda lane: 128 * lane, kind="shared_store")):
            drawing = shapes.picture(kernel(one), one)
            for shape in drawing.shapes:
                right = shape.x + getattr(shape, "width", 0)
                self.assertTrue(shape.x >= 0 and right <= shapes.WIDTH and shape.y < drawing.height, shape)

    def test_the_svg_is_well_formed(self):
        one = line(lambda lane: 4 * lane)
        root = xml.fromstring(access_svg.svg(shapes.picture(kernel(one), one)))
        self.assertIn("const float value = in[i] < 3 ? a : b;", [text.text for text in root])


class Command(unittest.TestCase):
    def setUp(self):
        self.folder = support.folder_of(self)
        self.meter = self.folder / "meter.json"
        good = line(lambda lane: 4 * lane)
        bad = line(lambda lane: 32 * lane, number=2, sectors=32)
        self.meter.write_text(json.dumps({"schema": 1, "kernels": [kernel(good, bad)]}))

    def draw(self, name, *options):
        with contextlib.redirect_stdout(io.StringIO()):
            access.main([str(self.meter), str(self.folder / name), *options])
        return (self.folder / name).read_text()

    def test_the_line_that_wastes_most_is_drawn(self):
        self.assertIn("kernel.cu:2", self.draw("a.svg"))

    def test_a_line_may_be_chosen(self):
        self.assertIn("kernel.cu:1", self.draw("a.svg", "--kernel", "copy", "--line", "kernel.cu:1"))

    def test_what_is_not_there_is_said(self):
        with self.assertRaisesRegex(SystemExit, "no load or store for kernel.cu:7"):
            self.draw("a.svg", "--line", "kernel.cu:7")
        with self.assertRaisesRegex(SystemExit, "must end in"):
            self.draw("a.gif")
        self.meter.write_text("{}")
        with self.assertRaisesRegex(SystemExit, "schema 1"):
            self.draw("a.svg")


if __name__ == "__main__":
    unittest.main()
