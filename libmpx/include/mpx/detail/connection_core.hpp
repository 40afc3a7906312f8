#pragma once

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

  void on(Frame&& frame) override;
  void subscribe() override;
  [[nodiscard]] bool ready() const override {
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
  bool before_drop() override;
  void before_exit() override { before_drop(); }
  void require_open(const char* what) const;
  bool send_direct(const Payload& value);
  bool take_direct();
  bool has_message();
  void make_ring(std::uint64_t offer);
  void open_ring(const Payload& offer);
  void drop_ring();
  void bind(Deadline deadline);
  bool is_readable();
  bool wait_readable(Deadline deadline);
  static void on_peer(Fate& fate, EndGone what, const ProcessFacts& facts);
  void learn_fate();
  void give_back();

  ObjectId peer_;
  bool readable_ = false, writable_ = false;
  // guarded by the client's mutex
  EndInbox inbox_;
  DirectRing* ring_ = nullptr;          // messages come by it; the link's
  std::unique_ptr<DirectRing> direct_;  // messages leave by it
  std::uint64_t direct_offer_ = 0;      // the number that its home gave it
  SendWindow window_;
  std::uint32_t direct_sends_ = 0;
  bool bound_ = false, closed_ = false;
  Fate incoming_;                     // told behind all messages, to who receives
  Fate outgoing_;                     // told at once, to who sends
  std::shared_ptr<Binding> binding_;  // the last end_bind; null if there was none
  std::size_t receiving_ = 0;         // threads that wait for a message
  std::uint64_t unacknowledged_bytes_ = 0;
};

}  // namespace mpx::detail
