"""`check` where nobody reads what it prints."""

import json
import os
import subprocess
import sys
import unittest

import support
from test_check import REPORT


class WhereNobodyReads(unittest.TestCase):
    def test_the_exit_code_is_that_of_the_check(self):
        """`./workbook check 01 | head -1`: a failing test program behind a pipe whose reader has gone."""
        script = (
            f"import sys; sys.path.insert(0, {str(support.ROOT / 'tools')!r})\n"
            "from unittest import mock\n"
            "from workbook import build, chapters, check, cli, inspection, test_run\n"
            f"outcome = test_run.read_report({json.dumps(REPORT)!r})\n"
            "with mock.patch.object(build.Build, 'configure'), mock.patch.object(build.Build, 'build'), "
            "mock.patch('workbook.setup.ensure'), mock.patch.object(cli, 'require_places'), "
            "mock.patch.object(check, 'examine', lambda *_: (outcome, inspection.Inspection())), "
            "mock.patch.object(chapters.Exercise, 'remember') as remember:\n"
            "    code = cli.main(['check', '01', '--device', 'cpu'])\n"
            "sys.exit(code if remember.called else 77)\n"
        )
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [sys.executable, "-S", "-c", script], stdout=writing, stderr=subprocess.PIPE, text=True
        )
        os.close(writing)
        self.assertEqual((done.returncode, done.stderr), (1, ""))


if __name__ == "__main__":
    unittest.main()
