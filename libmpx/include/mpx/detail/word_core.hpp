#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "mpx/detail/core.hpp"

namespace mpx::detail {

class PermitNote;

void save_place(Writer& writer, const WordPlace& place);
WordPlace load_place(Reader& reader);

/// Waits at the home of an object until this process has it; false: not by the deadline.
bool acquire_at_home(Core& core, Deadline deadline, const std::string& what, bool gives_back);
void release_at_home(Core& core, std::uint64_t n, const std::string& what);

/// An object whose state is one word, as this process sees it: most operations are one
/// compare-and-swap, others wait at its home.
class WordCore : public Core {
 protected:
  using Next = std::function<std::optional<std::uint64_t>(std::uint64_t word)>;

  /// Swaps the word for next(word); false if that has no value. Begins with the word that was seen
  /// last, so that it is one operation where nobody else is at work. With `by_rank`, this process's
  /// rank does it, and notes that the process holds so many permits more.
  bool change(const Next& next, std::int64_t by_rank = 0);
  std::uint64_t look();
  /// Makes the object on this process's rank; `arguments` as the wire has them.
  ObjectId create_here(Bytes arguments, const std::string& what);
  void save_details(Writer& writer) const override { save_place(writer, place_); }

  WordPlace place_;

 private:
  std::atomic<std::uint64_t> seen_ = 0;
};

/// A semaphore as this process sees it.
class SemaphoreCore : public WordCore {
 public:
  struct Settings {
    std::uint64_t permits = 1;
    bool bounded = false;  ///< never more than at first
    bool owned = false;
  };
  explicit SemaphoreCore(const Settings& settings);
  static std::shared_ptr<SemaphoreCore> make(const Settings& settings);
  static std::shared_ptr<SemaphoreCore> load(Reader& reader);

  bool acquire(Deadline deadline);
  void release(std::uint64_t n);
  std::uint64_t value();

 private:
  ObjectId create() override;
  void save_details(Writer& writer) const override;

  bool before_drop() override MPX_REQUIRES(client_mutex);
  bool change_permits(const Next& next, std::int64_t by);

  Settings settings_;
  std::uint64_t most_;
  std::atomic<PermitNote*> note_ = nullptr;    // of what this process holds
  std::atomic<bool> noted_elsewhere_ = false;  // it has none
};

/// An event as this process sees it.
class EventCore : public WordCore {
 public:
  static std::shared_ptr<EventCore> make();
  static std::shared_ptr<EventCore> load(Reader& reader);

  void set();
  void clear();
  bool is_set();
  bool wait(Deadline deadline);

 private:
  ObjectId create() override;
};

}  // namespace mpx::detail
