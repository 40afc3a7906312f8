// Random programs of puts, gets, sends, closes and kills on the ranks of this job, against a model.
//
// MPX_TEST_SEED      the seed of the first program (1); "clock": another one each time
// MPX_TEST_PROGRAMS  how many (as many as there is time for)
// MPX_TEST_SECONDS   no further program begins then (8)
// MPX_TEST_OMIT      features to leave out, "kill,pipes"
// MPX_TEST_FAULTS    programs that may fail before it gives up (3)
// MPX_TEST_LOG       bytes of what was done that a failure shows (20000)
//
// A failure says what contradicts the model, and how to run that program alone.

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mpx/mpx.hpp>
#include <string>

#include "ranks/random/program.hpp"
#include "ranks/random/trial.hpp"

namespace {

std::string setting(const char* variable, const char* otherwise) {
  const char* const text = std::getenv(variable);
  return text != nullptr ? text : otherwise;
}

/// A log may have thousands of lines.
std::string ending(const std::string& log, std::size_t most) {
  return log.size() <= most ? log : "  …\n" + log.substr(log.find('\n', log.size() - most) + 1);
}

int try_programs() {
  using Clock = std::chrono::steady_clock;
  const auto text = setting("MPX_TEST_SEED", "1");
  const auto first = text == "clock"
                         ? static_cast<std::uint64_t>(
                               std::chrono::system_clock::now().time_since_epoch().count() / 1000)
                         : std::stoull(text);
  const auto count = std::stoull(setting("MPX_TEST_PROGRAMS", "1000000"));
  const auto end = Clock::now() + std::chrono::seconds(std::stol(setting("MPX_TEST_SECONDS", "8")));
  const auto omitted = setting("MPX_TEST_OMIT", "");
  const auto omit = mpx_random::features_of(omitted);
  const auto ranks = std::stoi(setting("OMPI_COMM_WORLD_SIZE", "1"));
  const auto allowed = std::stoull(setting("MPX_TEST_FAULTS", "3"));
  const auto shown = std::stoull(setting("MPX_TEST_LOG", "20000"));
  unsigned long long tried = 0, failed = 0;
  std::fprintf(stderr, "programs from MPX_TEST_SEED=%llu on, on %d ranks\n",
               static_cast<unsigned long long>(first), ranks);
  for (; tried < count && failed < allowed && Clock::now() < end; ++tried) {
    const auto seed = first + tried;
    std::fprintf(stderr, "%llu\n", static_cast<unsigned long long>(seed));
    const auto verdict = mpx_random::try_program(seed, omit, ranks);
    if (verdict.faults.empty()) continue;
    ++failed;
    auto report = fmt::format("FAILED: again: MPX_TEST_SEED={} MPX_TEST_PROGRAMS=1{} on {} ranks\n",
                              seed, omitted.empty() ? "" : " MPX_TEST_OMIT=" + omitted, ranks);
    report += listing(mpx_random::draw(seed, omit, ranks)) + ending(verdict.log, shown);
    for (const auto& fault : verdict.faults) report += "FAULT: " + fault + "\n";
    std::fputs(report.c_str(), stderr);
  }
  std::fprintf(stderr, "%llu programs, %llu failed\n", tried, failed);
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [] { return try_programs(); });
}
