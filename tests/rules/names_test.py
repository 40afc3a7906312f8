#!/usr/bin/env python3
"""Shows that names.py finds what .clang-tidy forbids."""

import pathlib
import sys
import tempfile
import unittest

import names

CONFIG = pathlib.Path(__file__).resolve().parents[2] / ".clang-tidy"

GOOD = """
#define MPX_MACRO 1
namespace mpx::detail {
constexpr int kLimit = 1;
enum class Colour { red };
template <class T>
struct Named {
  T value;
  static constexpr int count = 1;
};
class Counter {
 public:
  int next_value(int step_size) { return value_ += step_size; }
 private:
  int value_ = 0;
};
}  // namespace mpx::detail
"""

BAD = {
    "lower_class": "class lower_class {};",
    "lower_struct": "struct lower_struct {};",
    "lower_enum": "enum class lower_enum { one };",
    "Constant": "enum class Colour { Constant };",
    "camelFunction": "void camelFunction();",
    "CamelMethod": "struct Thing { void CamelMethod(); };",
    "Parameter": "void function(int Parameter);",
    "local": "class Thing { int local = 0; };",
    "Member": "struct Thing { int Member; };",
    "camelVariable": "inline int camelVariable = 0;",
    "Space": "namespace Space {}",
    "lower_parameter": "template <class lower_parameter> void function();",
    "LIMIT": "constexpr int LIMIT = 1;",
    "lower_macro": "#define lower_macro 1",
}


class Names(unittest.TestCase):
    def problems(self, text):
        with tempfile.TemporaryDirectory() as folder:
            header = pathlib.Path(folder) / "libmpx" / "thing.hpp"
            header.parent.mkdir()
            header.write_text(text)
            unit = pathlib.Path(folder) / "unit.cpp"
            unit.write_text(f'#include "{header}"\n')
            return names.problems(names.find_tool(), CONFIG, unit, ["-std=c++20"])

    def test_the_names_of_the_convention_are_allowed(self):
        self.assertEqual([], self.problems(GOOD))

    def test_every_wrong_name_is_found(self):
        for name, text in BAD.items():
            found = self.problems(text + "\n")
            self.assertEqual(1, len(found), f"{text}: {found}")
            self.assertIn(f"'{name}'", found[0])

    def test_what_does_not_compile_is_found(self):
        self.assertIn("Unknown", self.problems("Unknown thing;\n")[0])


if __name__ == "__main__":
    if not names.find_tool():
        print("clang-tidy is missing: names not checked")
        sys.exit(names.SKIPPED)
    unittest.main()
