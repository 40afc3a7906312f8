#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "mpx/detail/core.hpp"
#include "mpx/detail/end_inbox.hpp"
#include "mpx/detail/send_window.hpp"

namespace mpx::detail {

class DirectRing;
enum class EndGone : std::uint16_t;
enum class EndRoute : std::uint16_t;
struct ProcessFacts;

/// One end of a pipe, as this process sees it.
class ConnectionCore : public Core {
 public:
  /// An end that names nothing.
  ConnectionCore();
  ConnectionCore(const ObjectId& peer, bool readable, bool writable);
  ~ConnectionCore() override;

  static std::pair<std::shared_ptr<ConnectionCore>, std::shared_ptr<ConnectionCore>> make_pipe(
      bool duplex);
  static std::shared_ptr<ConnectionCore> load(Reader& reader);

  void send(Payload value);
  Payload receive();
  void put_back(Payload value);
  bool poll(Deadline deadline);
  void close();
  [[nodiscard]] bool closed() const { return closed_; }
  [[nodiscard]] bool readable() const { return readable_; }
  [[nodiscard]] bool writable() const { return writable_; }

  void on(Frame&& frame) override MPX_REQUIRES(client_mutex);
  void subscribe() override;
  [[nodiscard]] bool ready() const override MPX_REQUIRES(client_mutex) {
    return !inbox_.empty() || incoming_.over() || closed_;
  }

 private:
  struct Binding;
  /// What has become of the other end.
  struct Fate {
    bool closed = false;
    std::exception_ptr lost;
    [[nodiscard]] bool over() const { return closed || lost; }
  };

  ObjectId create() override;
  void save_details(Writer& writer) const override;
  bool before_drop() override MPX_REQUIRES(client_mutex);
  void before_exit() override MPX_REQUIRES(client_mutex) { before_drop(); }
  void require_open(const char* what) const MPX_REQUIRES(client_mutex);
  bool send_direct(const Payload& value) MPX_REQUIRES(client_mutex);
  bool take_direct() MPX_REQUIRES(client_mutex);
  bool has_message() MPX_REQUIRES(client_mutex);
  void make_ring(std::uint64_t offer) MPX_REQUIRES(client_mutex);
  void open_ring(const Payload& offer) MPX_REQUIRES(client_mutex);
  void drop_ring() MPX_REQUIRES(client_mutex);
  void bind(Deadline deadline) MPX_REQUIRES(client_mutex);
  bool is_readable() MPX_REQUIRES(client_mutex);
  bool wait_readable(Deadline deadline) MPX_REQUIRES(client_mutex);
  static void on_peer(Fate& fate, EndGone what, const ProcessFacts& facts);
  void learn_fate() MPX_REQUIRES(client_mutex);
  void give_back() MPX_REQUIRES(client_mutex);

  ObjectId peer_;
  bool readable_ = false, writable_ = false;
  EndInbox inbox_ MPX_GUARDED_BY(client_mutex);
  DirectRing* ring_ MPX_GUARDED_BY(client_mutex) = nullptr;  // messages come by it; the link's
  std::unique_ptr<DirectRing> direct_ MPX_GUARDED_BY(client_mutex);  // messages leave by it
  std::uint64_t direct_offer_ MPX_GUARDED_BY(client_mutex) = 0;  // the number that its home gave it
  SendWindow window_ MPX_GUARDED_BY(client_mutex);
  std::uint32_t direct_sends_ MPX_GUARDED_BY(client_mutex) = 0;
  bool bound_ MPX_GUARDED_BY(client_mutex) = false;
  std::atomic<bool> closed_ = false;            // set under the mutex
  Fate incoming_ MPX_GUARDED_BY(client_mutex);  // told behind all messages, to who receives
  Fate outgoing_ MPX_GUARDED_BY(client_mutex);  // told at once, to who sends
  std::shared_ptr<Binding> binding_
      MPX_GUARDED_BY(client_mutex);  // the last end_bind; null if there was none
  std::size_t receiving_ MPX_GUARDED_BY(client_mutex) = 0;  // threads that wait for a message
  std::uint64_t unacknowledged_bytes_ MPX_GUARDED_BY(client_mutex) = 0;
};

}  // namespace mpx::detail
