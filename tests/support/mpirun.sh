# For tests that call mpirun: more ranks than cores, none of them bound, also as root; in the words of
# Open MPI 4 (OMPI_MCA) and of Open MPI 5 (PRTE_MCA). Source it.
# shellcheck shell=bash
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_hwloc_base_binding_policy=none
export PRTE_MCA_rmaps_default_mapping_policy=slot:oversubscribe PRTE_MCA_hwloc_default_binding_policy=none
