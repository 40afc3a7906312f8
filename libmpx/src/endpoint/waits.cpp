#include "endpoint/waits.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "core/pack.hpp"
#include "mpx/error.hpp"
#include "wire/headers.hpp"
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

Waits::Waiting::Waiting(Waits& waits, const Purpose& purpose, Deadline deadline)
    : waits_(waits),
      purpose_(purpose),
      endless_(deadline.is_never()),
      number_(waits.next_number_++),
      next_(waits.first_) {
  waits_.first_ = this;
  if (purpose.idle) since_ = Time::clock::now();  // it is in no hurry
}

Waits::Waiting::~Waiting() {
  auto** at = &waits_.first_;
  while (*at != this) at = &(*at)->next_;
  *at = next_;
}

bool Waits::wait_once(Deadline deadline, Waiting* waiting) {
  // A wait that ends soon need not know when it began.
  constexpr int kRounds = 64;
  auto& link = context_.require_link();
  if (waiting != nullptr && (context_.driven() || ++waiting->rounds_ == kRounds)) {
    if (waiting->since_ == Time{}) waiting->since_ = Time::clock::now();
  }
  if (!context_.driven()) {
    context_.set_driven(true);
    try {
      link.drive(context_.mutex(), deadline);
    } catch (...) {
      context_.set_driven(false);
      turn_.notify_all();
      if (context_.link() != nullptr && tasks_.any()) link.interrupt();
      throw;
    }
    context_.set_driven(false);
    if (context_.ended()) turn_.notify_all();
    if (waiting != nullptr && waiting->since_ == Time{}) waiting->since_ = link.driven_since();
    if (tasks_.any()) tasks_.run();
  } else {
    link.flush();  // the driver may sleep, with what this thread has just sent in a batch
    ++sleeping_;
    if (deadline.is_never()) {
      turn_.wait(context_.mutex());
    } else if (!deadline.is_now()) {
      turn_.wait_until(context_.mutex(), deadline.when());
    }
    --sleeping_;
  }
  return !deadline.passed();
}

/// This thread waits no more: another one that does drives, or nobody.
void Waits::hand_over() {
  if (sleeping_ > 0) {
    turn_.notify_one();
  } else if (!context_.driven() && context_.link() != nullptr) {
    context_.link()->leave();
  }
}

void Waits::look() {
  if (context_.driven() || context_.link() == nullptr) return;
  wait_once(Deadline::now(), nullptr);
  hand_over();
}

void Waits::end() {
  const ClientLock lock(context_.mutex());
  context_.end();
  turn_.notify_all();
  while (context_.driven()) {  // in there, without the mutex, it uses what is about to go
    context_.link()->interrupt();
    turn_.wait(context_.mutex());
  }
}

void Waits::fail() {
  throw UsageError(
      "mpx::run (or the Session) has ended while a thread of this process waited for an object of "
      "libmpx: what the thread waits for must come before, and the thread be joined");
}

void Waits::add_own_thread() {
  const ClientLock lock(context_.mutex());
  ++own_threads_;
}

void Waits::note_threads() {
  const ClientLock lock(context_.mutex());
  for (auto& thread : threads()) {
    if (thread != std::to_string(::gettid())) other_threads_.push_back(std::move(thread));
  }
}

int Waits::service_threads() const {
  const auto polling = std::count_if(other_threads_.begin(), other_threads_.end(), sleeps_in_poll);
  return own_threads_ + static_cast<int>(polling);
}

/// Rank 0 asks. Who drives, and so gets here, waits, unless it only looks in passing.
void Waits::tell(std::uint64_t round) {
  const auto now = Time::clock::now();
  ProcessWaits answer;
  answer.round = round;
  answer.pid = ::getpid();
  std::vector<std::thread::id> waiting;
  for (const auto* wait = first_; wait != nullptr; wait = wait->next_) {
    // A thread that waits inside of another wait, in a callback, counts with the inner one.
    if (std::find(waiting.begin(), waiting.end(), wait->thread_) != waiting.end()) continue;
    waiting.push_back(wait->thread_);
    auto since = wait->since_ != Time{} ? wait->since_ : context_.link()->driven_since();
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
  context_.send(to_home(Kind::waits, kWaitWatch), {Packer::pack(answer), {}});
  context_.link()->flush();
}

}  // namespace mpx::detail
