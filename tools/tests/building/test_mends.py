"""A build directory that is damaged, in each of the ways that users have met or may meet, builds again."""

import os
import shutil
import subprocess
import unittest
from unittest import mock

from toy import Toy, support
from workbook import build
from workbook.errors import Exit, WorkbookError


def cut(path, share=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


def change(path, old, new):
    text = path.read_text()
    assert old in text, (path, old)
    path.write_text(text.replace(old, new))


def objects(folder):
    return sorted(folder.rglob("*.o"))


def interrupt_configuration(folder):
    (folder / "build.ninja").unlink()
    cut(folder / "CMakeCache.txt")
    for file in (folder / "CMakeFiles").rglob("CMakeCXXCompiler.cmake"):
        cut(file, 0.3)


def empty_compiler_file(folder):
    for file in (folder / "CMakeFiles").rglob("CMakeCXXCompiler.cmake"):
        file.write_text("")
        os.utime(folder.parents[1] / "CMakeLists.txt")  # so that CMake runs again


def folder_in_place_of(path):
    path.unlink()
    path.mkdir()


DAMAGE = {
    "a configuration that was interrupted": interrupt_configuration,
    "an empty build.ninja": lambda f: (f / "build.ninja").write_text(""),
    "a build.ninja that is cut off": lambda f: cut(f / "build.ninja"),
    "no build.ninja": lambda f: (f / "build.ninja").unlink(),
    "nonsense in build.ninja": lambda f: change(f / "build.ninja", "build bin/toy", "bu%ild \0 bin/toy"),
    "an empty rules.ninja": lambda f: (f / "CMakeFiles" / "rules.ninja").write_text(""),
    "a rules.ninja that is cut off": lambda f: cut(f / "CMakeFiles" / "rules.ninja", 0.4),
    "no CMakeFiles": lambda f: shutil.rmtree(f / "CMakeFiles"),
    "nonsense in .ninja_log": lambda f: (f / ".ninja_log").write_bytes(os.urandom(5000)),
    "a .ninja_log that is cut off": lambda f: cut(f / ".ninja_log"),
    "nonsense in .ninja_deps": lambda f: (f / ".ninja_deps").write_bytes(os.urandom(5000)),
    "a .ninja_deps that is cut off": lambda f: cut(f / ".ninja_deps", 0.7),
    "a folder called .ninja_log": lambda f: folder_in_place_of(f / ".ninja_log"),
    "an empty CMakeCache.txt": lambda f: (f / "CMakeCache.txt").write_text(""),
    "nonsense in CMakeCache.txt": lambda f: (f / "CMakeCache.txt").write_bytes(os.urandom(5000)),
    "a cache of another folder": lambda f: change(
        f / "CMakeCache.txt",
        f"CMAKE_HOME_DIRECTORY:INTERNAL={f.parents[1]}",
        "CMAKE_HOME_DIRECTORY:INTERNAL=/x",
    ),
    "a cache of another device": lambda f: change(
        f / "CMakeCache.txt", "WB_DEVICE:STRING=cpu", "WB_DEVICE:STRING=cuda"
    ),
    "a cache of a compiler that is gone": lambda f: change(
        f / "CMakeCache.txt",
        "CMAKE_CXX_COMPILER:",
        "CMAKE_CXX_COMPILER:FILEPATH=/gone/c++\n//CMAKE_CXX_COMPILER:",
    ),
    "a cache of another generator": lambda f: change(
        f / "CMakeCache.txt", "CMAKE_GENERATOR:INTERNAL=Ninja", "CMAKE_GENERATOR:INTERNAL=Unix Makefiles"
    ),
    "an empty description of the compiler": empty_compiler_file,
    "empty objects": lambda f: [path.write_bytes(b"") for path in objects(f)],
    "objects that are cut off": lambda f: [cut(path, 0.8) for path in objects(f)],
    "objects of zeros": lambda f: [path.write_bytes(bytes(path.stat().st_size)) for path in objects(f)],
    "objects of nonsense": lambda f: [path.write_bytes(os.urandom(2000)) for path in objects(f)],
    "an empty library": lambda f: (f / "libpart.a").write_bytes(b""),
    "a library that is cut off": lambda f: cut(f / "libpart.a", 0.3),
    "an empty generated source": lambda f: (f / "simt" / "part.cu.cpp").write_text(""),
    "an empty program": lambda f: (f / "bin" / "toy").write_bytes(b""),
    "a program that is cut off": lambda f: cut(f / "bin" / "toy", 0.9),
    "a program that may not run": lambda f: (f / "bin" / "toy").chmod(0o644),
    "a folder in place of the program": lambda f: folder_in_place_of(f / "bin" / "toy"),
}
# Relinked from what is damaged, since nothing else would read it again.
NEEDS_LINK = ("objects", "library", "source")


class Mends(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.toy = Toy()
        cls.addClassCleanup(cls.toy.remove)
        cls.toy.build()

    def works(self):
        return subprocess.run([self.toy.program]).returncode == 3

    def test_every_kind_of_damage(self):
        self.assertTrue(self.works())
        for name, damage in DAMAGE.items():
            with self.subTest(name):
                damage(self.toy.folder)
                if any(word in name for word in NEEDS_LINK) and self.toy.program.exists():
                    self.toy.program.unlink()
                said = self.toy.build()
                self.assertTrue(self.works(), said)
                self.assertNotIn("FAILED", said)
                told = [line for line in said.splitlines() if "anew" in line or "again" in line]
                self.assertLessEqual(len(told), 1, said)

    def test_a_source_that_does_not_compile_is_no_damage(self):
        source = self.toy.root / "toy.cpp"
        whole = source.read_text()
        self.addCleanup(source.write_text, whole)
        source.write_text("int main() { return 3 }\n")
        with self.assertRaises(WorkbookError) as caught:
            self.toy.build()
        self.assertEqual(caught.exception.code, Exit.BUILD)
        self.assertIn("toy.cpp:1:", caught.exception.details)
        self.assertIn("Mend what the compiler says", str(caught.exception))

    def test_a_file_in_place_of_the_folder_is_named(self):
        shutil.rmtree(self.toy.folder)
        self.toy.folder.write_text("")
        self.addCleanup(self.toy.build)
        self.addCleanup(self.toy.folder.unlink)
        with self.assertRaisesRegex(WorkbookError, "build/cpu is a file where a folder must be"):
            self.toy.build()


class KeepsGoing(unittest.TestCase):
    def test_past_what_does_not_compile(self):
        toy = Toy()
        self.addCleanup(toy.remove)
        with open(toy.root / "CMakeLists.txt", "a") as file:
            file.write("add_executable(bad bad.cpp)\nadd_custom_target(all_of_it DEPENDS bad toy)\n")
        (toy.root / "bad.cpp").write_text("int main() { return 3 }\n")
        with toy.patched(), support.captured() as said:
            build.Build("cpu", 1).build_what_compiles("all_of_it", "all of it")
        self.assertEqual(subprocess.run([toy.program]).returncode, 3)
        self.assertFalse((toy.folder / "bin" / "bad").exists())
        self.assertIn("done but for what does not compile", said.getvalue())


class WithoutCcache(unittest.TestCase):
    def test_one_that_cannot_write_is_left_out(self):
        """As with a HOME that cannot be written: ccache refuses each step, whatever is in the source."""
        toy = Toy()
        self.addCleanup(toy.remove)
        ccache = toy.base / "path" / "ccache"
        ccache.parent.mkdir()
        ccache.write_text(
            '#!/bin/sh\n[ -n "$CCACHE_DISABLE" ] && exec "$@"\n'
            "echo 'ccache: error: Failed to create directory /nowhere: Permission denied' >&2\nexit 1\n"
        )
        ccache.chmod(0o755)
        path = f"{ccache.parent}:{os.environ['PATH']}"
        with mock.patch.dict(os.environ, PATH=path):
            os.environ.pop("CCACHE_DISABLE", None)
            os.environ.pop("CMAKE_CXX_COMPILER_LAUNCHER", None)
            said = toy.build()
        self.assertEqual(said.count("ccache does not work here"), 1, said)
        self.assertNotIn("Mend what the compiler says", said)
        self.assertEqual(subprocess.run([toy.program]).returncode, 3)


class Stops(unittest.TestCase):
    def test_a_template_without_an_end(self):
        toy = Toy()
        self.addCleanup(toy.remove)
        toy.build()
        (toy.root / "toy.cpp").write_text(
            "template <int N, int M> struct Tree { static constexpr int size = 1 + Tree<N - 1, 2 * M>::size "
            "+ Tree<N - 1, 2 * M + 1>::size; };\n"
            "template <int M> struct Tree<0, M> { static constexpr int size = 1; };\n"
            "int part();\nint main() { return part() + Tree<26, 1>::size; }\n"
        )
        with self.assertRaisesRegex(WorkbookError, "a step of it took more than 2 s") as caught:
            toy.build(limit=2.0)
        self.assertEqual(caught.exception.code, Exit.BUILD)
        left = subprocess.run(["pgrep", "-f", str(toy.root)], capture_output=True, text=True).stdout
        self.assertEqual(left, "")


if __name__ == "__main__":
    unittest.main()
