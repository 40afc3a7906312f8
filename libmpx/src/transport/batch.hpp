#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "core/frame.hpp"

namespace mpx::detail {

// How frames stand in MPI messages. A batch is frames one after the other, each a header and, if it
// fits, its body. A longer body follows its batch, whose last header is its own, in parts; so does, with
// its body, the large part of a frame, unless that is in a segment (SegmentPost). No part has bytes of
// both.

constexpr int kBatchTag = 1;
constexpr int kPartTag = 2;
// What every transport of Open MPI sends without asking the receiver first: a batch that has been
// matched is here, and never waits for its sender to be inside MPI.
constexpr std::size_t kBatchBytes = 4000;
constexpr std::size_t kPartBytes = std::size_t{1} << 30;  // MPI counts in int

/// Whether what follows this header travels inside a batch.
constexpr bool fits_batch(const FrameHeader& header) {
  return (header.large == 0 || (header.large & kLargeInSegment) != 0) &&
         header.length <= kBatchBytes - sizeof(FrameHeader);
}

/// Bytes of one message that holds a batch.
struct Batch {
  std::size_t size = 0;
  std::array<std::byte, kBatchBytes> bytes;
};

/// Keeps batches for use again, so that a message in the steady state allocates nothing.
class BatchPool {
 public:
  using Handle = std::unique_ptr<Batch>;

  /// An empty batch.
  [[nodiscard]] Handle take() {
    if (free_.empty()) return Handle(new Batch);  // not make_unique: it would clear the bytes
    Handle batch = std::move(free_.back());
    free_.pop_back();
    batch->size = 0;
    return batch;
  }
  void give_back(Handle batch) {
    if (free_.size() < kKept) free_.push_back(std::move(batch));
  }

 private:
  static constexpr std::size_t kKept = 1024;  // 4 MB
  std::vector<Handle> free_;
};

}  // namespace mpx::detail
