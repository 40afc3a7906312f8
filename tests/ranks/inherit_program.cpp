// One program that uses threads, fork(), its standard input, signals and limits as programs do;
// inherit_test.sh runs it.

#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <mpx/mpx.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

int status_of(pid_t process) {
  int status = 0;
  if (::waitpid(process, &status, 0) != process) return 1000;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// Threads that wait for ever when the body returns, and say how that ends.
void leave_threads(int count) {
  const mpx::Queue<int> queue;
  static_cast<void>(queue.empty());  // it is made
  static std::atomic<int> waiting = 0;
  for (int i = 0; i < count; ++i) {
    std::thread([queue] {
      try {
        ++waiting;
        static_cast<void>(queue.get());
      } catch (const mpx::UsageError& error) {
        std::cerr << "told: " + std::string(error.what()) + "\n";
      }
      --waiting;
    }).detach();
  }
  while (waiting < count) std::this_thread::sleep_for(1ms);
  std::atexit([] {
    while (waiting > 0) std::this_thread::sleep_for(1ms);
  });
}

/// Another thread calls exit() while the body waits.
void exit_in_thread() {
  std::thread([] { std::exit(7); }).detach();
  static_cast<void>(mpx::Queue<int>().get());
}

void use(const char* what, const std::function<void()>& call) {
  try {
    call();
    std::cout << what << " works\n";
  } catch (const mpx::UsageError& error) {
    std::cout << what << ": " << error.what() << '\n';
  }
}

/// A copy of the body by fork() ends in that way: nobody else notices. Returns in the copy if that
/// is to return from the body.
bool fork_in_body(const std::string& way) {
  const mpx::Queue<int> queue;
  queue.put(1);
  const mpx::Pool pool(1);
  pool.apply([] {});
  std::cout << std::flush;
  const pid_t copy = ::fork();
  if (copy == 0) {
    if (way == "return") return true;
    if (way == "use") {
      use("a handle", [&] { queue.put(2); });
      use("a new object", [] { mpx::Queue<int>().put(2); });
      use("a pool", [&] { pool.apply([] {}); });
      use("current_process", [] { static_cast<void>(mpx::current_process()); });
    }
    std::exit(3);
  }
  std::cout << "copy " << status_of(copy) << ", queue " << queue.get() << queue.empty()
            << std::endl;
  return false;
}

int exits() {
  const pid_t copy = ::fork();
  if (copy == 0) std::exit(3);
  return status_of(copy);
}
int comes_back() {
  const pid_t copy = ::fork();
  return copy == 0 ? 0 : status_of(copy);
}
int is_terminated() {
  const pid_t copy = ::fork();
  if (copy == 0) {
    for (;;) ::pause();
  }
  ::kill(copy, SIGTERM);
  return status_of(copy);
}

void fork_in_task() {
  const mpx::Pool pool(1);
  std::cout << "exits " << pool.apply(exits) << std::endl;
  std::cout << "comes back " << pool.apply(comes_back) << std::endl;
  std::cout << "is terminated " << pool.apply(is_terminated) << ' ' << is_terminated() << std::endl;
}

bool sleeps() {
  return ::sleep(1) == 0 && ::poll(nullptr, 0, 500) == 0 && std::system("sleep 0.5") == 0;
}

/// Sleeps in the body and in tasks while somebody sends signals, until they have come.
void sleep_on() {
  const mpx::Pool pool(2);
  std::cout << "ready " << ::getpid() << std::endl;
  bool undisturbed = true;
  while (!mpx::stop_requested()) {
    auto tasks = pool.map_async([](int) { return sleeps(); }, std::vector<int>{1, 2});
    undisturbed &= sleeps();
    for (const bool slept : tasks.get()) undisturbed &= slept;
  }
  std::cout << (undisturbed ? "undisturbed" : "disturbed") << std::endl;
}

int count_lines() {
  int count = 0;
  for (std::string line; std::getline(std::cin, line);) ++count;
  return count;
}

void read_input() {
  const mpx::Pool pool(2);
  const int before = pool.apply(count_lines);
  const int own = count_lines();
  std::cout << "lines " << before << ' ' << own << ' ' << pool.apply(count_lines) << '\n';
}

int open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<int>(limit.rlim_cur);
}

void tell_limits() {
  std::cout << "open files " << open_files() << ", in a task " << mpx::Pool(1).apply(open_files)
            << ", system() " << WEXITSTATUS(std::system("exit 5")) << '\n';
}

/// More processes than the limits allow.
void start_many() {
  const auto what = [](const std::function<void()>& start) {
    try {
      start();
      return std::string("all there");
    } catch (const mpx::LaunchError& error) {
      return std::string(error.what());
    }
  };
  std::cout << "pool: " << what([] {
    const mpx::Pool pool(mpx::PoolOptions{.processes = 100},
                         [] { std::this_thread::sleep_for(1s); });
    pool.map([](int x) { return x; }, std::vector<int>(1000));
  }) << '\n';
  std::vector<mpx::Process> processes;
  std::cout << "process: " << what([&] {
    for (int i = 0; i < 100; ++i) {
      mpx::Process process([] { ::pause(); });
      process.start();
      processes.push_back(process);
    }
  }) << '\n';
  for (const auto& process : processes) process.kill();
}

}  // namespace

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [&](std::span<char*> arguments) {
    const std::string mode = arguments.empty() ? "" : arguments[0];
    const std::string more = arguments.size() < 2 ? "" : arguments[1];
    if (mode == "threads") {
      leave_threads(std::stoi(more));
    } else if (mode == "exit-in-thread") {
      exit_in_thread();
    } else if (mode == "fork") {
      if (fork_in_body(more)) return 9;
    } else if (mode == "fork-in-task") {
      fork_in_task();
    } else if (mode == "sleep") {
      sleep_on();
    } else if (mode == "input") {
      read_input();
    } else if (mode == "limits") {
      tell_limits();
    } else if (mode == "many") {
      start_many();
    } else {
      throw std::invalid_argument("which mode?");
    }
    return 0;
  });
}
