// Sessions that go wrong; session_survive_test.sh says what is expected.
#include <mpi.h>

#include <cstring>
#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>
#include <stdexcept>

namespace {

void throw_on_rank_1() {
  mpx::Session session(MPI_COMM_WORLD);
  if (session.rank() == 1) throw std::runtime_error("no input file");
  if (session.rank() != 0) return session.serve();
  mpx::Queue<int>().get();  // from rank 1, which will never put
}

void outlive_mpi() {
  const mpx::Session session(MPI_COMM_WORLD);
  MPI_Finalize();
}

}  // namespace

int main(int argc, char** argv) {
  const char* mode = argc > 1 ? argv[1] : "";
  if (std::strcmp(mode, "no-mpi") == 0) {
    try {
      const mpx::Session session(MPI_COMM_WORLD);
    } catch (const mpx::UsageError& error) {
      std::puts(error.what());
    }
    return 0;
  }
  MPI_Init(&argc, &argv);
  if (std::strcmp(mode, "throw") == 0) {
    try {
      throw_on_rank_1();
    } catch (const std::exception&) {
    }
  }
  if (std::strcmp(mode, "outlive") == 0) {
    outlive_mpi();
    return 0;
  }
  MPI_Finalize();
}
