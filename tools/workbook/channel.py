"""The channel on which a test program hands over its report (common/harness/verdict.h).

An anonymous file that holds a secret. The harness takes the secret out before any of the student's code runs.
After the last test it writes the secret again, and the report after it. A report without the secret is
somebody else's.
"""

from __future__ import annotations

import os
import secrets
import tempfile

SECRET_BYTES = 64
REPORT_BYTES = 64 * 1024 * 1024

# What steers GoogleTest, the harness or the loader. SIMT_ORDER and the like stay: a student may choose.
STEERING = ("GTEST_", "TESTBRIDGE_", "TEST_", "XML_OUTPUT_FILE", "LD_PRELOAD", "LD_AUDIT", "WB_")
KEPT = ("WB_COMMIT",)


class Channel:
    """`with Channel() as channel`: start the program with `environment` and `pass_fds`, then `read`."""

    def __enter__(self) -> Channel:
        if hasattr(os, "memfd_create"):
            self._file = os.fdopen(os.memfd_create("verdict", 0), "r+b", buffering=0)
        else:
            self._file = tempfile.TemporaryFile(buffering=0)
        self._secret = secrets.token_hex(SECRET_BYTES // 2).encode()
        self._file.write(self._secret)
        return self

    def __exit__(self, *_) -> None:
        self._file.close()

    @property
    def pass_fds(self) -> tuple:
        return (self._file.fileno(),)

    def environment(self, present: dict) -> dict:
        """`present` without what steers a test program, and with the channel."""
        kept = {
            name: value for name, value in present.items() if name in KEPT or not name.startswith(STEERING)
        }
        return {**kept, "WB_VERDICT_FD": str(self._file.fileno())}

    def read(self) -> tuple:
        """(the report or None, whether something else was written). After the program's end."""
        self._file.seek(0)
        data = self._file.read(SECRET_BYTES + REPORT_BYTES)
        if data in (b"", self._secret):
            return None, False
        if not data.startswith(self._secret):
            return None, True
        return data[SECRET_BYTES:].decode(errors="replace"), False
