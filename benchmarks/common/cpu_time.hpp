#pragma once

#include <sys/types.h>

#include <ctime>
#include <fstream>
#include <string>

namespace bench {

/// CPU time of all threads of a process in nanoseconds; -1 if there is no such process. By its
/// clock, since /proc/PID/stat counts in steps of 10 ms.
inline double cpu_ns(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &time) != 0) return -1;
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

/// Parent of a process, 0 if there is no such process.
inline pid_t parent_of(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; status >> word;) {
    pid_t parent = 0;
    if (word == "PPid:" && status >> parent) return parent;
  }
  return 0;
}

}  // namespace bench
