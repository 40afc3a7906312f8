#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <thread>
#include <type_traits>

#include "mpx/detail/core.hpp"
#include "mpx/detail/word_core.hpp"
#include "mpx/detail/word_number.hpp"

namespace mpx::detail {

/// Types that a Value or an Array can hold.
template <class T>
inline constexpr bool has_bytes =
    std::is_trivially_copyable_v<T>&& std::is_copy_constructible_v<T> && !std::is_const_v<T>;

/// A T that its bytes are about to be copied to, whether it has a default or not.
template <class T>
union Unset {
  Unset() {}
  T bytes;
};

template <class T>
T default_of() {
  constexpr bool kDefault = std::is_default_constructible_v<T>;
  static_assert(kDefault,
                "mpx: a Value of a type without default constructor is given its first value: "
                "Value<T>(initial)");
  if constexpr (kDefault) return T{};
}

/// A lock, and for a Value or an Array what it guards, as this process sees them: where the words
/// are.
class SyncCore : public Core {
 public:
  enum class Guards : std::uint8_t { nothing, value, array };
  explicit SyncCore(Guards guards = Guards::nothing, Bytes initial = {}, std::uint64_t bytes = 0)
      : guards_(guards), initial_(std::move(initial)), array_bytes_(bytes) {}

  static std::shared_ptr<SyncCore> make_lock();
  static std::shared_ptr<SyncCore> make_value(Payload initial);
  /// `initial`, whose bytes count, may be shorter: the rest is 0.
  static std::shared_ptr<SyncCore> make_array(std::uint64_t bytes, Payload initial);
  static std::shared_ptr<SyncCore> load(Reader& reader);

  bool lock(Deadline deadline);
  void unlock();
  bool lock_recursive(Deadline deadline);
  void unlock_recursive();
  bool abandoned();
  void clear_abandoned();

  /// Gives the lock back, fully, waits at the condition, and has the lock again; false: nobody
  /// notified by the deadline. Throws UsageError where the lock is not held.
  bool wait_at(const ObjectId& condition, bool recursive, Deadline deadline);
  void notify_at(const ObjectId& condition, bool recursive, std::uint64_t n);

  void load_value(void* into, std::size_t size);
  void store_value(const void* from, std::size_t size);
  void exchange_value(void* value, std::size_t size);
  /// Sets the value to `desired` if it equals `expected`; else sets `expected` to it.
  bool compare_exchange_value(void* expected, const void* desired, std::size_t size);
  /// For numbers that a word holds. Returns the old value.
  std::uint64_t fetch_add_value(WordNumber number, std::uint64_t by);

  [[nodiscard]] std::uint64_t array_bytes() const { return array_bytes_; }
  void read_array(std::uint64_t offset, void* into, std::size_t size);
  void write_array(std::uint64_t offset, const void* from, std::size_t size);

 private:
  ObjectId create() override;
  void save_details(Writer& writer) const override;

  void require_owner(const char* what) MPX_REQUIRES(client_mutex);

  WordPlace lock_, value_;
  Guards guards_;
  Bytes initial_;
  std::uint64_t array_bytes_;
  // Owner of a RecursiveLock inside this process.
  std::optional<std::thread::id> owner_ MPX_GUARDED_BY(client_mutex);
  std::uint64_t depth_ MPX_GUARDED_BY(client_mutex) = 0;
  // Itself while owned: who owns it is known here only.
  std::shared_ptr<Core> kept_ MPX_GUARDED_BY(client_mutex);
};

/// The size of an Array of `n` elements. Throws UsageError if there is no such size.
std::uint64_t bytes_of_array(std::size_t n, std::size_t each);
/// Throws std::out_of_range if elements `offset` to `offset + count` are not all among `size`.
void check_array_bounds(const char* what, std::size_t offset, std::size_t count, std::size_t size);

}  // namespace mpx::detail
