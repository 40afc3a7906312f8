#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "mpx/detail/core.hpp"
#include "mpx/detail/send_window.hpp"
#include "mpx/detail/stable.hpp"

namespace mpx::detail {

class ItemBlock;
struct Reply;

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

  void on(Frame&& frame) override MPX_REQUIRES(client_mutex);

 private:
  struct Units;
  struct Answer;
  struct Getting;

  ObjectId create() override;
  void save_details(Writer& writer) const override;
  bool before_drop() override MPX_REQUIRES(client_mutex);
  [[nodiscard]] bool has_spare() const MPX_REQUIRES(client_mutex);
  std::optional<Payload> take_ahead() MPX_REQUIRES(client_mutex);
  void unget(ItemBlock items) MPX_REQUIRES(client_mutex);
  bool put_unasked(Payload& item, Deadline deadline);
  bool put_reserved(Payload item, Deadline deadline);
  bool accepted(const Reply& reply, Deadline deadline);
  [[noreturn]] void throw_closed(Deadline deadline);

  QueueSettings settings_;
  std::atomic<bool> closed_ = false;
  std::atomic<std::uint64_t> unasked_ = 0;  // items put that no answer was asked for
  std::atomic<std::uint64_t> flushed_ = 0;  // of them
  stable::deque<Units> ahead_ MPX_GUARDED_BY(client_mutex);
  // Whose items have come and are not taken, in that order.
  stable::deque<const Answer*> due_ MPX_GUARDED_BY(client_mutex);
  std::uint32_t taken_ MPX_GUARDED_BY(client_mutex) = 0;
  std::optional<std::uint16_t> slot_ MPX_GUARDED_BY(client_mutex);  // from the first get on
  bool late_ MPX_GUARDED_BY(client_mutex) =
      false;  // what comes in answers a get that has been given up
  SendWindow window_ MPX_GUARDED_BY(client_mutex);
};

}  // namespace mpx::detail
