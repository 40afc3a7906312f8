#include "mpx/detail/pool_core.hpp"

#include <cstring>

#include "core/log.hpp"
#include "core/pack.hpp"
#include "core/remote_exception.hpp"
#include "endpoint/client.hpp"
#include "endpoint/make_core.hpp"
#include "endpoint/surroundings.hpp"
#include "mpx/error.hpp"
#include "pool/pool_process.hpp"
#include "pool/progress.hpp"
#include "wire/pool.hpp"

namespace mpx::detail {
namespace {

/// FNV-1a (Fowler, Noll, Vo): names a function with its bound state by content.
std::uint64_t name_of(const Bytes& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const auto byte : bytes) hash = (hash ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3u;
  return hash ^ bytes.size();
}

}  // namespace

Submission::Submission() {
  writer_.reserve(256);
  writer_.extend(sizeof(PoolSubmission));
}

void Submission::begin_element() { writer_.extend(sizeof(ElementHead)); }

/// The element at `begin` is written; if it is the first that needs a head, all get one.
void Submission::end_element(std::size_t begin, std::size_t handles) {
  auto& bytes = writer_.bytes();
  ElementHead head{bytes.size() - begin, handles};
  if (!std::exchange(has_heads_, true)) {
    const auto room = sizeof head * (count_ + 1);
    writer_.extend(room);
    std::memmove(bytes.data() + begin + room, bytes.data() + begin, head.size);
    const ElementHead other{each_, 0};
    for (auto i = count_; i-- > 0;) {  // from the last: each moves up
      const auto from = sizeof(PoolSubmission) + i * each_;
      const auto to = from + i * sizeof head;
      std::memmove(bytes.data() + to + sizeof head, bytes.data() + from, each_);
      std::memcpy(bytes.data() + to, &other, sizeof other);
    }
    begin += room;
  }
  std::memcpy(bytes.data() + begin - sizeof head, &head, sizeof head);
}

std::shared_ptr<PoolCore> PoolCore::make(PoolRequest request, Payload initializer) {
  return make_core<PoolCore>(std::move(request), std::move(initializer));
}

std::shared_ptr<PoolCore> PoolCore::load(Reader& reader) {
  return adopt_core<PoolCore>(load_id(reader), [] { return make_core<PoolCore>(); });
}

ObjectId PoolCore::create() {
  const auto client = Client::current();
  const auto id = client->placement().new_object(0);
  PoolSettings settings{request_.processes, request_.max_tasks_per_child, request_.retries,
                        request_.name,      client->self().facts(),       current_surroundings()};
  client->placement().make_object(id, {Packer::pack(ObjectKind::pool, settings), {}},
                                  "making a Pool");
  client->calls().call(Kind::pool_open, id, std::move(initializer_)).check("making a Pool");
  client->has_started_children = true;
  used_ = true;
  return id;
}

void PoolCore::submit(const std::shared_ptr<BatchCore>& batch, Payload function,
                      Submission elements, bool single, std::size_t chunk_size) {
  auto& to = client();
  batch->pool = std::static_pointer_cast<PoolCore>(shared_from_this());
  const auto count = elements.count();
  if (count == 0) return;
  const auto name = name_of(function.bytes);
  const auto kept = std::exchange(function.kept, {});
  std::uint64_t number = 0;
  {
    const ClientLock lock(to.mutex());
    number = batch->number_ = next_batch_++;
    batches_[number] = batch;
    if (known_functions_.insert(name).second) {
      Packer body;
      body.put(name);
      body.put_raw(function.bytes.data(), function.bytes.size());
      to.calls().post_locked(Kind::pool_function, id(),
                             {std::move(body).take(), std::move(function.handles)});
    }
  }
  auto payload = elements.writer_.take();
  const PoolSubmission head{number,          name,         count,
                            chunk_size,      task_depth(), elements.has_heads_ ? 0 : elements.each_,
                            single ? 1U : 0U};
  std::memcpy(payload.bytes.data(), &head, sizeof head);
  const auto reply = to.calls().call(Kind::pool_submit, id(), std::move(payload));
  if (reply.status == Status::ok) return;
  {
    const ClientLock guard(to.mutex());
    batches_.erase(number);
  }
  reply.check("submitting to a Pool");
}

void PoolCore::close() { client().calls().call(Kind::pool_close, id()).check("closing a Pool"); }
void PoolCore::terminate() {
  client().calls().call(Kind::pool_terminate, id()).check("terminating a Pool");
}
void PoolCore::join() { client().calls().call(Kind::pool_join, id()).check("joining a Pool"); }

void PoolCore::abandon() noexcept {
  if (!used_) return;
  try {
    client().calls().post(Kind::pool_terminate, id());
  } catch (const std::exception& error) {
    log_debug("a Pool ends: {}", error.what());
  }
}

void PoolCore::on(Frame&& frame) {
  if (frame.header.kind != Kind::pool_results) return;
  const auto found = batches_.find(frame.header.call);
  const auto batch = found == batches_.end() ? nullptr : found->second.lock();
  auto payload = take_payload(std::move(frame));
  if (!batch) {  // nobody wants them any more
    if (found != batches_.end()) batches_.erase(found);
    client().cores().drop_locked(payload.handles);
    return;
  }
  Unpacker in(payload.bytes);
  while (!in.at_end()) {
    batch->received_ += next_record(in).first.count;
  }
  batch->arrived_.push_back(std::move(payload));
  if (batch->received_ < batch->size_) return;
  batches_.erase(found);
  for (auto& call : batch->callbacks_) client().tasks().run_soon(std::move(call));
  batch->callbacks_.clear();
}

BatchCore::~BatchCore() = default;

void BatchCore::when_ready(std::function<void()> call) {
  if (!pool || size_ == 0) return Tasks::call(call);
  auto& client = pool->client();
  {
    const ClientLock guard(client.mutex());
    if (received_ < size_) {
      callbacks_.push_back(std::move(call));
      return;
    }
  }
  Tasks::call(call);
}

bool BatchCore::ready() {
  if (!pool || size_ == 0) return true;
  auto& client = pool->client();
  const ClientLock lock(client.mutex());
  return client.waits().wait(Deadline::now(), {},
                             [&]() MPX_REQUIRES(client_mutex) { return received_ == size_; });
}

bool BatchCore::wait(Deadline deadline) {
  if (!pool || size_ == 0) return true;
  auto& client = pool->client();
  const auto some = [&]() MPX_REQUIRES(client_mutex) {
    return !arrived_.empty() || received_ == size_;
  };
  while (true) {
    ClientLock lock(client.mutex());
    const bool there = some();
    lock.unlock();
    if (!there) {
      const LentSlot lent;
      const ClientLock waiting(client.mutex());
      if (!client.waits().wait(deadline, {Kind::pool_results, pool->id()}, some)) return false;
    }
    // Not held while waiting: a callback that runs in there may wait for this batch too.
    const MutexLock decoding(decoding_);
    lock.lock();
    auto records = std::exchange(arrived_, {});
    lock.unlock();
    for (auto& payload : records) decode(std::move(payload));
    if (progress_) progress_->show(decoded_);
    if (decoded_ == size_) return true;
  }
}

void BatchCore::show_progress() { progress_ = std::make_shared<Progress>(size_); }

void BatchCore::decode(Payload records) {
  Incoming incoming(records.handles);
  for (Unpacker in(records.bytes); !in.at_end();) {
    const auto [record, values] = next_record(in);
    decoded_ += record.count;
    if (record.failed()) {
      note(record.first, decode_exception(values));
      continue;
    }
    const auto end = record.first + record.count;
    for (std::size_t at = record.first; at != end;) {
      try {
        sink_(at, end - at, values.last((end - at) * record.size));
        break;
      } catch (...) {
        note(at++, std::current_exception());
      }
    }
  }
}

void BatchCore::note(std::size_t index, std::exception_ptr error) {
  if (error_ && error_index_ <= index) return;
  error_ = std::move(error);
  error_index_ = index;
}

}  // namespace mpx::detail
