// session_test LEVEL: every rank runs the same tests, in a program that initialises MPI itself.
// With "prepared" as second argument it calls mpx::prepare() first.
#include <gtest/gtest.h>
#include <mpi.h>

#include <cstring>
#include <iostream>
#include <mpx/mpi.hpp>

#include "ranks/session_support.hpp"

bool mpx_session_test::prepared = false;

namespace {

int level_of(const std::string& name) {
  if (name == "single") return MPI_THREAD_SINGLE;
  if (name == "funneled") return MPI_THREAD_FUNNELED;
  if (name == "serialized") return MPI_THREAD_SERIALIZED;
  if (name == "multiple") return MPI_THREAD_MULTIPLE;
  std::cerr << "which level?\n";
  std::exit(2);
}

/// One rank's report is enough to read; failures of all are shown.
struct OnlyFailures : testing::EmptyTestEventListener {
  explicit OnlyFailures(int number) : rank(number) {}
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (!result.failed()) return;
    std::cerr << "rank " << rank << ": " << result.file_name() << ':' << result.line_number()
              << ": " << result.message() << std::endl;
  }
  int rank;
};

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const int wanted = level_of(argc > 1 ? argv[1] : "");
  mpx_session_test::prepared = argc > 2 && std::strcmp(argv[2], "prepared") == 0;
  if (mpx_session_test::prepared) mpx::prepare();
  int provided = -1;
  MPI_Init_thread(&argc, &argv, wanted, &provided);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (provided < wanted) std::cerr << "MPI gives thread level " << provided << " only\n";
  if (rank != 0) {
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new OnlyFailures(rank));
  }
  const int result = RUN_ALL_TESTS();
  MPI_Finalize();
  return result;
}
