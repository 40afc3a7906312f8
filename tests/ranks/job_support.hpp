#pragma once

#include <cstdlib>
#include <string>

namespace mpx_job_test {

/// `on_one_node`, or a tenth of it where the ranks are on several: there every operation on a word
/// of another rank takes as long as that rank sleeps.
inline int repeats(int on_one_node) {
  const auto number = [](const char* variable) {
    const char* text = std::getenv(variable);
    return text != nullptr ? std::stoi(text) : 1;
  };
  const bool one_node = number("OMPI_COMM_WORLD_LOCAL_SIZE") == number("OMPI_COMM_WORLD_SIZE");
  return one_node ? on_one_node : on_one_node / 10;
}

}  // namespace mpx_job_test
