"""Spack recipe of libmpx: spack repo add libmpx/packaging/spack; spack install mpx."""

import pathlib

from spack.package import *


class Mpx(CMakePackage):
    """Python's multiprocessing for clusters, in C++ on MPI."""

    # The sources that this recipe came with; a site that mirrors them puts its own address here.
    git = "file://" + str(pathlib.Path(__file__).resolve().parents[5])

    license("Apache-2.0")

    version("main", branch="main")

    variant("shared", default=True, description="Build a shared library")
    variant("runner", default=True, description="Build mpx-run")

    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("mpi")
    depends_on("boost@1.74: +mpi+serialization")
    depends_on("fmt@9:")
    depends_on("spdlog@1.10: +shared fmt=external")
    depends_on("cli11@2:", type="build", when="+runner")

    requires("^[virtuals=mpi] openmpi@4.1:", msg="libmpx is tested with Open MPI alone")
    conflicts("%gcc@:11", msg="libmpx needs C++20 as g++ 12 has it")

    def cmake_args(self):
        return [
            self.define_from_variant("BUILD_SHARED_LIBS", "shared"),
            self.define_from_variant("MPX_BUILD_RUNNER", "runner"),
            self.define("MPX_BUILD_TESTS", False),
            self.define("MPX_BUILD_EXAMPLES", False),
            self.define("MPX_BUILD_BENCHMARKS", False),
        ]
