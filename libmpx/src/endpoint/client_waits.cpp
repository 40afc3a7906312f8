// What a process says of its waits.
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "endpoint/client.hpp"
#include "mpx/error.hpp"
#include "wire/well_known.hpp"

namespace mpx::detail {

namespace {

using Time = std::chrono::steady_clock::time_point;

/// Of this process, by their names in /proc.
std::vector<std::string> threads() {
  std::vector<std::string> all;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", ignored))
    all.push_back(entry.path().filename());
  return all;
}

/// False also where the kernel does not say (CONFIG_HAVE_ARCH_TRACEHOOK).
bool sleeps_in_poll(const std::string& thread) {
  constexpr long kPolls[] = {SYS_epoll_pwait, SYS_ppoll,
                             SYS_pselect6,
#ifdef SYS_epoll_wait  // not on newer architectures
                             SYS_epoll_wait,  SYS_poll,
                             SYS_select
#endif
  };
  long call = -1;
  std::ifstream("/proc/self/task/" + thread + "/syscall") >> call;  // of one that runs: "running"
  return std::find(std::begin(kPolls), std::end(kPolls), call) != std::end(kPolls);
}

}  // namespace

Client::Waiting::Waiting(Client& client, const Purpose& purpose, Deadline deadline)
    : client_(client),
      purpose_(purpose),
      endless_(deadline.is_never()),
      number_(client.next_wait_++),
      next_(client.waits_) {
  client_.waits_ = this;
  if (purpose.idle) since_ = Time::clock::now();  // it is in no hurry
}

Client::Waiting::~Waiting() {
  auto** at = &client_.waits_;
  while (*at != this) at = &(*at)->next_;
  *at = next_;
}

std::uint64_t Client::endless_wait() const {
  return waits_ != nullptr && waits_->endless_ ? waits_->number_ : 0;
}

void Client::note_threads() {
  for (auto& thread : threads()) {
    if (thread != std::to_string(::gettid())) other_threads_.push_back(std::move(thread));
  }
}

int Client::service_threads() const {
  const auto polling = std::count_if(other_threads_.begin(), other_threads_.end(), sleeps_in_poll);
  return own_threads_ + static_cast<int>(polling);
}

void Client::end_waits() {
  const ClientLock lock(mutex_);
  ended_ = true;
  map_ = nullptr;
  turn_.notify_all();
  while (driving_) {  // in there, without the mutex, it uses what is about to go
    link_->interrupt();
    turn_.wait(mutex_);
  }
}

void Client::fail_wait() {
  throw UsageError(
      "mpx::run (or the Session) has ended while a thread of this process waited for an object of "
      "libmpx: what the thread waits for must come before, and the thread be joined");
}

/// Rank 0 asks. Who drives, and so gets here, waits, unless it only looks in passing.
void Client::tell_waits(std::uint64_t round) {
  const auto now = Time::clock::now();
  ProcessWaits answer;
  answer.round = round;
  answer.pid = ::getpid();
  std::vector<std::thread::id> waiting;
  for (const auto* wait = waits_; wait != nullptr; wait = wait->next_) {
    // A thread that waits inside of another wait, in a callback, counts with the inner one.
    if (std::find(waiting.begin(), waiting.end(), wait->thread_) != waiting.end()) continue;
    waiting.push_back(wait->thread_);
    auto since = wait->since_ != Time{} ? wait->since_ : link_->driven_since();
    if (since == Time{}) since = now;
    WaitRecord record;
    record.object = wait->purpose_.object;
    record.kind = wait->purpose_.kind;
    record.number = wait->number_;
    record.age_ns = (now - since).count();
    record.limit = wait->purpose_.idle ? WaitLimit::idle
                   : wait->endless_    ? WaitLimit::none
                                       : WaitLimit::time;
    answer.waits.push_back(record);
  }
  answer.running = static_cast<std::int32_t>(threads().size() - waiting.size()) - service_threads();
  send(Kind::waits, kWaitWatch, {}, 0, {Packer::pack(answer), {}}, 0);
  link_->flush();
}

}  // namespace mpx::detail
