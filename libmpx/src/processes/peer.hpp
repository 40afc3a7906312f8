#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "core/byte_stream.hpp"
#include "core/frame_stream.hpp"
#include "wire/kinds.hpp"
#include "wire/shared_block.hpp"

namespace mpx::detail {

/// What whoever is attached to a rank may do there.
struct PeerClass {
  const char* what;        ///< in messages: "process"
  bool (*may_send)(Kind);  ///< the kinds of frames that it may send
};

/// A process of this rank.
inline constexpr PeerClass kProcessPeer{"process", is_for_processes};

/// The account of whoever is attached to a rank and is no rank itself: what it was sent and has not
/// taken, what it holds, and which homes know it. So that its end, at any moment, leaves nothing behind.
///
/// Ordering:      everything that it wrote is routed before what leave() routes.
/// Thread safety: none; called under the runtime's mutex.
/// Failure:       pump() throws Error if what it has sent cannot be right; it must not be called again.
class Peer {
 public:
  /// Routes a frame of the peer, or one that its account gives rise to.
  using Route = std::function<void(Frame&&)>;

  /// `shared`: memory that the peer shares with this rank, or null; then it is handed no units ahead.
  /// It lies in what `stream` owns, or lives longer. `route` must live as long.
  Peer(ProcessId id, const PeerClass& its_class, std::unique_ptr<ByteStream> stream,
       SharedBlock* shared, const Route& route);

  [[nodiscard]] ProcessId id() const { return id_; }
  [[nodiscard]] int socket() const { return stream_->socket(); }

  /// Its first frame, which says what it is to do: objects named in it are held from now on, even if
  /// it does not live to say so.
  void begin(Frame main);
  /// Sends it a frame.
  void deliver(Frame frame);
  /// Moves what can be moved; returns how many frames have come. Never blocks.
  std::size_t pump();

  /// Takes back what it has not taken of a claim slot, and tells the object's home.
  void recall(std::uint16_t slot, const ObjectId& object);
  /// It holds `more` permits more of `semaphore`, taken by way of its word.
  void note_permits(const ObjectId& semaphore, std::int64_t more);
  /// The permits that it holds, by this account and by its own.
  void permits(const std::function<void(const ObjectId&, std::int64_t)>& tell) const;
  /// Asks it what it waits for, but if it has not answered the last time: it computes.
  void ask_waits(std::uint64_t round);
  /// Asks it to stop, by the memory that it shares.
  void request_stop();

  void announce_sleep() { stream_->announce_sleep(); }
  /// False if the peer's end of the stream is closed.
  [[nodiscard]] bool announce_awake();
  /// Whether something can be read, or a frame that waits can be written.
  [[nodiscard]] bool readable() const { return stream_->readable() || writer_.can_write(*stream_); }
  /// Whether something for it waits for room.
  [[nodiscard]] bool congested() const { return !writer_.empty() || !stalled_.empty(); }

  /// It is gone, and has been pumped for the last time. Routes what it leaves behind, and returns the
  /// ranks with homes that are to hear of its end.
  std::set<int> leave();

 private:
  void on_frame(Frame&& frame);
  void route(Frame&& frame) { route_(std::move(frame)); }
  void send(Frame frame);
  void send_stalled();
  bool stamp(Frame& frame);
  void touch(std::int32_t home);
  bool gather_put(const Frame& frame);
  void send_puts();
  void replace_segment(std::size_t size);
  void settle(const Reference& reference);

  ProcessId id_;
  PeerClass class_;
  std::unique_ptr<ByteStream> stream_;
  SharedBlock* shared_;
  const Route& route_;
  FrameReader reader_;
  FrameWriter writer_;
  std::set<int> touched_;  // ranks of homes that it may have used
  int last_touched_ = -1;
  std::unordered_map<std::uint16_t, ObjectId> slots_;  // whose units a claim slot carries
  std::deque<Frame> stalled_;                          // claimable deliveries without number space
  bool asked_ = false;                                 // what it waits for, and it has not answered
  std::map<ObjectId, std::int64_t> permits_;
  std::map<Reference, int> arrived_;  // references in what it was sent, until it takes them over
  std::set<Reference> arguments_;     // of these, what it was started with
  Frame puts_;                        // queue_puts: small puts in a row, gathered
};

/// Gives up the references of a frame that nobody will take.
void drop_references(const Frame& frame, const Peer::Route& route);

}  // namespace mpx::detail
