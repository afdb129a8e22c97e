import os
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import support
from workbook import machine, packages, python_env, setup
from workbook.errors import Exit, WorkbookError
from workbook.packages import Package


def package(name, present=False, **more):
    return Package(name, f"for {name}", lambda: present, apt=(f"lib{name}-dev",), **more)


class WhatIsNeeded(unittest.TestCase):
    def names(self, device, plots=False):
        return [p.name for p in packages.needed(device, plots)]

    def test_the_cuda_device_needs_no_boost_and_no_openblas(self):
        self.assertNotIn("Boost.Context", self.names("cuda"))
        self.assertNotIn("OpenBLAS", self.names("cuda"))
        self.assertIn("Boost.Context", self.names("cpu"))

    def test_matplotlib_only_for_plots(self):
        self.assertNotIn("matplotlib", self.names("cpu"))
        self.assertIn("matplotlib", self.names("cpu", plots=True))

    def test_finds_a_cmake_package_in_a_prefix(self):
        with tempfile.TemporaryDirectory() as folder:
            with mock.patch.dict(os.environ, {"CMAKE_PREFIX_PATH": folder, "PATH": ""}):
                self.assertFalse(packages.has_cmake_config("Unheard"))
                config = Path(folder) / "lib" / "cmake" / "Unheard-1.2"
                config.mkdir(parents=True)
                (config / "UnheardConfig.cmake").touch()
                self.assertTrue(packages.has_cmake_config("Unheard"))

    def test_every_package_can_be_named_to_every_package_manager(self):
        for p in packages.PACKAGES:
            self.assertTrue(p.apt and p.dnf and p.pacman, p.name)

    def test_the_command_is_one_that_a_person_can_type(self):
        with mock.patch.object(packages.shutil, "which", lambda name: name if name == "apt-get" else None):
            with mock.patch.object(packages.os, "geteuid", return_value=1000):
                command = packages.install_command([package("fmt"), package("x")])
        self.assertEqual(command, "sudo apt-get install --no-install-recommends libfmt-dev libx-dev")


class Ensure(unittest.TestCase):
    """ensure() against machines that lack this or that; nothing is really installed."""

    def run_on(self, absent, rights=None, programs=("apt-get",), apt=None, pip="no network", built=False):
        which = lambda name: f"/usr/bin/{name}" if name in programs else None  # noqa: E731
        with (
            mock.patch.object(setup.packages, "missing", return_value=absent),
            mock.patch.object(setup, "is_configured", return_value=built),
            mock.patch.object(machine, "root_prefix", return_value=rights),
            mock.patch.object(setup.shutil, "which", which),
            mock.patch.object(python_env, "install_in_venv", return_value=pip),
            mock.patch.object(setup, "apt", apt or self.fail),
            support.captured() as text,
        ):
            setup.ensure("cpu", plots=True)
        return text.getvalue()

    def test_with_everything_here_it_does_and_says_nothing(self):
        self.assertEqual(self.run_on([], rights=()), "")

    def test_without_rights_it_prints_the_command_and_fails(self):
        with self.assertRaises(WorkbookError) as caught:
            self.run_on([package("openblas"), package("fmt", fetched=True)])
        self.assertEqual(caught.exception.code, Exit.SETUP)
        self.assertIn("libopenblas-dev libfmt-dev", str(caught.exception))
        self.assertEqual(len(str(caught.exception).splitlines()), 1)

    def test_what_cmake_downloads_is_no_failure(self):
        text = self.run_on([package("fmt", fetched=True)])
        self.assertIn("CMake will download", text)

    def test_what_cmake_has_downloaded_is_not_asked_for_again(self):
        self.assertEqual(self.run_on([package("fmt", fetched=True)], rights=(), built=True), "")

    def test_no_matplotlib_is_a_warning(self):
        text = self.run_on([package("matplotlib", optional=True)])
        self.assertIn("there will be no plots", text)
        self.assertIn("libmatplotlib-dev", text)

    def test_make_stands_in_for_ninja(self):
        text = self.run_on([package("Ninja")], programs=("apt-get", "make"))
        self.assertIn("Building with Make", text)
        with self.assertRaises(WorkbookError):
            self.run_on([package("Ninja")], programs=("apt-get",))

    def test_says_what_it_installs(self):
        calls = []
        there = []
        wanted = Package("fmt", "printing", lambda: bool(there), apt=("libfmt-dev",))

        def apt(_title, arguments):
            calls.append(arguments)
            if "install" in arguments:
                there.append(True)
            return 0, ""

        text = self.run_on([wanted], rights=(), apt=apt)
        self.assertIn("Installing with apt-get: libfmt-dev", text)
        self.assertIn(["install", "--no-install-recommends", "libfmt-dev"], calls)

    def test_a_failing_apt_shows_its_words(self):
        with self.assertRaises(WorkbookError) as caught:
            self.run_on([package("openblas")], rights=(), apt=lambda *_: (100, "E: disk is full"))
        self.assertEqual(caught.exception.details, "E: disk is full")

    def test_leaves_out_what_the_archive_lacks(self):
        tried = []

        def apt(_title, arguments):
            if "install" not in arguments:
                return 0, ""
            tried.append(arguments[2:])
            return (100, "E: Unable to locate package libnew-dev") if "libnew-dev" in arguments else (0, "")

        with mock.patch.object(setup, "apt", apt), support.captured():
            self.assertEqual(setup.install_with_apt(["libfmt-dev", "libnew-dev"]), "")
        self.assertEqual(tried[-1], ["libfmt-dev"])


class Versions(unittest.TestCase):
    def test_reads_versions_as_programs_print_them(self):
        self.assertEqual(machine.parse_version("cmake version 3.25.1"), (3, 25, 1))
        self.assertEqual(machine.parse_version("release 13.0, V13.0.88"), (13, 0))
        self.assertEqual(machine.parse_version("nothing"), ())

    def test_the_distributions_own_number_is_not_the_compilers(self):
        text = "g++ (Debian 9.9.0-14+deb12u1) 12.2.0\nCopyright"
        with mock.patch.object(machine.process, "quiet", return_value=(0, text)):
            self.assertEqual(machine.compiler_facts("g++"), ("gcc", (12, 2, 0)))

    def test_old_compilers_are_refused(self):
        self.assertTrue(machine.compiler_is_new_enough("gcc", (12, 2, 0)))
        self.assertFalse(machine.compiler_is_new_enough("gcc", (11, 4, 0)))
        self.assertFalse(machine.compiler_is_new_enough("clang", (13, 0)))
        self.assertFalse(machine.compiler_is_new_enough(None, ()))


if __name__ == "__main__":
    unittest.main()
