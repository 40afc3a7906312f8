# cpack: a Debian package of the library, mpx-run and their documents.

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libmpx-dev)
if(NOT CPACK_PACKAGE_CONTACT)  # who makes the package says who that is
  set(CPACK_PACKAGE_CONTACT "The libmpx developers <libmpx@localhost>")
endif()
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Python's multiprocessing for clusters, in C++ on MPI")
set(CPACK_PACKAGE_DESCRIPTION
"libmpx gives the programs of a cluster processes, pipes, queues, locks, shared
values and pools, over all ranks of an MPI job.
.
This package has the library, its headers, mpx-run, which starts programs on
the cores of one machine or of many, and examples.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/../packaging/debian/policy.cmake)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)  # of mpx-run; and of libmpx.so, where it is shared
# What programs that use it compile and link with.
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libboost-serialization-dev (>= 1.74)")
if(NOT BUILD_SHARED_LIBS)
  string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS
    ", libboost-mpi-dev (>= 1.74), libfmt-dev, libopenmpi-dev, libspdlog-dev")
endif()
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "g++, libopenmpi-dev, openmpi-bin")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "bash-completion, cmake, pkg-config")

include(CPack)
