#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include "core/frame.hpp"
#include "transport/batch.hpp"
#include "transport/doorbells.hpp"
#include "transport/segment_post.hpp"
#include "transport/transport.hpp"

namespace mpx::detail {

/// The receiving half of MpiTransport.
///
/// One receive for batches from anybody stands all the time: MPI puts a batch into its buffer as it
/// arrives, which costs half of what probing for it does. The parts of a long body are looked for
/// once its header has come, and what the same source sent after it waits until they are here;
/// other sources pass.
class Inbox {
 public:
  /// What the caller means to do if a poll finds nothing. sleep_on: after a sleep during which
  /// nobody rang, so that only messages from other nodes can be there.
  enum class Before { another_poll, sleep, sleep_on };

  Inbox(MPI_Comm communicator, int size, BatchPool& pool, Doorbells& doorbells,
        SegmentPost& segments);
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;
  ~Inbox();

  /// As Transport::poll(). Throws TransportError, at every call, while there is no memory for a
  /// message. After an exception, from `deliver` too, the next poll goes on with the
  /// frame after the one concerned.
  std::size_t poll(const Transport::Deliver& deliver, Before before);

  /// MPI messages taken so far.
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

  /// A segment that another rank has given to this one.
  struct Given {
    int from;
    std::size_t size;  ///< bytes of the message in it
  };
  /// Those since the last call.
  [[nodiscard]] std::vector<Given> take_given() { return std::exchange(given_, {}); }

  /// Whether no message is partly here.
  [[nodiscard]] bool idle() const { return active_.empty(); }

 private:
  /// A part of a long body.
  struct Part {
    std::size_t size = 0;
    MPI_Message handle = MPI_MESSAGE_NULL;   // until its receive begins
    MPI_Request request = MPI_REQUEST_NULL;  // from then on
  };
  /// A batch of which frames are still to be delivered.
  struct Waiting {
    BatchPool::Handle batch;
    std::size_t offset = 0;  // of the first of them
  };
  struct Source {
    Frame frame;              // whose long body is coming in parts
    bool incomplete = false;  // there is such a frame
    std::size_t matched = 0;  // bytes of it in parts that were found,
    std::size_t arrived = 0;  // and in those that are here
    std::deque<Part> parts;   // found and not here
    std::deque<Waiting> queue;
    bool active = false;  // listed in active_

    std::uint64_t total = 0;  // bytes of the parts
  };

  void post();
  bool take_batch(const Transport::Deliver& deliver);
  bool find_parts(int from, Source& state);
  bool look_for_parts();
  void advance_all(const Transport::Deliver& deliver);
  void advance(int from, const Transport::Deliver& deliver);
  bool fetch_parts(int from, Source& state);
  void deliver_batch(int from, const Batch& batch, std::size_t& offset,
                     const Transport::Deliver& deliver);
  void begin_long(int from, const FrameHeader& header);
  void take_segment(int from, Frame& frame);
  void make_room(int from, Frame& frame);
  void allocate(Bytes& body, std::uint64_t length, int from) const;
  void begin_receive(int from, Source& state, Part& part);
  void ring(int rank);
  void activate(int from);
  Source& source(int rank);

  MPI_Comm communicator_;
  int self_ = 0;
  BatchPool& pool_;
  Doorbells& doorbells_;
  SegmentPost& segments_;
  std::vector<std::unique_ptr<Source>> sources_;  // by rank; none before its first queued message
  std::vector<int> active_;                       // sources with something queued or incomplete
  BatchPool::Handle buffer_;                      // of standing_
  MPI_Request standing_ = MPI_REQUEST_NULL;
  std::vector<Given> given_;
  std::uint64_t messages_ = 0;
  std::size_t delivered_ = 0;  // by the poll that runs
  bool polling_ = false;
  bool dense_ = false;  // the last poll found a message
};

}  // namespace mpx::detail
