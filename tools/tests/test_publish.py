import contextlib
import copy
import io
import json
import unittest

import support  # first: it puts tools/ on the path

# isort: split
import publish
from published import markdown

FRAME = {
    "schema_version": 1,
    "created": "2026-01-02T03:04:05Z",
    "commit": "abc123def456",
    "device": {"kind": "cuda", "name": "H200", "runtime_version": "13.0", "driver_version": "13.0"},
    "host": {"cpu": "Xeon", "cores": 2, "system": "Linux"},
}

STAGE = {
    "stage": "v1",
    "title": "baseline",
    "loss": {"first": 6.9078, "last": 6.5, "steps": [6.9078, 6.5]},
    "measured": {"samples_per_second": 310.84, "step_ms": 12.5, "step_ms_p10": 12.1, "step_ms_p90": 13.0},
    "timer": {"forward_ms": 4.0, "backward_ms": 7.0, "optimizer_ms": 1.0, "share_of_step": 0.96},
    "peak_memory_bytes": 300 * 2**20,
    "gradients": {"covered_elements": 99, "elements": 100},
    "profile": None,
    "speedup_over_v1": 1.0,
    "observation": "the yardstick",
}

JOURNEY = {
    **FRAME,
    "kind": "journey",
    "body": {
        "preset": "small",
        "config": {"c": 512, "b": 8},
        "description": "C 512",
        "precision": "fp32",
        "parameters": 31977984,
        "data": "one batch",
        "steps": 20,
        "seed": 1,
        "stages": [STAGE],
        "text": {"data": "9 files", "loss": {"first": 6.9, "last": 2.5, "steps": [6.9, 2.5]}},
    },
}

ROW = {
    "contract": "vector_add",
    "problem": "n=1024",
    "implementation": "vectorized",
    "baseline": "solution",
    "outcome": "ok",
    "message": "",
    "bytes": 8.4e6,
    "flops": 7.0e5,
    "seconds": {"median": 2.0e-6},
    "bytes_per_second": 4.2e12,
    "flops_per_second": 3.5e11,
    "fraction_of_roof": 0.98,
    "speedup": 1.25,
}

SOLUTION = {**ROW, "implementation": "solution", "seconds": {"median": 2.5e-6}, "speedup": 1.0}

WRONG = {**ROW, "implementation": "library", "outcome": "wrong", "message": "why"}

BENCHMARK = {
    **FRAME,
    "kind": "benchmarks",
    "body": {
        "rows": [SOLUTION, ROW, {**ROW, "implementation": "library", "outcome": "wrong", "message": "why"}]
    },
}


TRAINING = {
    **FRAME,
    "kind": "training",
    "body": {
        "preset": "shakespeare",
        "description": "C 384",
        "parameters": 10721280,
        "precision": "tf32",
        "optimizer": {"name": "adamw"},
        "options": {
            "steps": "700",
            "preset": "shakespeare",
            "data": ["/home/me/a.txt"],
            "kernels": "matmul=library",
        },
        "data": "1003855 bytes of a.txt",
        "steps": 700,
        "unit": "byte",
        "best": {"step": 600, "loss": 1.4971},
        "train_seconds": 12.0,
        "validation_seconds": 1.0,
        "tokens_per_second": 1.14e6,
        "mfu": 0.19,
        "roof_share": 0.2,
    },
}


class Folder(unittest.TestCase):
    def setUp(self):
        self.root = support.folder_of(self)
        self.results = self.root / "docs" / "results"
        self.results.mkdir(parents=True)
        self.readme = self.root / "README.md"
        self.readme.write_text("before\n<!-- journey:begin -->\nold\n<!-- journey:end -->\nafter\n")

    def write(self, name, document):
        (self.results / name).write_text(json.dumps(document))

    def publish(self, *arguments):
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
            code = publish.main(list(arguments), self.root, self.results)
        return code, out.getvalue()


