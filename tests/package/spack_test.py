#!/usr/bin/env python3
"""Checks the Spack recipe against the sources, with a pretended spack.

usage: spack_test.py ROOT
"""

import pathlib
import re
import sys
import types
import unittest

ROOT = pathlib.Path(sys.argv.pop())
SPACK = ROOT / "libmpx/packaging/spack"
# What Spack calls the packages that find_package looks for.
NAMES = {"Threads": None, "MPI": "mpi", "Boost": "boost", "fmt": "fmt", "spdlog": "spdlog", "CLI11": "cli11"}


class Recipe:
    """Runs the recipe with directives that only take notes."""

    def __init__(self):
        self.calls = []
        module = types.ModuleType("spack.package")

        def directive(name):
            def note(*arguments, **options):
                self.calls.append((name, arguments, options))
            return note

        names = ["version", "variant", "depends_on", "license", "maintainers", "requires", "conflicts"]
        for name in names:
            setattr(module, name, directive(name))
        module.CMakePackage = type("CMakePackage", (), {
            "define": lambda self, name, value: (name, value),
            "define_from_variant": lambda self, name, variant=None: (name, variant)})
        module.__all__ = names + ["CMakePackage"]
        sys.modules["spack"] = types.ModuleType("spack")
        sys.modules["spack.package"] = module
        path = SPACK / "packages/mpx/package.py"
        scope = {"__name__": "recipe", "__file__": str(path)}
        exec(compile(path.read_text(), path, "exec"), scope)
        self.package = scope["Mpx"]

    def first(self, name):
        return [arguments[0] for call, arguments, _ in self.calls if call == name]


class SpackRecipe(unittest.TestCase):
    def setUp(self):
        self.recipe = Recipe()
        self.cmake = "\n".join(
            (ROOT / name).read_text()
            for name in ["CMakeLists.txt", "libmpx/cmake/MpxSettings.cmake", "runner/CMakeLists.txt"])

    def test_it_lies_in_a_repository(self):
        self.assertRegex((SPACK / "repo.yaml").read_text(), r"namespace: *mpx")

    def test_versions_have_a_source(self):
        source = getattr(self.recipe.package, "git", None)
        self.assertTrue(source)
        self.assertTrue((pathlib.Path(source.removeprefix("file://")) / "CMakeLists.txt").exists())
        self.assertTrue(self.recipe.first("version"))

    def test_every_package_that_cmake_finds_is_a_dependency(self):
        wanted = re.findall(r"find_package\((\w+)[^)]*REQUIRED", self.cmake)
        depends = [re.split(r"[@+~ ]", spec)[0] for spec in self.recipe.first("depends_on")]
        for name in {NAMES[name] for name in wanted} - {None}:
            self.assertIn(name, depends)

    def test_components_of_boost(self):
        components = re.search(r"Boost [0-9.]+ REQUIRED COMPONENTS ([\w ]+)", self.cmake).group(1)
        boost = [s for s in self.recipe.first("depends_on") if s.startswith("boost")]
        for component in components.split():
            self.assertTrue(any(f"+{component}" in spec for spec in boost), component)

    def test_every_option_given_to_cmake_exists(self):
        package = self.recipe.package()
        parts = re.search(r"foreach\(part ([A-Z ]+)\)", self.cmake).group(1).split()
        known = {"BUILD_SHARED_LIBS"} | {f"MPX_BUILD_{part}" for part in parts}
        given = dict(package.cmake_args())
        self.assertLessEqual(set(given), known)
        self.assertLessEqual({f"MPX_BUILD_{part}" for part in parts}, set(given))
        variants = set(self.recipe.first("variant"))
        for name, variant in given.items():
            self.assertTrue(isinstance(variant, bool) or variant in variants, name)

    def test_cmake_version(self):
        least = re.search(r"cmake_minimum_required\(VERSION ([0-9.]+)\)", self.cmake).group(1)
        self.assertIn(f"cmake@{least}:", self.recipe.first("depends_on"))


if __name__ == "__main__":
    unittest.main()
