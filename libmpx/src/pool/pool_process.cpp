#include "pool/pool_process.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <iostream>
#include <optional>
#include <thread>
#include <unordered_map>

#include "core/forks.hpp"
#include "core/log.hpp"
#include "core/remote_exception.hpp"
#include "core/throw_trace.hpp"
#include "mpx/detail/callable.hpp"
#include "mpx/error.hpp"
#include "wire/pool.hpp"

namespace mpx::detail {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kFlushEvery = 200us;
constexpr auto kClockEvery = 10us;  // of short units
constexpr std::uint32_t kMostPace = 64;
constexpr std::uint32_t kMostUnits = 1 << 24;  // in one record

/// A function that this process has been taught; one that it could not read fails each of its
/// tasks.
struct Function {
  std::unique_ptr<Callee> callee;
  std::exception_ptr trouble;
};

}  // namespace

class PoolProcess {
 public:
  PoolProcess(Client& client, const ObjectId& pool, SharedBlock& shared)
      : client_(client), pool_(pool), shared_(shared) {
    client_.set_handler([this](Frame&& frame)
                            MPX_REQUIRES(client_mutex) { frames_.push_back(std::move(frame)); });
  }
  PoolProcess(const PoolProcess&) = delete;
  PoolProcess& operator=(const PoolProcess&) = delete;

  bool initialize(ByteView call);
  void serve();
  [[nodiscard]] std::uint64_t depth() const { return depth_.load(std::memory_order_relaxed); }
  void lend();
  void take_again();

 private:
  [[nodiscard]] ThrownAt here() const {
    const auto& self = client_.self();
    return {self.name, self.id.rank(), self.host, self.pid};
  }
  void learn(Payload payload);
  void run(Payload payload);
  void run_unit(const Function& function, PoolRecord record, ByteView arguments, bool single);
  void add(const PoolRecord& record, ByteView value);
  void publish_head();
  void flush();

  Client& client_;
  ObjectId pool_;
  SharedBlock& shared_;
  std::deque<Frame> frames_ MPX_GUARDED_BY(client_mutex);
  std::unordered_map<std::uint64_t, Function> functions_;
  PoolRecord open_;         // the last staged record
  std::size_t values_ = 0;  // where its values begin; 0: nothing is staged
  std::size_t staged_ = 0;  // bytes
  Writer result_;
  steady_clock::time_point last_flush_ = steady_clock::now();
  std::chrono::nanoseconds busy_{0};
  std::atomic<std::uint64_t> depth_ = 0;  // of what the task submits; 0: in none
  std::thread::id thread_ = std::this_thread::get_id();
  Mutex lending_;
  int lent_ MPX_GUARDED_BY(lending_) = 0;  // threads that wait
};

bool PoolProcess::initialize(ByteView call) {
  try {
    if (!call.empty()) {
      const RecordThrows record;
      Reader reader(call);
      const auto callee = read_callable(reader);
      Writer ignored;
      callee->call(reader, ignored);
    }
  } catch (...) {
    client_.calls().post(Kind::pool_ready, pool_, {capture(std::current_exception(), here()), {}},
                         static_cast<std::uint16_t>(Status::error));
    return false;
  }
  client_.calls().post(Kind::pool_ready, pool_);
  return true;
}

void PoolProcess::serve() {
  while (true) {
    Frame frame;
    {
      ClientLock lock(client_.mutex());
      if (frames_.empty()) {
        lock.unlock();
        flush();
        // A pool process may be killed later without notice: what tasks printed is out by then.
        std::fflush(stdout);
        std::cout.flush();
        lock.lock();
      }
      client_.waits().wait(Deadline::never(), {Kind::pool_tasks, pool_, true},
                           [&]() MPX_REQUIRES(client_mutex) { return !frames_.empty(); });
      frame = std::move(frames_.front());
      frames_.pop_front();
    }
    const auto kind = frame.header.kind;
    if (kind == Kind::pool_quit) break;
    if (kind == Kind::pool_learn) learn(take_payload(std::move(frame)));
    if (kind == Kind::pool_tasks) run(take_parts(std::move(frame)));
  }
  flush();
}

void PoolProcess::learn(Payload payload) {
  Incoming incoming(payload.handles);
  Reader reader(payload.bytes);
  auto& function = functions_[reader.number<std::uint64_t>()];
  try {
    function.callee = read_callable(reader);
  } catch (...) {
    function.trouble = std::current_exception();
  }
}

void PoolProcess::run(Payload payload) {
  Incoming incoming(payload.handles);  // also of units that are taken back
  Unpacker in(payload.bytes);
  const auto stamp = in.get<ClaimStamp>();
  const auto tasks = in.get<PoolTasks>();
  if (payload.large.size != 0) in = Unpacker(payload.large.view());
  const auto& function = functions_[tasks.function];
  const RecordThrows recording;
  depth_ = tasks.depth + 1;
  PoolRecord record;
  record.batch = tasks.batch;
  record.first = tasks.first;
  auto last = steady_clock::now();
  std::uint32_t looked = 0, pace = 1;  // a look at the clock every so many units
  for (std::uint32_t i = 0; i < stamp.count; ++i, ++record.first) {
    const auto arguments = in.view(tasks.each != 0 ? tasks.each : in.get<ElementHead>().size);
    if (!client_.claims().take(stamp, stamp.first + i)) break;  // the rest has been taken back
    run_unit(function, record, arguments, tasks.single != 0);
    if (i + 1 - looked < pace && i + 1 < stamp.count) continue;
    looked = i + 1;
    const auto now = steady_clock::now();
    busy_ += now - last;
    pace = now - last < kClockEvery ? std::min(2 * pace, kMostPace) : 1;
    last = now;
    if (now - last_flush_ > kFlushEvery) {
      flush();
      last = steady_clock::now();
    }
  }
  depth_ = 0;
}