class Publish(Folder):
    def test_replaces_only_what_stands_between_the_markers(self):
        self.write("small-h200.json", JOURNEY)
        self.assertEqual(self.publish()[0], 0)
        text = self.readme.read_text()
        self.assertTrue(text.startswith("before\n<!-- journey:begin -->\n"))
        self.assertTrue(text.endswith("\n<!-- journey:end -->\nafter\n"))
        self.assertIn("| V1 baseline | 6.91 | 310.8 | 12.5 | 96.0% | 1.00x |", text)
        self.assertIn("on H200, CUDA 13.0; commit `abc123def456`, 2026-01-02", text)
        self.assertNotIn("old", text)

    def test_check_notices_and_writes_nothing(self):
        self.write("small-h200.json", JOURNEY)
        before = self.readme.read_text()
        code, words = self.publish("--check")
        self.assertEqual(code, 1)
        self.assertIn("README.md is out of date", words)
        self.assertEqual(self.readme.read_text(), before)
        self.publish()
        self.assertEqual(self.publish("--check"), (0, ""))

    def test_a_figure_changed_by_hand_is_noticed(self):
        self.write("small-h200.json", JOURNEY)
        self.publish()
        self.readme.write_text(self.readme.read_text().replace("310.8", "910.8"))
        self.assertEqual(self.publish("--check")[0], 1)

    def test_says_so_while_nothing_is_published(self):
        self.publish()
        self.assertIn("No journey is published yet", self.readme.read_text())

    def test_the_gpu_comes_before_the_cpu(self):
        cpu = copy.deepcopy(JOURNEY)
        cpu["device"]["kind"] = "cpu"
        self.write("a-cpu.json", cpu)
        self.write("z-h200.json", JOURNEY)
        self.publish()
        text = self.readme.read_text()
        self.assertLess(text.index("on H200"), text.index("2 cores of Xeon"))

    def test_a_training_run_with_its_picture_and_sample(self):
        source = self.root / "run"
        source.mkdir()
        (source / "training.json").write_text(json.dumps(TRAINING))
        (source / "loss.png").write_bytes(b"png")
        (source / "sample.txt").write_text("ROMEO:\nO ``` she\n")
        page = self.root / "docs" / "training.md"
        page.write_text("<!-- training:begin -->\n<!-- training:end -->\n")
        self.publish()
        self.assertIn("No run is published yet", page.read_text())
        code, words = self.publish("add", str(source / "training.json"), "training-h200")
        self.assertEqual(code, 0, words)
        text = page.read_text()
        self.assertIn("| best validation loss, nats per byte | 1.497 |", text)
        self.assertIn("| tokens/s | 1,140,000 |", text)
        self.assertIn("(results/training-h200.png)", text)
        self.assertIn("`--preset shakespeare --steps 700`", text)
        self.assertIn("````text\nROMEO:\nO ``` she\n````", text)
        self.assertEqual((self.results / "training-h200.png").read_bytes(), b"png")

    def test_the_full_table(self):
        self.write("small-h200.json", JOURNEY)
        (self.results / "small-h200.png").touch()
        page = self.root / "docs" / "journey.md"
        page.write_text("<!-- journey-full:begin -->\n<!-- journey-full:end -->\n")
        self.publish()
        text = page.read_text()
        self.assertIn("6.91 to 6.50", text)
        self.assertIn("99.0%", text)
        self.assertIn("(results/small-h200.png)", text)
        self.assertIn("the loss went from 6.90 to 2.50 in 2 steps", text)

    def test_a_graph_has_no_phases_and_an_older_result_no_spread(self):
        page = self.root / "docs" / "journey.md"
        page.write_text("<!-- journey-full:begin -->\n<!-- journey-full:end -->\n")
        graph = json.loads(json.dumps(JOURNEY))
        graph["body"]["stages"][0]["timer"] = dict.fromkeys(graph["body"]["stages"][0]["timer"])
        self.write("small-h200.json", graph)
        self.publish()
        row = next(line for line in page.read_text().splitlines() if line.startswith("| V1 baseline"))
        cells = [cell.strip() for cell in row.split("|")]
        self.assertEqual(cells[5:8], ["-", "-", "-"])

    def test_a_peer_stands_below_the_journey_of_the_same_model_and_device(self):
        self.write("small-h200.json", JOURNEY)
        peer = copy.deepcopy(JOURNEY)
        measured = {"samples_per_second": 155.42, "step_ms": 51.0}
        stage = {**STAGE, "stage": "pytorch_v1", "title": "PyTorch v1", "measured": measured}
        peer["body"] = {"peer": "pytorch", "config": {"c": 512, "b": 8}, "stages": [stage]}
        self.write("peer-h200.json", peer)
        other = copy.deepcopy(peer)
        other["body"]["config"]["b"] = 16
        self.write("peer-other.json", other)
        self.publish()
        rows = [line for line in self.readme.read_text().splitlines() if "PyTorch" in line]
        self.assertEqual(rows, ["| PyTorch v1 | 6.91 | 155.4 | 51.0 | 96.0% | 0.50x |"])

    def test_benchmarks_leave_out_what_was_refused(self):
        self.write("vector_add-h200.json", BENCHMARK)
        self.readme.write_text("<!-- benchmark:begin vector_add -->\n<!-- benchmark:end -->\n")
        self.publish()
        lines = [line for line in self.readme.read_text().splitlines() if line.startswith("|")]
        heading = "| problem | solution, us | GB/s | TFLOP/s | of the roof | vectorized, us |"
        self.assertEqual(lines[0], heading)
        self.assertEqual(lines[2:], ["| n=1024 | 2.50 | 4,200 | 0.35 | 98.0% | 2.00 (1.25x) |"])
        self.assertIn("`library` is not in the table: why.", self.readme.read_text())

    def table_of(self, roofs, **row):
        body = {"rows": [{**SOLUTION, **row}], "roofs": roofs}
        self.write("vector_add-h200.json", {**BENCHMARK, "body": body})
        self.readme.write_text(f"<!-- benchmark:begin {row['contract']} -->\n<!-- benchmark:end -->\n")
        self.publish()
        return [line for line in self.readme.read_text().splitlines() if line.startswith("|")]

    def test_a_product_in_bf16_has_no_share_of_the_copys_roof(self):
        roofs = {"copy_bytes_per_second": 4.2e12, "fp32_flops": 67e12}
        product = {"contract": "matmul_bf16", "bytes": 1e6, "flops": 1e9, "bytes_per_second": 4.2e10}
        wrong = {**product, "fraction_of_roof": 0.01}
        self.assertTrue(self.table_of(roofs, **wrong)[-1].endswith("| - |"))
        for row in ({**product, "fraction_of_roof": 0.4}, {**wrong, "flops": 1e6}):
            self.assertIn("%", self.table_of(roofs, **row)[-1])
        self.assertIn("%", self.table_of({**roofs, "bf16_flops": 8e14}, **wrong)[-1])

    def test_a_note_on_a_row_stands_below_the_table(self):
        self.table_of({}, contract="vector_add", note="measured before lunch")
        self.assertIn("\n`solution`: measured before lunch.\n", self.readme.read_text())

    def test_a_copy_has_no_column_of_flops(self):
        lines = self.table_of({}, contract="repeat_kv_forward", flops=0.0)
        self.assertEqual(lines[0], "| problem | solution, us | GB/s | of the roof |")
        self.assertEqual(lines[2], "| n=1024 | 2.50 | 4,200 | 98.0% |")

    def test_what_waits_for_the_hosts_link_has_neither_flops_nor_a_roof(self):
        waiting = {"contract": "launch", "flops": 1e4, "flops_per_second": 4e9, "fraction_of_roof": None}
        lines = self.table_of({}, **waiting)
        self.assertEqual(lines[0], "| problem | solution, us | GB/s |")
        self.assertEqual(lines[2], "| n=1024 | 2.50 | 4,200 |")

    def test_a_benchmarks_peer_stands_in_the_same_table(self):
        joined = copy.deepcopy(BENCHMARK)
        joined["body"]["rows"].append(
            {**ROW, "implementation": "pytorch", "seconds": {"median": 3.125e-6}, "speedup": 0.8}
        )
        joined["body"]["peer"] = {"name": "pytorch", "version": "2.11"}
        self.write("vector_add-h200.json", joined)
        self.readme.write_text("<!-- benchmark:begin vector_add -->\n<!-- benchmark:end -->\n")
        self.publish()
        text = self.readme.read_text()
        self.assertIn(
            "| problem | solution, us | GB/s | TFLOP/s | of the roof | vectorized, us | pytorch, us |", text
        )
        self.assertIn("| n=1024 | 2.50 | 4,200 | 0.35 | 98.0% | 2.00 (1.25x) | 3.12 (0.80x) |", text)
        self.assertIn("2026-01-02; PyTorch 2.11. In parentheses: speed-up over `solution`.", text)

    def test_an_implementation_that_did_not_run_a_problem_has_a_dash_there(self):
        joined = copy.deepcopy(BENCHMARK)
        joined["body"]["rows"].append({**SOLUTION, "problem": "n=2048"})
        self.write("vector_add-h200.json", joined)
        self.readme.write_text("<!-- benchmark:begin vector_add -->\n<!-- benchmark:end -->\n")
        self.publish()
        self.assertIn("| n=2048 | 2.50 | 4,200 | 0.35 | 98.0% | - |", self.readme.read_text())

    def test_a_single_implementation_is_compared_with_nothing(self):
        alone = {**BENCHMARK, "body": {"rows": [SOLUTION]}}
        self.write("vector_add-h200.json", alone)
        self.readme.write_text("<!-- benchmark:begin vector_add -->\n<!-- benchmark:end -->\n")
        self.publish()
        self.assertNotIn("parentheses", self.readme.read_text())

    def test_add_copies_the_file_and_what_lies_beside_it(self):
        source = self.root / "journey.json"
        source.write_text(json.dumps(JOURNEY))
        source.with_suffix(".png").write_bytes(b"picture")
        peer = {**JOURNEY, "body": {**JOURNEY["body"], "peer": "pytorch"}}
        (self.root / "journey-pytorch.json").write_text(json.dumps(peer))
        (self.root / "profile_stage_2.csv").write_text("kernel,calls\n")
        self.assertEqual(self.publish("add", str(source), "small-h200")[0], 0)
        names = ["small-h200", "small-h200-pytorch.json", "small-h200.json", "small-h200.png"]
        self.assertEqual(sorted(f.name for f in self.results.iterdir()), names)
        self.assertEqual([f.name for f in (self.results / "small-h200").iterdir()], ["profile_stage_2.csv"])
        self.assertIn("![Speed, loss and phases", self.readme.read_text())
        self.assertIn("310.8", self.readme.read_text())

    def test_refuses_what_cannot_be_traced_or_read(self):
        source = self.root / "journey.json"
        for document, words in (
            ({**JOURNEY, "commit": "abc-dirty"}, "commit first"),
            ({**JOURNEY, "schema_version": 99}, "schema version"),
        ):
            source.write_text(json.dumps(document))
            code, text = self.publish("add", str(source), "x")
            self.assertEqual(code, 2)
            self.assertIn(words, text)
            self.assertEqual(len(text.splitlines()), 1)
        self.write("broken.json", [])
        self.assertEqual(self.publish()[0], 2)


