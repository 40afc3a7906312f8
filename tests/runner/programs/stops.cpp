// A libmpx program for mpx-run's tests: "drain" stops when it is asked to, "stubborn" does not,
// "slots N" says what N processes at once were told of their slots, "print N" has two of them print N
// long lines each.

#include <sched.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <mpx/mpx.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

void wait_for_ever() {
  while (true) ::pause();
}

// Looks again and again, as a long computation would.
void wait_until_asked() {
  while (!mpx::stop_requested()) std::this_thread::sleep_for(5ms);
}

int drain() {
  mpx::Process early(mpx::ProcessOptions{.name = "early"}, wait_until_asked);
  early.start();
  mpx::Pool pool(2);
  std::cout << "ready" << std::endl;
  long done = 0;
  while (!mpx::stop_requested()) done += pool.apply([](int x) { return x; }, 1);
  early.join();
  mpx::Process late(mpx::ProcessOptions{.name = "late"}, wait_until_asked);  // is born asked
  late.start();
  late.join();
  pool.close();
  pool.join();
  std::cout << "drained " << (done > 0) << early.exit_code().value() << late.exit_code().value()
            << std::endl;
  return 7;
}

int stubborn() {
  mpx::Process sleeper(mpx::ProcessOptions{.name = "sleeper"}, wait_for_ever);
  sleeper.start();
  mpx::Pool pool(mpx::PoolOptions{.processes = 1, .name = "squares"});
  pool.map([](int x) { return x * x; }, {1, 2, 3});
  const auto stuck = pool.map_async(
      [](int x) {
        wait_for_ever();
        return x;
      },
      {1, 2, 3, 4, 5, 6, 7});
  mpx::Queue<int> never;
  std::cout << "ready" << std::endl;
  return never.get();
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return std::string(name) + "=" + (value ? value : "none");
}

void tell_slot(mpx::Queue<std::string> lines, mpx::Queue<int> go) {
  std::ostringstream line;
  line << variable("MPX_SLOT") << " " << variable("OMP_NUM_THREADS") << " cores";
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) throw std::runtime_error("sched_getaffinity");
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) line << ' ' << cpu;
  }
  lines.put(line.str());
  go.get();
}

int slots(int count) {
  mpx::Queue<std::string> lines;
  mpx::Queue<int> go;
  std::vector<mpx::Process> processes;
  for (int i = 0; i < count; ++i) processes.emplace_back(tell_slot, lines, go).start();
  for (int i = 0; i < count; ++i) std::cout << lines.get() << '\n';
  for (int i = 0; i < count; ++i) go.put(1);
  for (auto& process : processes) process.join();
  mpx::Process again(tell_slot, lines, go);  // in a slot that has become free
  again.start();
  std::cout << "again " << lines.get() << '\n';
  go.put(1);
  again.join();
  return 0;
}

// Piece by piece, as users do.
void print_lines(char letter, int count) {
  for (int i = 0; i < count; ++i) {
    std::cout << letter << ' ' << i << ' ' << std::string(100 + i * 97 % 3900, letter) << '\n';
  }
}

int print(int count) {
  mpx::Process first(print_lines, 'a', count);
  mpx::Process second(print_lines, 'b', count);
  first.start();
  second.start();
  first.join();
  second.join();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [](std::span<char*> arguments) {
    const std::string mode = arguments.empty() ? "" : arguments[0];
    if (mode == "drain") return drain();
    if (mode == "stubborn") return stubborn();
    if (mode == "slots") return slots(std::stoi(arguments[1]));
    if (mode == "print") return print(std::stoi(arguments[1]));
    throw std::invalid_argument("which mode?");
  });
}
