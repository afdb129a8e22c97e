"""All unit tests of the workbook command in two processes: one runs the tests that mostly wait.

    python3 tools/tests/suite.py

`python3 -m unittest discover --start-directory tools/tests` runs the same tests one after another.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
WAITING = {"test_check", "test_data", "test_process", "test_watch"}  # for time limits, for a terminal


def main() -> int:
    names = {path.stem for path in HERE.glob("test_*.py")}
    codes = []
    with tempfile.TemporaryFile() as said:
        command = [sys.executable, "-m", "unittest"]
        waiting = subprocess.Popen([*command, *sorted(WAITING)], cwd=HERE, stdout=said, stderr=said)
        try:
            codes.append(subprocess.run([*command, *sorted(names - WAITING)], cwd=HERE).returncode)
            codes.append(waiting.wait())
        finally:
            waiting.kill()  # where this process is interrupted
        said.seek(0)
        print(said.read().decode(errors="replace"), flush=True)
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
