"""A workbook of three files for tests that build: a generated source, a library, a program."""

import contextlib
import json
import shutil
import sys
import tempfile
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import support
from workbook import build, errors, machine, packages

CMAKE = """cmake_minimum_required(VERSION 3.24)
project(toy CXX)
set(WB_DEVICE cpu CACHE STRING "")
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(generated ${PROJECT_BINARY_DIR}/simt/part.cu.cpp)
add_custom_command(
  OUTPUT ${generated} COMMAND ${CMAKE_COMMAND} -E copy ${PROJECT_SOURCE_DIR}/part.cu ${generated}
  DEPENDS ${PROJECT_SOURCE_DIR}/part.cu VERBATIM)
add_library(part STATIC ${generated})
add_executable(toy toy.cpp)
target_link_libraries(toy PRIVATE part)
"""
PRESETS = {
    "version": 6,
    "configurePresets": [
        {
            "name": "cpu",
            "generator": "Ninja",
            "binaryDir": "${sourceDir}/build/cpu",
            # Forced: CMake does not try the compiler whenever the folder is built anew.
            "cacheVariables": {"WB_DEVICE": "cpu", "CMAKE_CXX_COMPILER_FORCED": "ON"},
        }
    ],
}


class Toy:
    """The files, and the workbook's own Build on them."""

    def __init__(self, name="toy"):
        self.base = Path(tempfile.mkdtemp(prefix="wb_toy_"))
        self.root = self.base / name
        self.root.mkdir()
        (self.root / "CMakeLists.txt").write_text(CMAKE)
        (self.root / "CMakePresets.json").write_text(json.dumps(PRESETS))
        (self.root / "part.cu").write_text("int part() { return 3; }\n")
        (self.root / "toy.cpp").write_text("int part();\nint main() { return part(); }\n")
        self.folder = self.root / "build" / "cpu"
        self.program = self.folder / "bin" / "toy"

    def remove(self):
        shutil.rmtree(self.base, ignore_errors=True)

    @contextlib.contextmanager
    def patched(self):
        with contextlib.ExitStack() as stack:
            for module in (build, errors, machine):
                stack.enter_context(mock.patch.object(module, "ROOT", self.root))
            stack.enter_context(mock.patch.object(packages, "missing", lambda *_: []))
            yield

    def build(self, limit=300.0):
        """Its words."""
        with self.patched(), support.captured() as said:
            made = build.Build("cpu", 2)
            made.configure()
            made.build(["toy"], "toy", limit)
        return said.getvalue()
