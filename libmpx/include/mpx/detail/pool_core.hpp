#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "mpx/detail/core.hpp"
#include "mpx/detail/mutex.hpp"
#include "mpx/detail/stable.hpp"

namespace mpx::detail {

class PoolCore;
class Progress;

/// The results of one submission, as they come in: what stands behind an AsyncResult. Values are
/// decoded by the thread that waits for them, without any lock of libmpx.
class BatchCore {
 public:
  /// Takes the values of so many elements, of the same size each. Sets `at` to the index of each
  /// before it takes it. Called by one thread at a time.
  using Sink = std::function<void(std::size_t& at, std::size_t count, ByteView values)>;

  BatchCore(std::size_t size, Sink sink) : size_(size), sink_(std::move(sink)) {}
  BatchCore(const BatchCore&) = delete;
  BatchCore& operator=(const BatchCore&) = delete;
  ~BatchCore();

  /// Waits until all results are there and decoded. False: not by the deadline.
  bool wait(Deadline deadline);
  /// Whether all results are there.
  bool ready();
  /// The exception of the element with the lowest index that has one; null if none has.
  [[nodiscard]] std::exception_ptr first_error() const { return error_; }
  /// Has `call` run once all results are there, by a thread that waits in this process.
  void when_ready(std::function<void()> call);

  /// Has wait() show on stderr how far the results are. To be called before they are submitted.
  void show_progress();

  /// A thing that lives as long as the batch is waited for.
  std::shared_ptr<PoolCore> pool;

 private:
  friend class PoolCore;

  void decode(Payload records) MPX_REQUIRES(decoding_);
  void note(std::size_t index, std::exception_ptr error) MPX_REQUIRES(decoding_);

  std::size_t size_;
  Sink sink_;
  std::uint64_t number_ = 0;
  stable::deque<Payload> arrived_ MPX_GUARDED_BY(client_mutex);
  std::size_t received_ MPX_GUARDED_BY(client_mutex) = 0;
  stable::vector<std::function<void()>> callbacks_ MPX_GUARDED_BY(client_mutex);
  Mutex decoding_;  // never held while waiting
  std::size_t decoded_ MPX_GUARDED_BY(decoding_) = 0;
  std::size_t error_index_ MPX_GUARDED_BY(decoding_) = 0;
  std::exception_ptr error_;            // set under decoding_; read when all is decoded
  std::shared_ptr<Progress> progress_;  // null: not shown; set before the batch is submitted
};

struct PoolRequest {
  std::uint64_t processes = 0, max_tasks_per_child = 0, retries = 1;
  std::string name;
};

/// Elements on their way to a pool. As long as all have one size and name no handles they stand
/// side by side; else each gets a head.
class Submission {
 public:
  Submission();
  /// Adds one element, written by `write_element(Writer&)`.
  template <class Write>
  void add(Write write_element) {
    if (has_heads_) begin_element();
    const auto begin = writer_.bytes().size();
    const auto handles = writer_.handles().size();
    write_element(writer_);
    const auto size = writer_.bytes().size() - begin;
    if (count_ == 0) each_ = size;
    if (has_heads_ || size != each_ || size == 0 || writer_.handles().size() != handles)
      end_element(begin, writer_.handles().size() - handles);
    ++count_;
  }
  /// Adds `count` elements of `each` bytes; nothing else may be added.
  void add_row(const void* elements, std::size_t count, std::size_t each) {
    writer_.raw(elements, count * each);
    count_ = count;
    each_ = each;
  }
  [[nodiscard]] std::size_t count() const { return count_; }

 private:
  friend class PoolCore;
  void begin_element();
  void end_element(std::size_t begin, std::size_t handles);

  Writer writer_;  // begins with room for the head of the message
  std::size_t count_ = 0;
  std::size_t each_ = 0;
  bool has_heads_ = false;
};

/// A pool as this process sees it.
class PoolCore : public Core {
 public:
  PoolCore() = default;
  PoolCore(PoolRequest request, Payload initializer)
      : request_(std::move(request)), initializer_(std::move(initializer)) {}

  static std::shared_ptr<PoolCore> make(PoolRequest request, Payload initializer);
  static std::shared_ptr<PoolCore> load(Reader& reader);

  /// `single`: it is one call by itself, not the elements of a map.
  void submit(const std::shared_ptr<BatchCore>& batch, Payload function, Submission elements,
              bool single, std::size_t chunk_size);
  void close();
  void terminate();
  void join();
  /// As terminate(), but waits for nothing and throws nothing; only if the pool was ever used.
  void abandon() noexcept;

  void on(Frame&& frame) override MPX_REQUIRES(client_mutex);

 private:
  friend class BatchCore;
  ObjectId create() override;

  PoolRequest request_;
  Payload initializer_;
  std::atomic<bool> used_ = false;
  stable::unordered_map<std::uint64_t, std::weak_ptr<BatchCore>> batches_
      MPX_GUARDED_BY(client_mutex);
  std::uint64_t next_batch_ MPX_GUARDED_BY(client_mutex) = 1;
  stable::unordered_set<std::uint64_t> known_functions_ MPX_GUARDED_BY(client_mutex);
};

/// The process that made a pool terminates it with its last handle there.
struct PoolOwner {
  explicit PoolOwner(std::shared_ptr<PoolCore> made) : core(std::move(made)) {}
  PoolOwner(const PoolOwner&) = delete;
  PoolOwner& operator=(const PoolOwner&) = delete;
  ~PoolOwner() { core->abandon(); }
  std::shared_ptr<PoolCore> core;
};

}  // namespace mpx::detail
