# The Debian packages that the project needs, in one place, and how to get them. Source it.
# shellcheck shell=bash disable=SC2034

mpx_build_packages=(
  g++ cmake ninja-build ccache
  openmpi-bin libopenmpi-dev libboost-mpi-dev libboost-serialization-dev
  libfmt-dev libspdlog-dev libcli11-dev libpng-dev)
mpx_test_packages=(libgtest-dev libgmock-dev python3 gfortran pkg-config environment-modules man-db mandoc
  file dpkg-dev clang-14)
mpx_cluster_packages=(iproute2 openssh-client openssh-server) # for virtual nodes, which take root
mpx_slurm_packages=(slurmctld slurmd slurm-client munge) # on these nodes
mpx_openmpi5_packages=(debootstrap) # for a Debian 13, which takes root
mpx_lint_packages=(clang-format-14 clang-tidy-14 libclang-rt-14-dev)

# mpx_have PACKAGES: makes sure that they are installed. As root on Debian it installs what is
# missing; otherwise it names what is missing, and the script that called it ends with status 1.
mpx_have() {
  if ! command -v dpkg-query >/dev/null; then
    echo "This is not Debian. Needed, by their names there: $*" >&2
    [ "${MPX_SKIP_PACKAGES:-}" = 1 ] && return
    echo "Install them and set MPX_SKIP_PACKAGES=1 to go on." >&2
    exit 1
  fi
  local package missing=()
  for package in "$@"; do
    case $(dpkg-query -W -f '${Status}' "$package" 2>/dev/null) in
      *" installed") ;;
      *) missing+=("$package") ;;
    esac
  done
  [ ${#missing[@]} = 0 ] && return
  if [ "$(id -u)" != 0 ]; then
    echo "Packages are missing: ${missing[*]}" >&2
    echo "Install them with: sudo apt-get install ${missing[*]}" >&2
    exit 1
  fi
  echo "== installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  if ! { apt-get update -qq && apt-get install -qq -y --no-install-recommends "${missing[@]}"; }; then
    echo "apt-get could not install ${missing[*]}; see its message above" >&2
    exit 1
  fi
}

# mpx_allow_root: inside a container one is often root; mpirun then wants to be told.
mpx_allow_root() {
  if [ "$(id -u)" = 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
}
