# The environment of tests that call mpirun: more ranks than cores, none of them bound, also as root;
# in the words of Open MPI 4 (OMPI_MCA) and of Open MPI 5 (PRTE_MCA).
set(mpx_mpirun_environment
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
  PRTE_MCA_rmaps_default_mapping_policy=slot:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none)

set(mpx_open_mpi_major 4)
file(STRINGS ${MPI_CXX_HEADER_DIR}/mpi.h version REGEX "^#define OMPI_MAJOR_VERSION +[0-9]+")
if(version MATCHES "([0-9]+)$")
  set(mpx_open_mpi_major ${CMAKE_MATCH_1})
endif()
