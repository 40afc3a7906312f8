#include "process/job.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <sstream>

#include "core/builds.hpp"
#include "core/log.hpp"
#include "mpx/error.hpp"
#include "process/completion.hpp"
#include "wire/well_known.hpp"

namespace mpx::detail {
namespace {

std::optional<std::size_t> number_in(std::string_view text) {
  std::size_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

/// MPX_CPUS_PER_SLOT; 0 where processes are not bound.
std::size_t cpus_per_slot() {
  const char* text = std::getenv("MPX_CPUS_PER_SLOT");
  if (text == nullptr || *text == 0) return 0;
  const auto number = number_in(text);
  if (!number || *number == 0)
    throw LaunchError(fmt::format("MPX_CPUS_PER_SLOT is '{}': not a number of cores", text));
  return *number;
}

enum class OnDeadlock { report, abort, off };

/// MPX_DEADLOCK.
OnDeadlock deadlock_setting() {
  const char* text = std::getenv("MPX_DEADLOCK");
  const std::string_view what = text == nullptr || *text == 0 ? "report" : text;
  if (what == "report") return OnDeadlock::report;
  if (what == "abort") return OnDeadlock::abort;
  if (what == "off") return OnDeadlock::off;
  throw LaunchError(fmt::format("MPX_DEADLOCK is '{}': not report, abort or off", what));
}

/// Process slots of each rank, from MPX_SLOTS: one number for every worker rank, or a list by rank
/// from 1 on. Without it one slot on each worker rank; a single rank has as many as its cores allow.
std::vector<std::size_t> slots_of(int size) {
  std::vector<std::size_t> list;
  if (const char* text = std::getenv("MPX_SLOTS"); text != nullptr && *text != 0) {
    const std::string_view all = text;
    for (std::size_t at = 0; at <= all.size();) {
      const auto end = std::min(all.find(',', at), all.size());
      const auto number = number_in(all.substr(at, end - at));
      if (!number) {
        throw LaunchError(
            fmt::format("MPX_SLOTS is '{}': not a number, nor a list of numbers with commas", all));
      }
      list.push_back(*number);
      at = end + 1;
    }
  }
  if (size == 1) {
    const auto fitting = usable_cpus().size() / std::max<std::size_t>(cpus_per_slot(), 1);
    return {std::max<std::size_t>(list.empty() ? fitting : list[0], 1)};
  }
  std::vector<std::size_t> slots(static_cast<std::size_t>(size), list.size() == 1 ? list[0] : 1);
  slots[0] = 0;
  for (std::size_t i = 0; list.size() > 1 && i < list.size() && i + 1 < slots.size(); ++i)
    slots[i + 1] = list[i];
  return slots;
}

/// What this rank tells the others of itself: whether it starts processes, how many CPUs its parent
/// may use, and which it may use.
std::string describe_rank(bool starts) {
  return fmt::format("{} {} {}", starts ? 1 : 0, usable_cpus(::getppid()).size(),
                     fmt::join(usable_cpus(), " "));
}

/// As described by describe_rank. Returns whether the rank starts processes.
bool read_rank(const std::string& text, RankCores& rank) {
  std::istringstream words(text);
  int starts = 0;
  words >> starts >> rank.launcher_cpus;
  for (int cpu = 0; words >> cpu;) rank.cpus.push_back(cpu);
  return starts != 0;
}

/// Numbers and cores of this rank's slots: no two ranks of a node have the same.
ProcessSlots own_slots(const Transport& transport, const std::vector<RankCores>& ranks,
                       std::size_t each) {
  std::vector<RankCores> node;
  std::size_t self = 0;
  std::size_t first = 0;
  for (int r = 0; r < transport.size(); ++r) {
    if (r != transport.rank() && !transport.same_node(r)) continue;
    const auto& rank = ranks[static_cast<std::size_t>(r)];
    if (r == transport.rank()) self = node.size();
    if (r < transport.rank()) first += rank.slots;
    node.push_back(rank);
  }
  const auto count = node[self].slots;
  if (each == 0) return ProcessSlots(first, count);
  return ProcessSlots(first, count, std::move(deal_cores(node, each)[self]), each);
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

Job::Job(const MpiSession& session, std::unique_ptr<Spawner>&& spawner)
    : session_(session), transport_(session.make_transport()) {
  compare_builds(session, *transport_);
  words_ = session.make_words();
  auto slots = slots_of(size());
  const auto each = cpus_per_slot();
  const auto descriptions = session.all_gather(describe_rank(spawner != nullptr));
  Identity self;
  self.id = ProcessId(rank(), 0);
  self.name = rank() == 0 ? "MainProcess" : fmt::format("Rank-{}", rank());
  self.host = transport_->host(rank());
  self.pid = ::getpid();
  self.cpu_count = 0;
  std::vector<Directory::RankSlots> ranks;
  std::vector<RankCores> cores;
  for (int r = 0; r < size(); ++r) {
    const auto at = static_cast<std::size_t>(r);
    auto& its = cores.emplace_back(RankCores{transport_->host(r), 0, {}, 0});
    const bool starts = read_rank(descriptions[at], its);
    if (!starts) slots[at] = 0;
    its.slots = slots[at];
    ranks.push_back({transport_->host(r), slots[at], 0, starts});
    self.cpu_count += slots[at];
  }
  self.cpu_count = std::max<std::size_t>(self.cpu_count, 1);
  set_log_identity(rank(), self.host, self.name);
  if (rank() == 0) log_info("words are carried by {}", words_->carrier());
  if (rank() == 0) {
    if (const auto shortage = describe_shortage(cores, each); !shortage.empty())
      log_warn("{}", shortage);
  }
  if (spawner) spawner->share(words_->shared());
  client_ = std::make_shared<Client>(self);
  Runtime::Options options;
  options.transport = transport_.get();
  options.words = words_.get();
  options.spawner = std::move(spawner);
  options.slots = std::move(ranks);
  options.own_slots = own_slots(*transport_, cores, each);
  options.deliver_local = [client = client_.get()](Frame&& frame)
                              MPX_REQUIRES(client_mutex) { client->deliver(std::move(frame)); };
  options.report = report_unfinished;
  const auto on_deadlock = deadlock_setting();
  options.looks_for_deadlock = on_deadlock != OnDeadlock::off;
  options.endless_wait = [client = client_.get()]()
                             MPX_REQUIRES(client_mutex) { return client->waits().endless_wait(); };
  options.report_waits = [this, on_deadlock](const std::string& text, bool deadlock) {
    // One write, so that lines of others do not mix in.
    static_cast<void>(!::write(STDERR_FILENO, text.data(), text.size()));
    if (!deadlock || on_deadlock != OnDeadlock::abort) return;
    log_error("MPX_DEADLOCK=abort: the job ends");
    session_.abort(1);
  };
  options.fatal = [this](const std::string& text) {
    log_error("{}: the job ends", text);
    session_.abort(1);
  };
  runtime_ = std::make_unique<Runtime>(std::move(options));
  link_ = std::make_unique<DirectLink>(*runtime_);
  client_->attach(link_.get(), nullptr);
  Client::set_current(client_);
  client_->waits().note_threads();
}

void Job::check_settings() {
  MpiSession::check_settings();
  static_cast<void>(slots_of(2));
  static_cast<void>(deadlock_setting());
}

Job::~Job() {
  client_->end_waits();
  background_.reset();
  client_->detach();
  Client::set_current(nullptr);
}

void Job::start_background() {
  background_ = std::make_unique<Background>(*client_, *runtime_, *link_);
  client_->waits().add_own_thread();
}

void Job::serve() {
  const ClientLock lock(client_->mutex());
  const Waits::Waiting serving(client_->waits(), {Kind::shutdown, {}, true}, Deadline::never());
  while (!runtime_->shutting_down() || runtime_->busy()) {
    runtime_->drive(client_->mutex(),
                    runtime_->shutting_down() ? Deadline::now() : Deadline::never());
  }
  runtime_->progress();
}

void Job::await_children() {
  static_cast<void>(client_->calls().call(Kind::await_children, kDirectory));
}

void Job::finish() {
  await_children();
  client_->end_waits();  // first: what wakes the background thread, another that sleeps may take
  background_.reset();
  const ClientLock lock(client_->mutex());
  runtime_->begin_shutdown();
  auto patience = Deadline::after(kPatience);
  while (!runtime_->shut_down() || runtime_->busy()) {
    runtime_->drive(client_->mutex(), Deadline::after(std::chrono::milliseconds(1)));
    if (!patience.passed() || runtime_->shut_down()) continue;
    patience = Deadline::never();
    log_warn("the job is over, and for {} s these ranks have not answered: {}; still waiting",
             kPatience.count(), runtime_->shutdown_awaits());
  }
}

}  // namespace mpx::detail
