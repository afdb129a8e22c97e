"""Fetching a text: from a server of the test's own, which also fails in every way that servers do."""

import contextlib
import hashlib
import http.server
import threading
import unittest
from argparse import Namespace
from unittest import mock

import support
from workbook import data
from workbook.errors import Exit, WorkbookError

CONTENT = b"First Citizen:\nBefore we proceed any further, hear me speak.\n" * 3000
TEXT = data.Text("/some/where.txt", "text.txt", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), "a text")


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        self.server.answer(self)

    def log_message(self, *_):
        pass


def send(content, length=None, status=200):
    def answer(handler):
        handler.send_response(status)
        if length is not None:
            handler.send_header("Content-Length", str(length))
        handler.end_headers()
        with contextlib.suppress(OSError):  # the reader may have had enough
            handler.wfile.write(content)

    return answer


@contextlib.contextmanager
def server(answer):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as served:
        served.answer, served.asked = answer, []
        thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            served.shutdown()
            thread.join()


class Fetches(unittest.TestCase):
    def setUp(self):
        self.folder = support.folder_of(self) / "data"
        for patch in (
            mock.patch.object(data, "FOLDER", self.folder),
            mock.patch.object(data, "TEXTS", {"text": TEXT}),
            mock.patch.object(data, "READ_SECONDS", 1.0),
            mock.patch.dict("os.environ", {"no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}),
        ):
            patch.start()
            self.addCleanup(patch.stop)

    @property
    def file(self):
        return self.folder / "text.txt"

    def fetch(self, answer):
        with server(answer) as served, support.captured() as printed:
            address = f"http://127.0.0.1:{served.server_address[1]}"
            code = data.command(Namespace(name="text", url=address, json=False))
            self.asked = served.asked
        return code, printed.getvalue()

    def refused(self, answer, words, code):
        with self.assertRaises(WorkbookError) as raised:
            self.fetch(answer)
        self.assertIn(words, str(raised.exception))
        self.assertNotIn("\n", str(raised.exception))
        self.assertEqual(raised.exception.code, code)
        self.assertEqual(list(self.folder.iterdir()), [], "something was kept")

    def test_writes_the_text_and_says_what_to_do_with_it(self):
        code, printed = self.fetch(send(CONTENT, len(CONTENT)))
        self.assertEqual(code, Exit.OK)
        self.assertEqual(self.file.read_bytes(), CONTENT)
        self.assertEqual(self.asked, ["/some/where.txt"])
        self.assertIn("./workbook train --data", printed)
        self.assertEqual([file.name for file in self.folder.iterdir()], ["text.txt"])

    def test_the_environment_names_another_server(self):
        with server(send(CONTENT)) as served, support.captured():
            address = f"http://127.0.0.1:{served.server_address[1]}/mirror/"
            with mock.patch.dict("os.environ", {data.BASE_VARIABLE: address}):
                data.command(Namespace(name="text", url=None, json=False))
            self.assertEqual(served.asked, ["/mirror/some/where.txt"])

    def test_fetches_nothing_that_is_there(self):
        self.folder.mkdir()
        self.file.write_bytes(CONTENT)
        code, printed = self.fetch(send(b"", status=500))
        self.assertEqual((code, self.asked), (Exit.OK, []))
        self.assertIn("is here already", printed)

    def test_leaves_alone_what_is_not_its_own(self):
        self.folder.mkdir()
        self.file.write_bytes(b"mine")
        with self.assertRaisesRegex(WorkbookError, "with another content; rename or delete it"):
            self.fetch(send(CONTENT))
        self.assertEqual(self.file.read_bytes(), b"mine")

    def test_a_wrong_checksum(self):
        self.refused(send(CONTENT[:-1] + b"!"), "is not the text: sha256", Exit.FAILED)

    def test_a_transfer_that_ends_early(self):
        words = f"ended after 1,000 of {len(CONTENT):,} bytes; nothing was kept; run the same command again"
        self.refused(send(CONTENT[:1000]), words, Exit.FAILED)
        self.refused(send(CONTENT[:1000], len(CONTENT)), words, Exit.FAILED)

    def test_a_text_without_an_end(self):
        def endless(handler):
            handler.send_response(200)
            handler.end_headers()
            with contextlib.suppress(OSError):
                while True:
                    handler.wfile.write(b"x" * 65536)

        self.refused(endless, "is not the text", Exit.FAILED)

    def test_a_server_that_says_no(self):
        words = "the server answered 404 Not Found; without a network copy the text"
        self.refused(send(b"", status=404), words, Exit.SETUP)

    def test_a_server_that_says_nothing(self):
        done = threading.Event()
        try:
            self.refused(lambda _: done.wait(20), "timed out", Exit.SETUP)
        finally:
            done.set()

    def test_a_server_that_speaks_something_else(self):
        self.refused(lambda handler: handler.wfile.write(b"SSH-2.0\r\n\r\n"), "cannot fetch http", Exit.SETUP)

    def test_no_network(self):
        with server(send(b"")) as served:
            address = f"http://127.0.0.1:{served.server_address[1]}"
        with self.assertRaisesRegex(WorkbookError, "Connection refused; without a network copy") as raised:
            data.command(Namespace(name="text", url=address, json=False))
        self.assertEqual(raised.exception.code, Exit.SETUP)

    def test_an_address_that_is_none(self):
        for url in ("ftp://there", "there", "http://"):
            with self.assertRaisesRegex(WorkbookError, "is no address"):
                data.command(Namespace(name="text", url=url, json=False))


class Shakespeare(unittest.TestCase):
    def test_the_command_fetches_into_a_folder_that_git_ignores(self):
        self.assertIn("/data/", (support.ROOT / ".gitignore").read_text().split())
        self.assertEqual(data.FOLDER, support.ROOT / "data")
        self.assertEqual(data.TEXTS["shakespeare"].size, 1115394)


if __name__ == "__main__":
    unittest.main()
