#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "mpx/detail/core.hpp"
#include "mpx/detail/stable.hpp"

namespace mpx::detail {

/// What a queue holds and lets in, and where it lives.
struct QueueSettings {
  std::uint64_t capacity = 0;
  std::uint64_t budget_bytes = 0;
  std::optional<std::int32_t> home = {};  // none: anywhere
};

struct QueueInfo {
  std::uint64_t size = 0;
  std::uint64_t capacity = 0;
  bool closed = false;
};

/// A queue as this process sees it: its name, and items that the home has handed ahead.
class QueueCore : public Core {
 public:
  explicit QueueCore(const QueueSettings& settings);
  ~QueueCore() override;

  static std::shared_ptr<QueueCore> make(const QueueSettings& settings);
  static std::shared_ptr<QueueCore> load(Reader& reader);

  /// False: no room by the deadline.
  bool put(Payload item, Deadline deadline);
  /// Nothing: no item by the deadline.
  std::optional<Payload> get(Deadline deadline);
  QueueInfo info();
  void close();
  void flush();

  void on(Frame&& frame) override;

 private:
  struct Units;
  struct Answer;

  ObjectId create() override;
  void save_details(Writer& writer) const override;
  bool before_drop() override;
  std::optional<Payload> take_ahead();

  QueueSettings settings_;
  // guarded by the client's mutex
  stable::deque<Units> ahead_;
  std::uint32_t taken_ = 0;
  std::uint16_t slot_ = 0xFFFF;
  bool has_slot_ = false, closed_ = false;
  std::uint64_t unsynced_bytes_ = 0;
};

}  // namespace mpx::detail
