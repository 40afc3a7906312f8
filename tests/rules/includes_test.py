#!/usr/bin/env python3
"""Shows that includes.py finds what it is there to find."""

import pathlib
import tempfile
import unittest

import includes


class Includes(unittest.TestCase):
    def problems(self, files):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name, text in files.items():
                path = root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            return includes.check(root)

    def test_pointing_down_and_sideways_is_allowed(self):
        self.assertEqual([], self.problems({
            "libmpx/src/pool/a.hpp": '#include "core/b.hpp"\n#include "process/c.hpp"\n',
            "libmpx/src/transport/d.hpp": "#include <mpi.h>\n#include <boost/mpi/environment.hpp>\n",
            "libmpx/include/mpx/mpi.hpp": "#include <mpi.h>\n",
        }))

    def test_pointing_up_is_found(self):
        problems = self.problems({"libmpx/src/core/a.cpp": '#include "runtime/b.hpp"\n'})
        self.assertIn("core/ lies below runtime/", problems[0])

    def test_mpi_outside_transport_is_found(self):
        for name in ("libmpx/src/runtime/a.cpp", "libmpx/include/mpx/queue.hpp", "runner/a.cpp"):
            for header in ("mpi.h", "boost/mpi.hpp", "boost/mpi/request.hpp"):
                self.assertEqual(1, len(self.problems({name: f"#include <{header}>\n"})), name)

    def test_the_probe_that_mpx_run_starts_may_use_the_library(self):
        self.assertEqual([], self.problems({"runner/probe.cpp": "#include <mpx/mpx.hpp>\n"}))

    def test_a_public_header_that_includes_a_private_one_is_found(self):
        problems = self.problems({"libmpx/include/mpx/a.hpp": '#include "core/b.hpp"\n'})
        self.assertIn("public headers only", problems[0])

    def test_a_container_that_a_debug_build_would_change_is_found(self):
        problems = self.problems({
            "libmpx/include/mpx/detail/a.hpp": "stable::deque<int> a;  // no std::deque<int>\n",
            "libmpx/include/mpx/detail/b.hpp": "\nstd::unordered_map<int, int> b;\n",
            "libmpx/include/mpx/detail/codec_c.hpp": "std::vector<int> c;\n",
            "libmpx/include/mpx/d.hpp": "std::vector<int> d;\n",
        })
        self.assertEqual(1, len(problems), problems)
        self.assertIn("b.hpp:2: std::unordered_map<…>", problems[0])

    def test_a_cycle_is_found(self):
        problems = self.problems({
            "libmpx/src/core/a.hpp": '#include "core/b.hpp"\n',
            "libmpx/src/core/b.hpp": '#include "core/a.hpp"\n',
        })
        self.assertIn("a -> b -> a", problems[0])

    def test_a_cycle_through_a_header_and_its_source_is_found(self):
        problems = self.problems({
            "libmpx/src/core/a.hpp": "",
            "libmpx/src/core/a.cpp": '#include "core/a.hpp"\n#include "core/b.hpp"\n',
            "libmpx/src/core/b.hpp": '#include "core/a.hpp"\n',
        })
        self.assertIn("a -> b -> a", problems[0])

    def test_a_server_seen_from_above_is_found(self):
        for header in ("homes/end_home.hpp", "processes/supervisor.hpp"):
            problems = self.problems({"libmpx/src/objects/a.cpp": f'#include "{header}"\n'})
            self.assertIn("no server", problems[0])
        self.assertEqual([], self.problems({
            "libmpx/src/process/a.cpp": '#include "processes/stop_signal.hpp"\n',
            "libmpx/src/runtime/a.cpp": '#include "homes/end_home.hpp"\n'}))


if __name__ == "__main__":
    unittest.main()
