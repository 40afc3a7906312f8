#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <thread>

#include "mpx/detail/core.hpp"

namespace mpx::detail {

/// A lock, and for a Value its value, as this process sees them: where the words are.
class SyncCore : public Core {
 public:
  /// A lock alone.
  SyncCore() = default;
  /// A Value with these bytes at first.
  explicit SyncCore(Bytes initial) : initial_(std::move(initial)), has_value_(true) {}

  static std::shared_ptr<SyncCore> make_lock();
  static std::shared_ptr<SyncCore> make_value(Bytes initial);
  static std::shared_ptr<SyncCore> load(Reader& reader);

  bool lock(Deadline deadline);
  void unlock();
  bool lock_recursive(Deadline deadline);
  void unlock_recursive();
  bool abandoned();
  void clear_abandoned();

  void load_value(void* into, std::size_t size);
  void store_value(const void* from, std::size_t size);
  void exchange_value(void* value, std::size_t size);
  /// Sets the value to `desired` if it equals `expected`; else sets `expected` to it.
  bool compare_exchange_value(void* expected, const void* desired, std::size_t size);
  /// For 8-byte integers. Returns the old value.
  std::uint64_t fetch_add_value(std::uint64_t by);

 private:
  struct Word {
    std::int32_t home = -1;
    std::uint32_t slot = 0;
  };

  ObjectId create() override;
  void save_details(Writer& writer) const override;
  bool lock_contended(std::uint64_t word, Deadline deadline);

  Word lock_, value_;
  Bytes initial_;
  bool has_value_ = false;
  // Owner of a RecursiveLock inside this process; guarded by the client's mutex.
  std::optional<std::thread::id> owner_;
  std::uint64_t depth_ = 0;
};

}  // namespace mpx::detail
