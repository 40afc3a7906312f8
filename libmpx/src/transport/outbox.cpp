#include "transport/outbox.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "transport/mpi_check.hpp"
#include "wire/kinds.hpp"

namespace mpx::detail {

MpiOutbox::MpiOutbox(MPI_Comm communicator, int size, BatchPool& pool, Doorbells& doorbells,
                     SegmentPost& segments)
    : communicator_(communicator),
      pool_(pool),
      doorbells_(doorbells),
      segments_(segments),
      batches_(static_cast<std::size_t>(size)),
      messages_(static_cast<std::size_t>(size)) {}

MpiOutbox::~MpiOutbox() {
  // Who ends with sends under way must not wait for a peer that may be gone, and MPI may still read
  // the buffers: they are left to it.
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    static_cast<void>(sendings_[i].batch.release());
    if (sendings_[i].body)
      static_cast<void>(new std::shared_ptr<const Bytes>(std::move(sendings_[i].body)));
    MPI_Request_free(&requests_[i]);
  }
}

void MpiOutbox::send(int to, Frame&& frame) {
  frame.header.length = frame.body.size();
  frame.header.large = frame.large.size;
  const bool large_follows = !segments_.send(to, frame) && frame.large.size != 0;
  if (fits_batch(frame.header)) {
    append(to, frame, true);
    return;
  }
  append(to, frame, false);
  std::erase(open_, to);
  post(to);
  if (!frame.body.empty()) {
    const auto body = std::make_shared<const Bytes>(std::move(frame.body));
    post_part(to, *body, body);
  }
  if (large_follows) post_part(to, frame.large.view(), frame.large.whole);
  Doorbells::fence();
  doorbells_.ring_if_asleep(to);
}

void MpiOutbox::send_spare(int to, Bytes memory) {
  Frame frame;
  frame.header.kind = Kind::spare;
  frame.header.large = memory.size();
  frame.large = Large(std::move(memory));
  if (segments_.send(to, frame)) append(to, frame, true);
}

void MpiOutbox::append(int to, const Frame& frame, bool with_body) {
  auto& batch = batches_[static_cast<std::size_t>(to)];
  const std::size_t body = with_body ? frame.body.size() : 0;
  if (batch && batch->size + sizeof(FrameHeader) + body > kBatchBytes) {
    std::erase(open_, to);
    post(to);
    Doorbells::fence();
    doorbells_.ring_if_asleep(to);
  }
  if (!batch) batch = pool_.take();
  if (batch->size == 0) open_.push_back(to);
  std::byte* place = batch->bytes.data() + batch->size;
  std::memcpy(place, &frame.header, sizeof(FrameHeader));
  if (body > 0) std::memcpy(place + sizeof(FrameHeader), frame.body.data(), body);
  batch->size += sizeof(FrameHeader) + body;
}

void MpiOutbox::flush() {
  if (open_.empty()) return;
  for (const int to : open_) post(to);
  Doorbells::fence();
  for (const int to : open_) doorbells_.ring_if_asleep(to);
  open_.clear();
}

void MpiOutbox::post(int to) {
  auto& batch = batches_[static_cast<std::size_t>(to)];
  if (!batch || batch->size == 0) return;
  MPI_Request request = MPI_REQUEST_NULL;
  check(MPI_Isend(batch->bytes.data(), static_cast<int>(batch->size), MPI_BYTE, to, kBatchTag,
                  communicator_, &request),
        "MPI_Isend");
  ++messages_[static_cast<std::size_t>(to)];
  int done = 0;
  check(MPI_Test(&request, &done, MPI_STATUS_IGNORE), "MPI_Test");
  if (done != 0) {
    batch->size = 0;  // small messages end at once: the same buffer serves the next
    return;
  }
  sendings_.push_back({to, std::move(batch), nullptr});
  requests_.push_back(request);
}

/// The body or the large part of a frame, which `owner` keeps.
void MpiOutbox::post_part(int to, ByteView bytes, const std::shared_ptr<const Bytes>& owner) {
  for (std::size_t offset = 0; offset < bytes.size(); offset += kPartBytes) {
    const auto part = std::min(kPartBytes, bytes.size() - offset);
    MPI_Request request = MPI_REQUEST_NULL;
    check(MPI_Isend(bytes.data() + offset, static_cast<int>(part), MPI_BYTE, to, kPartTag,
                    communicator_, &request),
          "MPI_Isend");
    ++messages_[static_cast<std::size_t>(to)];
    sendings_.push_back({to, nullptr, owner});
    requests_.push_back(request);
  }
}

void MpiOutbox::progress() {
  constexpr std::size_t kLook = 32;
  if (requests_.empty()) return;
  if (next_ >= requests_.size()) next_ = 0;
  const auto count = std::min(kLook, requests_.size() - next_);
  int indices[kLook];
  int ended = 0;
  check(MPI_Testsome(static_cast<int>(count), &requests_[next_], &ended, indices,
                     MPI_STATUSES_IGNORE),
        "MPI_Testsome");
  // What MPI had to keep back may have left only now, after the bell: ring again.
  Doorbells::fence();
  for (std::size_t i = next_; i < next_ + count; ++i) doorbells_.ring_if_asleep(sendings_[i].to);
  std::sort(indices, indices + std::max(ended, 0), std::greater<>());
  const auto first = next_;
  next_ += count - static_cast<std::size_t>(std::max(ended, 0));
  for (int i = 0; i < ended; ++i) retire(first + static_cast<std::size_t>(indices[i]));
}

void MpiOutbox::retire(std::size_t index) {
  if (sendings_[index].batch) pool_.give_back(std::move(sendings_[index].batch));
  // Highest index first, so that what moves down here is not one still to be retired.
  if (index + 1 != sendings_.size()) {
    sendings_[index] = std::move(sendings_.back());
    requests_[index] = requests_.back();
  }
  sendings_.pop_back();
  requests_.pop_back();
}

}  // namespace mpx::detail
