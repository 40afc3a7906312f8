// Work that is longer than a job may last. Results go to a file as they come; what is there already
// is not computed again. When the job is asked to stop (SIGUSR1 to mpx-run, as with `sbatch
// --signal=B:USR1@60`), tasks that run are finished, others are not begun, and what is left is named:
// the exit status is then 75, and to run the program again goes on. slurm/drain.sbatch does so.
//
//   mpx-run ./20_drain [results.txt [tasks [seconds for each]]]    default: drain.txt 100 0.1

#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mpx/mpx.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <utility>

namespace {

constexpr int try_again = 75;  // EX_TEMPFAIL of sysexits.h

/// In place of a computation. Nothing: the job is to stop, so the task was not begun.
std::optional<long> square(long task, double seconds) {
  if (mpx::stop_requested()) return std::nullopt;
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  return task * task;
}

/// The tasks whose results are in the file. A last line without its end was being written when an
/// earlier job died; it is cut off.
std::set<long> done_before(const std::string& path) {
  std::ifstream file(path);
  std::set<long> done;
  std::uintmax_t whole = 0;
  std::string line;
  while (std::getline(file, line) && !file.eof()) {
    done.insert(std::stol(line));
    whole += line.size() + 1;
  }
  if (!line.empty() && file.eof()) std::filesystem::resize_file(path, whole);
  return done;
}

/// "3, 5-9, 12"
std::string ranges(const std::set<long>& numbers) {
  std::string text;
  for (auto first = numbers.begin(); first != numbers.end();) {
    auto last = first;
    auto next = std::next(first);
    while (next != numbers.end() && *next == *last + 1) last = next++;
    text += (text.empty() ? "" : ", ") + std::to_string(*first);
    if (last != first) text += "-" + std::to_string(*last);
    first = next;
  }
  return text;
}

int body(std::span<char*> arguments) {
  const std::string path = arguments.empty() ? "drain.txt" : arguments[0];
  const long tasks = arguments.size() > 1 ? std::atol(arguments[1]) : 100;
  const double seconds = arguments.size() > 2 ? std::atof(arguments[2]) : 0.1;

  std::set<long> left;
  const auto done = done_before(path);
  for (long task = 0; task < tasks; ++task) {
    if (!done.contains(task)) left.insert(task);
  }
  std::cout << done.size() << " results were there, " << left.size() << " tasks to do" << std::endl;
  std::ofstream results(path, std::ios::app);
  mpx::Pool pool;

  // Twice as many tasks as processes are in the pool at a time: enough that none is ever idle.
  std::deque<std::pair<long, mpx::AsyncResult<std::optional<long>>>> running;
  auto next = left.begin();
  while (!running.empty() || (next != left.end() && !mpx::stop_requested())) {
    if (next != left.end() && running.size() < 2 * mpx::cpu_count() && !mpx::stop_requested()) {
      running.emplace_back(*next, pool.apply_async(square, *next, seconds));
      ++next;
      continue;
    }
    auto [task, result] = running.front();
    running.pop_front();
    if (const auto value = result.get()) {
      results << task << ' ' << *value << std::endl;
      left.erase(task);
    }
  }

  if (!results) {
    std::cerr << "cannot write " << path << '\n';
    return 1;
  }
  if (!left.empty()) {
    std::cout << "asked to stop; unfinished: " << ranges(left) << std::endl;
    return try_again;
  }
  std::cout << "all " << tasks << " results are there" << std::endl;
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return mpx::run(argc, argv, body); }
