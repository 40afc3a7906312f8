#include "transport/inbox.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "mpx/error.hpp"
#include "transport/mpi_check.hpp"
#include "wire/kinds.hpp"

namespace mpx::detail {
namespace {

[[noreturn]] void malformed(int from) {
  throw TransportError("rank " + std::to_string(from) +
                       " sent a message that is no batch of frames: do all ranks run one build?");
}

}  // namespace

Inbox::Inbox(MPI_Comm communicator, int size, BatchPool& pool, Doorbells& doorbells,
             SegmentPost& segments)
    : communicator_(communicator),
      pool_(pool),
      doorbells_(doorbells),
      segments_(segments),
      sources_(static_cast<std::size_t>(size)) {
  check(MPI_Comm_rank(communicator, &self_), "MPI_Comm_rank");
  post();
}

Inbox::~Inbox() {
  // MPI may still write into the buffers of receives under way: they are left to it.
  for (const int from : active_) {
    Source& state = source(from);
    bool under_way = false;
    for (auto& part : state.parts) {
      if (part.request == MPI_REQUEST_NULL) continue;
      MPI_Request_free(&part.request);
      under_way = true;
    }
    if (under_way) static_cast<void>(new Frame(std::move(state.frame)));
  }
  if (standing_ == MPI_REQUEST_NULL) return;
  int done = 0;
  MPI_Cancel(&standing_);
  MPI_Test(&standing_, &done, MPI_STATUS_IGNORE);
  if (done != 0) return;
  MPI_Request_free(&standing_);
  static_cast<void>(buffer_.release());
}

std::size_t Inbox::poll(const Transport::Deliver& deliver, Before before) {
  constexpr int kMostMessages = 64;
  if (polling_) throw std::logic_error("Transport::poll() called from its own delivery");
  struct Running {
    bool& flag;
    explicit Running(bool& running) : flag(running) { flag = true; }
    ~Running() { flag = false; }
  } const running(polling_);

  delivered_ = 0;
  if (!active_.empty()) advance_all(deliver);
  int found = 0;
  int quiet = 0;
  // MPI may be busy with its own affairs for a call and leave a message for the next: only a few
  // calls in vain mean that nothing had arrived before the first. With one alone, one wake-up in
  // some hundred was lost. Open MPI 5 always takes two calls for a message of another node.
  const int enough = before == Before::sleep ? 4 : before == Before::sleep_on ? 2 : 1;
  // After a quiet poll one message is seldom followed by another at once, so who waits for it is
  // not kept waiting for one more look. But 0 is returned only after a look that found nothing.
  const int most = dense_ ? kMostMessages : 1;
  dense_ = false;
  while (quiet < enough && (delivered_ == 0 || found < most)) {
    if (!take_batch(deliver)) {
      if (!look_for_parts()) {
        ++quiet;
        continue;
      }
      advance_all(deliver);
    }
    quiet = 0;
    ++found;
    dense_ = true;
  }
  return delivered_;
}

void Inbox::post() {
  if (!buffer_) buffer_ = pool_.take();
  check(MPI_Irecv(buffer_->bytes.data(), static_cast<int>(kBatchBytes), MPI_BYTE, MPI_ANY_SOURCE,
                  kBatchTag, communicator_, &standing_),
        "MPI_Irecv");
}

bool Inbox::take_batch(const Transport::Deliver& deliver) {
  if (standing_ == MPI_REQUEST_NULL) post();
  int arrived = 0;
  MPI_Status status;
  check(MPI_Test(&standing_, &arrived, &status), "MPI_Test");
  if (arrived == 0) return false;
  ++messages_;
  int bytes = 0;
  check(MPI_Get_count(&status, MPI_BYTE, &bytes), "MPI_Get_count");
  auto batch = std::move(buffer_);
  batch->size = static_cast<std::size_t>(bytes);
  post();  // so that the next one finds its buffer, too

  const int from = status.MPI_SOURCE;
  const auto& state = sources_[static_cast<std::size_t>(from)];
  std::size_t offset = 0;
  const auto keep = [&] {
    source(from).queue.push_back({std::move(batch), offset});
    activate(from);
  };
  if (state && (!state->queue.empty() || state->incomplete)) {
    keep();
    return true;
  }
  try {
    deliver_batch(from, *batch, offset, deliver);
  } catch (...) {
    if (offset < batch->size) keep();
    throw;
  }
  pool_.give_back(std::move(batch));
  return true;
}

/// Matches the parts that have come of bodies whose headers have.
bool Inbox::look_for_parts() {
  bool some = false;
  for (const int from : active_) some |= find_parts(from, source(from));
  return some;
}

bool Inbox::find_parts(int from, Source& state) {
  bool some = false;
  while (state.incomplete && state.matched < state.total) {
    int arrived = 0;
    Part part;
    MPI_Status status;
    check(MPI_Improbe(from, kPartTag, communicator_, &arrived, &part.handle, &status),
          "MPI_Improbe");
    if (arrived == 0) break;
    some = true;
    ++messages_;
    int bytes = 0;
    check(MPI_Get_count(&status, MPI_BYTE, &bytes), "MPI_Get_count");
    part.size = static_cast<std::size_t>(bytes);
    if (part.size > state.total - state.matched) malformed(from);
    state.matched += part.size;
    state.parts.push_back(part);
    begin_receive(from, state, state.parts.back());
  }
  return some;
}

void Inbox::advance_all(const Transport::Deliver& deliver) {
  for (std::size_t i = 0; i < active_.size();) {
    const int from = active_[i];
    advance(from, deliver);
    Source& state = source(from);
    if (!state.queue.empty() || state.incomplete) {
      ++i;
      continue;
    }
    state.active = false;
    active_[i] = active_.back();
    active_.pop_back();
  }
}

void Inbox::advance(int from, const Transport::Deliver& deliver) {
  Source& state = source(from);
  while (true) {
    if (state.incomplete) {
      if (!fetch_parts(from, state)) return;
      state.incomplete = false;
      ++delivered_;
      auto frame = std::exchange(state.frame, {});
      if (frame.header.kind != Kind::spare) deliver(std::move(frame));
      continue;
    }
    if (state.queue.empty()) return;
    auto& [batch, offset] = state.queue.front();
    // A frame whose delivery throws counts as delivered, and a batch that ends with a long one has
    // no more: the rest of it can wait, the batch need not.
    struct Release {
      Inbox& inbox;
      Source& state;
      ~Release() {
        auto& front = state.queue.front();
        if (front.offset < front.batch->size) return;
        inbox.pool_.give_back(std::move(front.batch));
        state.queue.pop_front();
      }
    } const release{*this, state};
    deliver_batch(from, *batch, offset, deliver);
  }
}

/// Whether the whole body is here.
bool Inbox::fetch_parts(int from, Source& state) {
  find_parts(from, state);
  while (!state.parts.empty()) {
    auto& part = state.parts.front();
    if (part.handle != MPI_MESSAGE_NULL) begin_receive(from, state, part);
    int done = 0;
    check(MPI_Test(&part.request, &done, MPI_STATUS_IGNORE), "MPI_Test");
    if (done == 0) return false;
    ring(from);  // it sleeps perhaps until it hears that its long body is fetched
    state.arrived += part.size;
    state.parts.pop_front();
  }
  return state.arrived == state.total;
}

void Inbox::deliver_batch(int from, const Batch& batch, std::size_t& offset,
                          const Transport::Deliver& deliver) {
  while (offset < batch.size) {
    const std::size_t left = batch.size - offset;
    const std::byte* place = batch.bytes.data() + offset;
    Frame frame;
    if (left < sizeof(FrameHeader)) malformed(from);
    std::memcpy(&frame.header, place, sizeof(FrameHeader));
    const auto length = frame.header.length;
    if (!fits_batch(frame.header)) {
      if (left != sizeof(FrameHeader)) malformed(from);
      offset = batch.size;
      begin_long(from, frame.header);
      return;
    }
    if (length > left - sizeof(FrameHeader)) malformed(from);
    allocate(frame.body, length, from);
    take_segment(from, frame);
    offset += sizeof(FrameHeader) + length;
    if (length > 0) std::memcpy(frame.body.data(), place + sizeof(FrameHeader), length);
    ++delivered_;
    if (frame.header.kind != Kind::spare)
      deliver(std::move(frame));  // else it has come, and is kept
  }
}

/// The large part of a frame, where it is in a segment.
void Inbox::take_segment(int from, Frame& frame) {
  auto& [header, body, large] = frame;
  if ((header.large & kLargeInSegment) == 0) return;
  large = segments_.receive(from, header);
  if ((header.large & kLargeGiven) != 0 && header.kind != Kind::spare)
    given_.push_back({from, large.size});
  header.large = large.size;
}

void Inbox::begin_long(int from, const FrameHeader& header) {
  Source& state = source(from);
  state.frame = Frame{header, {}};
  state.matched = state.arrived = 0;
  state.incomplete = true;
  state.total = header.length + ((header.large & kLargeInSegment) == 0 ? header.large : 0);
  activate(from);
  make_room(from, state.frame);
}

/// Memory for what comes in parts.
void Inbox::make_room(int from, Frame& frame) {
  take_segment(from, frame);
  if (frame.body.size() != frame.header.length) allocate(frame.body, frame.header.length, from);
  if (frame.large.size == frame.header.large) return;
  Bytes large;
  allocate(large, frame.header.large, from);
  frame.large = Large(std::move(large));
}

void Inbox::allocate(Bytes& body, std::uint64_t length, int from) const {
  const char* lack = "memory";
  try {
    body.resize(length);
    return;
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
    lack = "address space";
  }
  throw TransportError("rank " + std::to_string(self_) + " has no " + lack + " for a message of " +
                       std::to_string(length) + " bytes from rank " + std::to_string(from) +
                       "; nothing more can be taken from that rank until there is");
}

void Inbox::begin_receive(int from, Source& state, Part& part) {
  // Where there was no memory for it, its parts wait until there is. Open MPI can't drop them: over
  // TCP it crashes when a long message meets a short buffer.
  make_room(from, state.frame);
  std::size_t offset = state.arrived;  // of the first part that is not here
  for (const auto& before : state.parts) {
    if (&before == &part) break;
    offset += before.size;
  }
  auto& [header, body, large] = state.frame;
  const bool in_body = offset < body.size();
  if (in_body && part.size > body.size() - offset) malformed(from);
  std::byte* place = in_body ? body.data() + offset : large.whole->data() + (offset - body.size());
  check(MPI_Imrecv(place, static_cast<int>(part.size), MPI_BYTE, &part.handle, &part.request),
        "MPI_Imrecv");
  ring(from);  // it sleeps perhaps until it is asked for the data
}

void Inbox::ring(int rank) {
  Doorbells::fence();
  doorbells_.ring_if_asleep(rank);
}

void Inbox::activate(int from) {
  Source& state = source(from);
  if (state.active) return;
  state.active = true;
  active_.push_back(from);
}

Inbox::Source& Inbox::source(int rank) {
  auto& state = sources_[static_cast<std::size_t>(rank)];
  if (!state) state = std::make_unique<Source>();
  return *state;
}

}  // namespace mpx::detail
