// One program with many ways to go wrong; survive_test.sh runs it and looks at what is left.

#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <mpx/mpx.hpp>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;

void wait_for_ever() {
  while (true) ::pause();
}

std::vector<int> numbers(int count) {
  std::vector<int> all(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) all[static_cast<std::size_t>(i)] = i;
  return all;
}

/// Parent of the parent: the rank that supervises the calling process.
pid_t rank_pid() {
  std::ifstream stat("/proc/" + std::to_string(::getppid()) + "/stat");
  std::string text;
  std::getline(stat, text);
  return std::stoi(text.substr(text.rfind(')') + 4));
}

void throw_in_body() {
  mpx::Pool pool(2);
  auto half = pool.map_async([](int) { std::this_thread::sleep_for(50ms); }, numbers(1000));
  mpx::Process child(wait_for_ever);
  child.start();
  mpx::Process daemon(mpx::ProcessOptions{.daemon = true}, wait_for_ever);
  daemon.start();
  static_cast<void>(half.wait_for(100ms));
  child.kill();
  throw std::logic_error("the body gives up");
}

void kill_rank() {
  mpx::Queue<int> pids;
  mpx::Process child(
      [](mpx::Queue<int> out) {
        out.put(rank_pid());
        wait_for_ever();
      },
      pids);
  child.start();
  ::kill(pids.get(), SIGKILL);
  child.join();
}

/// Stops rank 1 for the end of the job; who reads the output lets it go on.
void stop_rank() {
  mpx::Queue<int> pids;
  mpx::Process child([](mpx::Queue<int> out) { out.put(rank_pid()); }, pids);
  child.start();
  const auto pid = pids.get();
  child.join();
  ::kill(pid, SIGSTOP);
  std::cout << "stopped " << pid << std::endl;
}

void wait_in_map() {
  mpx::Pool pool(2);
  std::cout << "ready" << std::endl;
  pool.map([](int) { std::this_thread::sleep_for(1s); }, numbers(1000));
}

void group_signals() {
  mpx::Pool pool(2);
  auto result = pool.map_async(
      [](int x) {
        std::this_thread::sleep_for(10ms);
        return x;
      },
      numbers(100));
  mpx::Process storm([] {
    for (int i = 0; i < 20 || !mpx::stop_requested(); ++i) {
      for (const int signo : {SIGUSR1, SIGUSR2, SIGCONT}) ::kill(0, signo);
      std::this_thread::sleep_for(5ms);
    }
  });
  storm.start();
  storm.join();
  std::cout << "storm " << storm.exit_code().value() << ", results " << result.get().size() << '\n';
}

void rough_tasks(const std::string& program) {
  mpx::Pool pool(1);
  pool.apply([] { std::cout << "printed by a task\n"; });
  const auto here = std::filesystem::current_path();
  pool.apply([] { std::filesystem::current_path("/"); });
  if (std::filesystem::current_path() != here)
    throw std::logic_error("the body's directory changed");
  pool.apply([] {
    if (::fork() == 0) {
      ::setsid();
      if (::fork() == 0) ::execlp("sleep", "sleep", "1000", nullptr);
      ::_exit(0);
    }
  });
  const int status = pool.apply(
      [](const std::string& path) {
        return std::system(("mpirun -n 2 " + path + " inner").c_str());
      },
      program);
  std::cout << "inner job " << status << '\n';
}

/// mpx-run's own variables, as a program that is started here would see them.
std::string runners_variables() {
  std::string text;
  for (const char* name : {"MPX_SLOTS", "MPX_COMPLETION"}) {
    const char* value = std::getenv(name);
    text += std::string(" ") + name + "=" + (value ? value : "none");
  }
  return text;
}

void print_environment() {
  mpx::Pool pool(1);
  std::cout << "slots " << mpx::cpu_count() << "\nbody" << runners_variables() << "\ntask"
            << pool.apply(runners_variables) << '\n';
}

long bytes_of(const std::string& text) { return static_cast<long>(text.size()); }

/// Fills /dev/shm while the job runs, then sends far more than was ever under way.
void fill_shared_memory() {
  mpx::Pool pool(4);
  if (pool.apply(bytes_of, std::string("warm")) != 4) throw std::logic_error("wrong result");
  {
    std::ofstream filler("/dev/shm/filler-of-the-body", std::ios::binary);
    const std::string page(4096, 'x');
    while (filler.write(page.data(), 4096) && filler.flush()) {
    }
  }
  std::cout << "full" << std::endl;
  long sum = 0;
  for (int round = 0; round < 20; ++round) {
    std::vector<std::string> texts(500, std::string(10'000, 'x'));
    for (const long bytes : pool.map(bytes_of, texts)) sum += bytes;
  }
  std::cout << "sum " << sum << std::endl;
}

void exit_with_pool() {
  mpx::Pool pool(2);
  pool.apply([](int x) { return x; }, 1);
  mpx::exit(5);
}

void inner() {
  mpx::Process process([] { std::cout << "from the inner job\n"; });
  process.start();
  process.join();
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&](std::span<char*> arguments) {
    const std::string mode = arguments.empty() ? "" : arguments[0];
    if (mode == "throw") return throw_in_body();
    if (mode == "kill-rank") return kill_rank();
    if (mode == "stop-rank") return stop_rank();
    if (mode == "wait") return wait_in_map();
    if (mode == "group-signals") return group_signals();
    if (mode == "rough-tasks") return rough_tasks(argv[0]);
    if (mode == "environment") return print_environment();
    if (mode == "exit-with-pool") return exit_with_pool();
    if (mode == "inner") return inner();
    if (mode == "fill-shared-memory") return fill_shared_memory();
    throw std::invalid_argument("which mode?");
  });
}
