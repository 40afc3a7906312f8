#include "pool/pool_process.hpp"

#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <iostream>
#include <unordered_map>

#include "core/remote_exception.hpp"
#include "core/throw_trace.hpp"
#include "mpx/detail/callable.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

using std::chrono::steady_clock;
using namespace std::chrono_literals;

/// A function that this process has been taught; one that it could not read fails each of its
/// tasks.
struct Function {
  std::unique_ptr<Callee> callee;
  std::exception_ptr trouble;
};

class PoolProcess {
 public:
  PoolProcess(Client& client, const ObjectId& pool, SharedBlock& shared)
      : client_(client), pool_(pool), shared_(shared) {
    client_.set_handler([this](Frame&& frame) { frames_.push_back(std::move(frame)); });
  }
  ~PoolProcess() { client_.set_handler({}); }
  PoolProcess(const PoolProcess&) = delete;
  PoolProcess& operator=(const PoolProcess&) = delete;

  bool initialize(ByteView call);
  void serve();

 private:
  [[nodiscard]] ThrownAt here() const {
    const auto& self = client_.self();
    return {self.name, self.id.rank(), self.host, self.pid};
  }
  void learn(const Payload& payload);
  void run(Payload payload);
  void run_unit(const Function& function, std::uint64_t batch, std::uint64_t index,
                ByteView arguments);
  void add(const PoolRecord& record, const Payload& value);
  void flush();

  Client& client_;
  ObjectId pool_;
  SharedBlock& shared_;
  std::deque<Frame> frames_;  // guarded by the client's mutex
  std::unordered_map<std::uint64_t, Function> functions_;
  std::size_t staged_ = 0;
  Writer result_;
  steady_clock::time_point last_flush_ = steady_clock::now();
  std::chrono::nanoseconds busy_{0};
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
    client_.post(Kind::pool_ready, pool_, {capture(std::current_exception(), here()), {}},
                 static_cast<std::uint16_t>(Status::error));
    return false;
  }
  client_.post(Kind::pool_ready, pool_);
  return true;
}

void PoolProcess::serve() {
  while (true) {
    Frame frame;
    {
      std::unique_lock lock(client_.mutex());
      if (frames_.empty()) {
        lock.unlock();
        flush();
        // A pool process may be killed later without notice: what tasks printed is out by then.
        std::fflush(stdout);
        std::cout.flush();
        lock.lock();
      }
      client_.wait(lock, Deadline::never(), [&] { return !frames_.empty(); });
      frame = std::move(frames_.front());
      frames_.pop_front();
    }
    const auto kind = frame.header.kind;
    if (kind == Kind::pool_quit) break;
    auto payload = take_payload(std::move(frame));
    if (kind == Kind::pool_learn) learn(payload);
    if (kind == Kind::pool_tasks) run(std::move(payload));
  }
  flush();
}

void PoolProcess::learn(const Payload& payload) {
  Reader reader(payload.bytes);
  auto& function = functions_[reader.number<std::uint64_t>()];
  try {
    function.callee = read_callable(reader);
  } catch (...) {
    function.trouble = std::current_exception();
  }
}

void PoolProcess::run(Payload payload) {
  Unpacker in(payload.bytes);
  const auto stamp = in.get<ClaimStamp>();
  const auto batch = in.get<std::uint64_t>();
  const auto& function = functions_[in.get<std::uint64_t>()];
  const auto first = in.get<std::uint64_t>();
  auto last = steady_clock::now();
  for (std::uint32_t i = 0; i < stamp.count; ++i) {
    const auto arguments = in.view();
    shared_.in_task.store(1, std::memory_order_release);
    const bool mine = client_.take(stamp, stamp.first + i);
    if (mine) run_unit(function, batch, first + i, arguments);
    shared_.in_task.store(0, std::memory_order_release);
    if (!mine) return;  // the rest has been taken back
    const auto now = steady_clock::now();
    busy_ += now - last;
    last = now;
    if (now - last_flush_ > 200us) {
      flush();
      last = steady_clock::now();
    }
  }
}

void PoolProcess::run_unit(const Function& function, std::uint64_t batch, std::uint64_t index,
                           ByteView arguments) {
  PoolRecord record;
  record.batch = batch;
  record.index = index;
  Payload value;
  try {
    if (function.trouble) std::rethrow_exception(function.trouble);
    const RecordThrows recording;
    Reader reader(arguments);
    function.callee->call(reader, result_);
    value = result_.take();
  } catch (...) {
    static_cast<void>(result_.take());
    record.status = static_cast<std::uint32_t>(Status::error);
    value = {capture(std::current_exception(), here(), index), {}};
  }
  record.size = value.bytes.size();
  record.handles = static_cast<std::uint32_t>(value.handles.size());
  add(record, value);
}

void PoolProcess::add(const PoolRecord& record, const Payload& value) {
  const auto size = sizeof record + value.bytes.size();
  if (staged_ + size > SharedBlock::kStagingBytes) flush();
  if (size > SharedBlock::kStagingBytes || !value.handles.empty()) {
    flush();
    Packer body;
    body.reserve(size);
    body.put(record);
    body.put_raw(value.bytes.data(), value.bytes.size());
    client_.post(Kind::pool_done, pool_, {std::move(body).take(), value.handles});
    return;
  }
  std::memcpy(shared_.staging + staged_, &record, sizeof record);
  if (!value.bytes.empty()) {
    std::memcpy(shared_.staging + staged_ + sizeof record, value.bytes.data(), value.bytes.size());
  }
  staged_ += size;
  shared_.staged.store(staged_,
                       std::memory_order_release);  // done, whatever happens to this process
}

// Between the post and the store a death would make the worker send the records twice; their home
// takes each once.
void PoolProcess::flush() {
  last_flush_ = steady_clock::now();
  if (staged_ == 0) return;
  Bytes body(staged_);
  std::memcpy(body.data(), shared_.staging, staged_);
  {
    std::unique_lock lock(client_.mutex());
    client_.post(lock, Kind::pool_done, pool_, {std::move(body), {}}, 0,
                 static_cast<std::uint64_t>(std::max<std::int64_t>(busy_.count(), 1)));
  }
  busy_ = {};
  staged_ = 0;
  shared_.staged.store(0, std::memory_order_release);
}

}  // namespace

int serve_pool(Client& client, const ObjectId& pool, SharedBlock& shared, ByteView initializer) {
  PoolProcess process(client, pool, shared);
  if (!process.initialize(initializer)) return 1;
  process.serve();
  return 0;
}

}  // namespace mpx::detail
