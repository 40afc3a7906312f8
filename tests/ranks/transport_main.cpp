#include <gtest/gtest.h>

#include <memory>

#include "ranks/transport_support.hpp"
#include "transport/mpi_library.hpp"

namespace {
std::unique_ptr<mpx::detail::MpiSession> the_session;
}

mpx::detail::MpiSession& mpx::detail::ranks::session() { return *the_session; }

int main(int argc, char** argv) {
  const mpx::detail::MpiLibrary library(argc, argv);
  ::testing::InitGoogleTest(&argc, argv);
  the_session = std::make_unique<mpx::detail::MpiSession>(library);
  // One rank's report is enough to read; failures of all are shown.
  if (the_session->rank() != 0) {
    auto& listeners = ::testing::UnitTest::GetInstance()->listeners();
    struct Quiet : ::testing::EmptyTestEventListener {
      void OnTestPartResult(const ::testing::TestPartResult& result) override {
        if (result.failed())
          std::cerr << "rank " << the_session->rank() << ": " << result.file_name() << ':'
                    << result.line_number() << ": " << result.message() << std::endl;
      }
    };
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new Quiet);
  }
  const int result = RUN_ALL_TESTS();
  the_session.reset();
  return result;
}
