#pragma once

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/frame.hpp"
#include "transport/batch.hpp"
#include "transport/doorbells.hpp"
#include "transport/segment_post.hpp"

namespace mpx::detail {

/// The sending half of MpiTransport: a batch for each destination, and the sends under way.
class MpiOutbox {
 public:
  MpiOutbox(MPI_Comm communicator, int size, BatchPool& pool, Doorbells& doorbells,
            SegmentPost& segments);
  MpiOutbox(const MpiOutbox&) = delete;
  MpiOutbox& operator=(const MpiOutbox&) = delete;
  ~MpiOutbox();

  void send(int to, Frame&& frame);
  /// Sends memory for large bytes, of which this rank has more than it needs; keeps it if that is not
  /// possible at once.
  void send_spare(int to, Bytes memory);
  void flush();
  /// Looks which sends have ended, a bounded number at each call.
  void progress();

  /// MPI messages sent so far, by destination.
  [[nodiscard]] const std::vector<std::uint64_t>& messages() const { return messages_; }

  /// Whether nothing is batched or under way.
  [[nodiscard]] bool idle() const { return requests_.empty() && open_.empty(); }

 private:
  /// What must live until its send has ended.
  struct Sending {
    int to;
    BatchPool::Handle batch;
    std::shared_ptr<const Bytes> body;
  };
  void append(int to, const Frame& frame, bool with_body);
  void post(int to);
  void post_part(int to, ByteView bytes, const std::shared_ptr<const Bytes>& owner);
  void retire(std::size_t index);

  MPI_Comm communicator_;
  BatchPool& pool_;
  Doorbells& doorbells_;
  SegmentPost& segments_;
  std::vector<BatchPool::Handle> batches_;  // by destination; none if never used or under way
  std::vector<int> open_;                   // destinations whose batch has frames
  std::vector<std::uint64_t> messages_;     // by destination
  std::vector<MPI_Request> requests_;
  std::vector<Sending> sendings_;  // of the requests, in the same order
  std::size_t next_ = 0;           // where progress() looks next
};

}  // namespace mpx::detail
