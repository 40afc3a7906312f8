#include "mpx/detail/pool_core.hpp"

#include <cstring>

#include "core/log.hpp"
#include "core/pack.hpp"
#include "core/remote_exception.hpp"
#include "endpoint/client.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

/// FNV-1a (Fowler, Noll, Vo): names a function with its bound state by content.
std::uint64_t name_of(const Bytes& bytes) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const auto byte : bytes) hash = (hash ^ static_cast<std::uint8_t>(byte)) * 0x100000001b3u;
  return hash ^ bytes.size();
}

}  // namespace

Submission::Submission() { writer_.reserve(256); }

void Submission::set_head(std::size_t head, std::size_t handles) {
  auto* at = writer_.bytes().data() + head;
  const auto count = static_cast<std::uint32_t>(handles);
  const std::uint64_t size = writer_.bytes().size() - head - sizeof count - sizeof size;
  std::memcpy(at, &count, sizeof count);
  std::memcpy(at + sizeof count, &size, sizeof size);
}

std::shared_ptr<PoolCore> PoolCore::make(PoolRequest request, Payload initializer) {
  return Client::make_core<PoolCore>(std::move(request), std::move(initializer));
}

std::shared_ptr<PoolCore> PoolCore::load(Reader& reader) {
  return Client::current()->adopt<PoolCore>(load_id(reader),
                                            [] { return Client::make_core<PoolCore>(); });
}

ObjectId PoolCore::create() {
  const auto client = Client::current();
  const auto id = client->new_object(0);
  PoolSettings settings{request_.processes, request_.max_tasks_per_child, request_.retries,
                        request_.name};
  Client::check(client->call(Kind::create, id, {Packer::pack(ObjectKind::pool, settings), {}}),
                "making a Pool");
  Client::check(client->call(Kind::pool_open, id, std::move(initializer_)), "making a Pool");
  client->has_started_children = true;
  used_ = true;
  return id;
}

void PoolCore::submit(const std::shared_ptr<BatchCore>& batch, Payload function,
                      Submission elements, std::size_t chunk_size) {
  auto& to = client();
  batch->pool = std::static_pointer_cast<PoolCore>(shared_from_this());
  const auto count = elements.count();
  if (count == 0) return;
  const auto name = name_of(function.bytes);
  std::uint64_t number = 0;
  {
    std::unique_lock lock(to.mutex());
    number = batch->number_ = next_batch_++;
    batches_[number] = batch;
    if (known_functions_.insert(name).second) {
      Packer body;
      body.put(name);
      body.put_raw(function.bytes.data(), function.bytes.size());
      to.post(lock, Kind::pool_function, id(),
              {std::move(body).take(), std::move(function.handles)});
    }
  }
  auto payload = elements.writer_.take();
  Packer body;
  body.reserve(payload.bytes.size() + 32);
  body.put(number);
  body.put(name);
  body.put(std::uint64_t{count});
  body.put(std::uint64_t{chunk_size});
  body.put_raw(payload.bytes.data(), payload.bytes.size());
  const auto reply =
      to.call(Kind::pool_submit, id(), {std::move(body).take(), std::move(payload.handles)});
  if (reply.status == Status::ok) return;
  {
    const std::lock_guard guard(to.mutex());
    batches_.erase(number);
  }
  Client::check(reply, "submitting to a Pool");
}

void PoolCore::close() { Client::check(client().call(Kind::pool_close, id()), "closing a Pool"); }
void PoolCore::terminate() {
  Client::check(client().call(Kind::pool_terminate, id()), "terminating a Pool");
}
void PoolCore::join() { Client::check(client().call(Kind::pool_join, id()), "joining a Pool"); }

void PoolCore::abandon() noexcept {
  if (!used_) return;
  try {
    client().post(Kind::pool_terminate, id());
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
    for (const auto& handle : payload.handles)
      client().return_from_delivery(Kind::drop_flight, handle, {});
    return;
  }
  Unpacker in(payload.bytes);
  while (!in.at_end()) {
    static_cast<void>(in.view(in.get<PoolRecord>().size));
    ++batch->received_;
  }
  batch->arrived_.push_back(std::move(payload));
  if (batch->received_ < batch->size_) return;
  batches_.erase(found);
  for (auto& call : batch->callbacks_) client().run_soon(std::move(call));
  batch->callbacks_.clear();
}

BatchCore::~BatchCore() = default;

void BatchCore::when_ready(std::function<void()> call) {
  if (!pool || size_ == 0) return call();
  auto& client = pool->client();
  {
    const std::lock_guard guard(client.mutex());
    if (received_ < size_) {
      callbacks_.push_back(std::move(call));
      return;
    }
  }
  call();
}

bool BatchCore::ready() {
  if (!pool || size_ == 0) return true;
  auto& client = pool->client();
  std::unique_lock lock(client.mutex());
  return client.wait(lock, Deadline::now(), [&] { return received_ == size_; });
}

bool BatchCore::wait(Deadline deadline) {
  if (!pool || size_ == 0) return true;
  auto& client = pool->client();
  while (true) {
    std::unique_lock lock(client.mutex());
    if (!client.wait(lock, deadline, [&] { return !arrived_.empty() || received_ == size_; }))
      return false;
    lock.unlock();
    // Not held while waiting: a callback that runs in there may wait for this batch too.
    const std::lock_guard decoding(decoding_);
    lock.lock();
    const auto records = std::exchange(arrived_, {});
    lock.unlock();
    for (const auto& payload : records) decode(payload);
    if (decoded_ == size_) return true;
  }
}

void BatchCore::decode(const Payload& records) {
  Unpacker in(records.bytes);
  while (!in.at_end()) {
    const auto record = in.get<PoolRecord>();
    const auto value = in.view(record.size);
    ++decoded_;
    std::exception_ptr error;
    if (record.status == static_cast<std::uint32_t>(Status::ok)) {
      try {
        sink_(record.index, value);
      } catch (...) {
        error = std::current_exception();
      }
    } else {
      error = decode_exception(value);
    }
    if (error && (!error_ || record.index < error_index_)) {
      error_ = error;
      error_index_ = record.index;
    }
  }
}

}  // namespace mpx::detail
