#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "core/frame.hpp"
#include "transport/batch.hpp"
#include "transport/doorbells.hpp"
#include "transport/transport.hpp"

namespace mpx::detail {

/// The receiving half of MpiTransport.
///
/// A message that has arrived whole goes to its receiver at once. One that must still be fetched
/// (rendezvous, parts of a long body) waits in its source's queue, and what the same source sent
/// after it waits behind; other sources pass.
class Inbox {
 public:
  /// What the caller means to do if a poll finds nothing.
  enum class Before { another_poll, sleep };

  Inbox(MPI_Comm communicator, int size, BatchPool& pool, Doorbells& doorbells);
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;
  ~Inbox();

  /// As Transport::poll(). Throws TransportError, at every call, while there is no memory for a
  /// message. After an exception, from `deliver` too, the next poll goes on with the
  /// frame after the one concerned.
  std::size_t poll(const Transport::Deliver& deliver, Before before);

  /// MPI messages taken so far.
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

  /// Whether no message is partly here.
  [[nodiscard]] bool idle() const { return active_.empty(); }

 private:
  struct Message {
    bool part = false;    // of a long body; else a batch
    bool posted = false;  // its receive has begun
    bool here = false;
    MPI_Message handle = MPI_MESSAGE_NULL;  // of a part not posted
    MPI_Request request = MPI_REQUEST_NULL;
    std::size_t size = 0;
    BatchPool::Handle batch;
    std::size_t offset = 0;  // in the batch, of the first frame not delivered
  };
  struct Source {
    std::deque<Message> queue;
    Frame frame;              // whose long body is coming in parts
    bool incomplete = false;  // there is such a frame
    std::size_t arrived = 0;  // bytes of it
    bool active = false;      // listed in active_
  };

  void take(MPI_Message handle, const MPI_Status& status, const Transport::Deliver& deliver);
  void take_eager(int source, MPI_Message handle, std::size_t size,
                  const Transport::Deliver& deliver);
  void advance_all(const Transport::Deliver& deliver);
  void advance(int from, const Transport::Deliver& deliver);
  void deliver_batch(int from, const Batch& batch, std::size_t& offset,
                     const Transport::Deliver& deliver);
  void begin_long(int from, const FrameHeader& header);
  void allocate(Bytes& body, std::uint64_t length, int from) const;
  void post_part(int from, Message& message);
  static bool test(Message& message);
  void ring(int rank);
  void enqueue(int from, Message&& message);
  void activate(int from);
  Source& source(int rank);

  MPI_Comm communicator_;
  int self_ = 0;
  BatchPool& pool_;
  Doorbells& doorbells_;
  std::vector<std::unique_ptr<Source>> sources_;  // by rank; none before its first queued message
  std::vector<int> active_;                       // sources with something queued or incomplete
  BatchPool::Handle scratch_;
  std::uint64_t messages_ = 0;
  std::size_t delivered_ = 0;  // by the poll that runs
  bool polling_ = false;
  bool dense_ = false;  // the last poll found a message
};

}  // namespace mpx::detail