void PoolProcess::run_unit(const Function& function, PoolRecord record, ByteView arguments,
                           bool single) {
  const auto clear = [&] {  // but for room for the record's head; the memory serves on
    result_.bytes().clear();
    result_.extend(sizeof record);
  };
  clear();
  try {
    if (function.trouble) std::rethrow_exception(function.trouble);
    Reader reader(arguments);
    function.callee->call(reader, result_);
  } catch (...) {
    static_cast<void>(result_.take());
    clear();
    const auto index = single ? std::nullopt : std::optional<std::size_t>(record.first);
    const auto error = capture(std::current_exception(), here(), index);
    record.status = static_cast<std::uint32_t>(Status::error);
    result_.raw(error.data(), error.size());
  }
  require_no_copy();  // which the task may have forked, and which comes back from it
  record.size = result_.bytes().size() - sizeof record;
  record.handles = static_cast<std::uint32_t>(result_.handles().size());
  if (record.handles == 0 && result_.bytes().size() <= SharedBlock::kStagingBytes) {
    return add(record, ByteView(result_.bytes()).subspan(sizeof record));
  }
  std::memcpy(result_.bytes().data(), &record, sizeof record);
  flush();
  client_.calls().post(Kind::pool_done, pool_, result_.take());
}

/// Stages a result, beside the one before where it fits.
void PoolProcess::add(const PoolRecord& record, ByteView value) {
  const bool beside = values_ != 0 && open_.batch == record.batch && open_.size == record.size &&
                      open_.first + open_.count == record.first && !open_.failed() &&
                      !record.failed() && open_.count < kMostUnits;
  if (staged_ + (beside ? 0 : sizeof record) + value.size() > SharedBlock::kStagingBytes) {
    flush();
    return add(record, value);
  }
  if (beside) {
    ++open_.count;
  } else {
    if (values_ != 0) publish_head();
    open_ = record;
    std::memcpy(shared_.staging + staged_, &record, sizeof record);
    staged_ += sizeof record;
    values_ = staged_;
  }
  if (!value.empty()) std::memcpy(shared_.staging + staged_, value.data(), value.size());
  staged_ += value.size();
  shared_.staged.store({static_cast<std::uint32_t>(values_), open_.count},
                       std::memory_order_release);  // done, whatever happens to this process
}

/// The head of the last record is complete.
void PoolProcess::publish_head() {
  std::memcpy(shared_.staging + values_ - sizeof open_, &open_, sizeof open_);
}

// Between the post and the store a death would make the worker send the records twice; their home
// takes each once.
void PoolProcess::flush() {
  last_flush_ = steady_clock::now();
  if (staged_ == 0) return;
  publish_head();
  Bytes body(staged_);
  std::memcpy(body.data(), shared_.staging, staged_);
  {
    const ClientLock lock(client_.mutex());
    client_.calls().post_locked(
        Kind::pool_done, pool_, {std::move(body), {}}, 0,
        static_cast<std::uint64_t>(std::max<std::int64_t>(busy_.count(), 1)));
  }
  busy_ = {};
  staged_ = values_ = 0;
  shared_.staged.store({}, std::memory_order_release);
}

// The tasks that this process has finished may be what others wait for: out with their results. A
// thread that the task has started must not touch them.
void PoolProcess::lend() {
  if (std::this_thread::get_id() == thread_) flush();
  const MutexLock lock(lending_);
  if (lent_++ == 0) client_.calls().post(Kind::pool_wait, pool_);
}

void PoolProcess::take_again() {
  const MutexLock lock(lending_);
  if (--lent_ == 0) client_.calls().post(Kind::pool_resume, pool_);
}

std::uint64_t task_depth() {
  const auto serving = Client::current()->pool_process;
  return serving == nullptr ? 0 : serving->depth();
}

LentSlot::LentSlot() {
  auto serving = Client::current()->pool_process;
  if (serving == nullptr || serving->depth() == 0) return;
  serving->lend();
  lent_by_ = std::move(serving);
}
LentSlot::~LentSlot() {
  try {
    if (lent_by_ != nullptr) lent_by_->take_again();
  } catch (const std::exception& error) {
    log_error("a task that has waited cannot say so: {}", error.what());
  }
}

int serve_pool(Client& client, const ObjectId& pool, SharedBlock& shared, ByteView initializer) {
  // Lives until the process ends: threads of tasks may still wait then.
  client.pool_process = std::make_shared<PoolProcess>(client, pool, shared);
  auto& serving = *client.pool_process;
  if (!serving.initialize(initializer)) return 1;
  serving.serve();
  return 0;
}

}  // namespace mpx::detail
