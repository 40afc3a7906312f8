// One program for the tests of what goes wrong on several nodes.

#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <mpx/mpx.hpp>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) all[static_cast<std::size_t>(i)] = i;
  return all;
}

std::string host_name() {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  return name;
}

/// Tasks of all slots meet before any goes on, so each node must have run one.
std::string meet(mpx::Value<int> arrived, int all) {
  arrived.fetch_add(1);
  while (arrived.load() < all) std::this_thread::sleep_for(1ms);
  return host_name();
}

void work() {
  const auto slots = static_cast<int>(mpx::cpu_count());
  const mpx::Value<int> arrived(0);
  mpx::Pool pool;
  std::vector<mpx::AsyncResult<std::string>> results;
  for (int i = 0; i < slots; ++i) results.push_back(pool.apply_async(meet, arrived, slots));
  std::set<std::string> hosts;
  for (auto& result : results) hosts.insert(result.get());
  std::cout << slots << " slots on";
  for (const auto& host : hosts) std::cout << ' ' << host;
  std::cout << std::endl;
}

void wait_in_map() {
  mpx::Pool pool;
  const mpx::Value<int> arrived(0);
  std::vector<mpx::AsyncResult<std::string>> results;
  const auto slots = static_cast<int>(mpx::cpu_count());
  for (int i = 0; i < slots; ++i) results.push_back(pool.apply_async(meet, arrived, slots));
  for (auto& result : results) result.get();
  std::cout << "ready" << std::endl;
  pool.map([](int) { std::this_thread::sleep_for(1s); }, numbers(1000));
}

/// A task writes numbered lines of 100 bytes, as fast as they are taken.
void print_lines(int task, int lines) {
  const std::string rest(81, 'x');
  for (int i = 0; i < lines; ++i) std::printf("task %3d %8d %s\n", task, i, rest.c_str());
  std::fflush(stdout);
}

void print_much(int lines) {
  mpx::Pool pool;
  std::vector<mpx::AsyncResult<void>> results;
  for (int task = 0; task < 6; ++task)
    results.push_back(pool.apply_async(print_lines, task, lines));
  print_lines(6, lines);
  for (auto& result : results) result.get();
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [](std::span<char*> arguments) {
    const std::string mode = arguments.empty() ? "" : arguments[0];
    if (mode == "work") return work();
    if (mode == "wait") return wait_in_map();
    if (mode == "print") return print_much(std::stoi(arguments[1]));
    throw std::invalid_argument("which mode?");
  });
}
