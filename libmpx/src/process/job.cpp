#include "process/job.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "core/builds.hpp"
#include "core/log.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

std::size_t usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<std::size_t>(CPU_COUNT(&set))
                                                     : 1;
}

/// Process slots of each rank, from MPX_SLOTS: one number for every worker rank, or a list by rank
/// from 1 on. Without it one slot on each worker rank; a single rank has as many as cores.
std::vector<std::size_t> slots_of(int size) {
  std::vector<std::size_t> list;
  if (const char* text = std::getenv("MPX_SLOTS"); text != nullptr && *text != 0) {
    const std::string_view all = text;
    for (std::size_t at = 0; at <= all.size();) {
      const auto end = std::min(all.find(',', at), all.size());
      std::size_t number = 0;
      const auto [stop, error] = std::from_chars(all.data() + at, all.data() + end, number);
      if (error != std::errc{} || stop != all.data() + end) {
        throw LaunchError(
            fmt::format("MPX_SLOTS is '{}': not a number, nor a list of numbers with commas", all));
      }
      list.push_back(number);
      at = end + 1;
    }
  }
  if (size == 1) return {list.empty() ? usable_cores() : std::max<std::size_t>(list[0], 1)};
  std::vector<std::size_t> slots(static_cast<std::size_t>(size), list.size() == 1 ? list[0] : 1);
  slots[0] = 0;
  for (std::size_t i = 0; list.size() > 1 && i < list.size() && i + 1 < slots.size(); ++i)
    slots[i + 1] = list[i];
  return slots;
}

void compare_builds(const MpiSession& session, const Transport& transport) {
  const auto builds = session.all_gather(describe_build());
  for (int rank = 1; rank < session.size(); ++rank) {
    const auto what = different_module(builds[0], builds[static_cast<std::size_t>(rank)]);
    if (what.empty()) continue;
    throw LaunchError(
        fmt::format("rank {} on host {} runs another build than rank 0 on host {}: {} differs; "
                    "start all ranks from the same build",
                    rank, transport.host(rank), transport.host(0), what));
  }
}

}  // namespace

Job::Job(const MpiSession& session, std::optional<Template>&& forker)
    : session_(session), transport_(session.make_transport()) {
  compare_builds(session, *transport_);
  words_ = session.make_words();
  auto slots = slots_of(size());
  const auto starts = session.all_gather(forker ? "yes" : "");
  Identity self;
  self.id = ProcessId(rank(), 0);
  self.name = rank() == 0 ? "MainProcess" : fmt::format("Rank-{}", rank());
  self.host = transport_->host(rank());
  self.pid = ::getpid();
  self.cpu_count = 0;
  std::vector<Directory::RankSlots> ranks;
  for (int r = 0; r < size(); ++r) {
    const auto at = static_cast<std::size_t>(r);
    if (starts[at].empty()) slots[at] = 0;
    ranks.push_back({transport_->host(r), slots[at], 0, !starts[at].empty()});
    self.cpu_count += slots[at];
  }
  self.cpu_count = std::max<std::size_t>(self.cpu_count, 1);
  set_log_identity(rank(), self.host, self.name);
  if (rank() == 0) log_info("words are carried by {}", words_->carrier());
  client_ = std::make_shared<Client>(self);
  Runtime::Options options;
  options.transport = transport_.get();
  options.words = words_.get();
  options.forker = std::move(forker);
  options.slots = std::move(ranks);
  options.deliver_local = [client = client_.get()](Frame&& frame) {
    client->deliver(std::move(frame));
  };
  options.fatal = [this](const std::string& text) {
    log_error("{}: the job ends", text);
    session_.abort(1);
  };
  runtime_ = std::make_unique<Runtime>(std::move(options));
  link_ = std::make_unique<DirectLink>(*runtime_);
  client_->attach(link_.get(), nullptr);
  Client::set_current(client_);
}

void Job::check_settings() {
  MpiSession::check_settings();
  static_cast<void>(slots_of(2));
}

Job::~Job() {
  background_.reset();
  client_->detach();
  Client::set_current(nullptr);
}

void Job::start_background() {
  background_ = std::make_unique<Background>(*client_, *runtime_, *link_);
}

void Job::serve() {
  std::unique_lock lock(client_->mutex());
  while (!runtime_->shutting_down() || runtime_->busy()) {
    runtime_->drive(lock, runtime_->shutting_down() ? Deadline::now() : Deadline::never());
  }
  runtime_->progress();
}

void Job::await_children() {
  static_cast<void>(client_->call_service(Kind::await_children, ProcessId(0, 0)));
}

void Job::finish() {
  await_children();
  background_.reset();
  std::unique_lock lock(client_->mutex());
  runtime_->begin_shutdown();
  auto patience = Deadline::after(kPatience);
  while (!runtime_->shut_down() || runtime_->busy()) {
    runtime_->drive(lock, Deadline::after(std::chrono::milliseconds(1)));
    if (!patience.passed() || runtime_->shut_down()) continue;
    patience = Deadline::never();
    log_warn("the job is over, and for {} s these ranks have not answered: {}; still waiting",
             kPatience.count(), runtime_->shutdown_awaits());
  }
}

}  // namespace mpx::detail