class Quotes(Folder):
    def quoted(self, text, *rows):
        document = {**BENCHMARK, "body": {"rows": [SOLUTION, ROW, *rows]}}
        self.write("vector_add-h200.json", document)
        self.readme.write_text(f"It is <!-- figure {text} -->9.99<!-- end --> times as fast.\n")
        code, words = self.publish()
        return code, words, self.readme.read_text().split("-->")[1].split("<!--")[0]

    def test_a_sentence_quotes_the_table(self):
        larger = [
            {**SOLUTION, "problem": "n=2048", "seconds": {"median": 5.0e-6}},
            {**ROW, "problem": "n=2048", "seconds": {"median": 4.0e-6}, "speedup": 0.77},
        ]
        for text, expected in (
            ("speedup; vector_add; n=1024; vectorized", "1.25"),
            ("speedup; vector_add; *; vectorized", "0.77 to 1.25"),
            ("times; vector_add; n=1024; solution; vectorized", "1.25"),
            ("against; vector_add; n=1024; n=2048; solution", "0.50"),
            ("saved; vector_add; *; vectorized; solution", "20%"),
            ("longer; vector_add; n=1024; vector_add/solution; vectorized", "25%"),
            ("roof; vector_add; n=1024; vectorized", "98%"),
        ):
            self.assertEqual(self.quoted(text, *larger)[::2], (0, expected), text)

    def test_a_quoted_figure_that_was_typed_is_noticed(self):
        self.quoted("speedup; vector_add; n=1024; vectorized")
        self.readme.write_text(self.readme.read_text().replace("1.25", "1.35"))
        self.assertEqual(self.publish("--check")[0], 1)

    def test_a_quote_that_nothing_answers_is_refused(self):
        for text, words in (
            ("speedup; vector_add; n=7; vectorized", "no published problem 'n=7'"),
            ("speedup; vector_add; n=1024; library", "0 published rows"),
            ("loudness; vector_add; n=1024; vectorized", "is no quote"),
            ("times; vector_add; n=1024; vectorized", "missing 1 required"),
        ):
            code, said, _ = self.quoted(text)
            self.assertEqual(code, 2)
            self.assertIn(words, said)


class Numbers(unittest.TestCase):
    def test_three_digits_and_no_exponent(self):
        shown = [markdown.number(value) for value in (2065.4, 310.84, 15.23, 0.8312, 0.0, None)]
        self.assertEqual(shown, ["2,065", "310.8", "15.2", "0.83", "0.00", "-"])


if __name__ == "__main__":
    unittest.main()
