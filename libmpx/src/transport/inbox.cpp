#include "transport/inbox.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>

#include "mpx/error.hpp"
#include "transport/mpi_check.hpp"

namespace mpx::detail {
namespace {

// What every transport of Open MPI sends without asking the receiver first, so that a blocking
// receive of a matched message cannot wait for its sender.
constexpr std::size_t kEagerBytes = 4000;

[[noreturn]] void malformed(int from) {
  throw TransportError("rank " + std::to_string(from) +
                       " sent a message that is no batch of frames: do all ranks run one build?");
}

}  // namespace

Inbox::Inbox(MPI_Comm communicator, int size, BatchPool& pool, Doorbells& doorbells)
    : communicator_(communicator),
      pool_(pool),
      doorbells_(doorbells),
      sources_(static_cast<std::size_t>(size)),
      scratch_(pool.take()) {
  check(MPI_Comm_rank(communicator, &self_), "MPI_Comm_rank");
}

Inbox::~Inbox() {
  // MPI may still write into the buffers of receives under way: they are left to it.
  for (const int from : active_) {
    Source& state = source(from);
    for (auto& message : state.queue) {
      if (message.request == MPI_REQUEST_NULL) continue;
      if (message.part) static_cast<void>(new Frame(std::move(state.frame)));
      static_cast<void>(message.batch.release());
      MPI_Request_free(&message.request);
    }
  }
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
  // A probe of Open MPI looks first and progresses afterwards, and where it finds a message about
  // its own affairs it leaves others for the next call. So only a few empty probes mean that
  // nothing had arrived before the first: with one alone, one wake-up in some hundred is lost.
  const int enough = before == Before::sleep ? 4 : 1;
  // After a quiet poll one message is seldom followed by another at once, so who waits for it is
  // not kept waiting for one more probe. But 0 is returned only after a probe that found nothing.
  const int most = dense_ ? kMostMessages : 1;
  dense_ = false;
  while (quiet < enough && (delivered_ == 0 || found < most)) {
    int arrived = 0;
    MPI_Message handle = MPI_MESSAGE_NULL;
    MPI_Status status;
    check(MPI_Improbe(MPI_ANY_SOURCE, MPI_ANY_TAG, communicator_, &arrived, &handle, &status),
          "MPI_Improbe");
    if (arrived == 0) {
      ++quiet;
      continue;
    }
    quiet = 0;
    ++found;
    ++messages_;
    dense_ = true;
    take(handle, status, deliver);
  }
  return delivered_;
}

void Inbox::take(MPI_Message handle, const MPI_Status& status, const Transport::Deliver& deliver) {
  const int from = status.MPI_SOURCE;
  int bytes = 0;
  check(MPI_Get_count(&status, MPI_BYTE, &bytes), "MPI_Get_count");
  const auto size = static_cast<std::size_t>(bytes);
  if (status.MPI_TAG == kBatchTag) {
    if (size > kBatchBytes) malformed(from);
    if (size <= kEagerBytes) return take_eager(from, handle, size, deliver);
    Message message;
    message.batch = pool_.take();
    message.batch->size = size;
    message.posted = true;
    check(MPI_Imrecv(message.batch->bytes.data(), static_cast<int>(size), MPI_BYTE, &handle,
                     &message.request),
          "MPI_Imrecv");
    enqueue(from, std::move(message));
    ring(from);
  } else {
    Message message;
    message.part = true;
    message.handle = handle;
    message.size = size;
    enqueue(from, std::move(message));
  }
  advance(from, deliver);
}

void Inbox::take_eager(int from, MPI_Message handle, std::size_t size,
                       const Transport::Deliver& deliver) {
  if (!scratch_) scratch_ = pool_.take();
  check(MPI_Mrecv(scratch_->bytes.data(), static_cast<int>(size), MPI_BYTE, &handle,
                  MPI_STATUS_IGNORE),
        "MPI_Mrecv");
  scratch_->size = size;
  const auto keep = [&](std::size_t offset) {
    Message message;
    message.posted = message.here = true;
    message.batch = std::move(scratch_);
    message.offset = offset;
    enqueue(from, std::move(message));
  };
  const auto& state = sources_[static_cast<std::size_t>(from)];
  if (state && (!state->queue.empty() || state->incomplete)) return keep(0);

  std::size_t offset = 0;
  try {
    deliver_batch(from, *scratch_, offset, deliver);
  } catch (...) {
    if (offset < size) keep(offset);
    throw;
  }
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
  while (!state.queue.empty()) {
    Message& message = state.queue.front();
    if (message.part && !message.posted) post_part(from, message);
    if (!message.here && !test(message)) return;
    message.here = true;
    if (!message.part) {
      if (state.incomplete && message.offset < message.batch->size) malformed(from);
      deliver_batch(from, *message.batch, message.offset, deliver);
      pool_.give_back(std::move(message.batch));
      state.queue.pop_front();
      continue;
    }
    ring(from);  // it sleeps perhaps until it hears that its long body is fetched
    state.arrived += message.size;
    state.queue.pop_front();
    if (state.arrived < state.frame.header.length) continue;
    state.incomplete = false;
    ++delivered_;
    deliver(std::exchange(state.frame, {}));
  }
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
    if (!fits_batch(length)) {
      if (left != sizeof(FrameHeader)) malformed(from);
      offset = batch.size;
      begin_long(from, frame.header);
      return;
    }
    if (length > left - sizeof(FrameHeader)) malformed(from);
    allocate(frame.body, length, from);
    offset += sizeof(FrameHeader) + length;
    if (length > 0) std::memcpy(frame.body.data(), place + sizeof(FrameHeader), length);
    ++delivered_;
    deliver(std::move(frame));
  }
}

void Inbox::begin_long(int from, const FrameHeader& header) {
  Source& state = source(from);
  state.frame = Frame{header, {}};
  state.arrived = 0;
  state.incomplete = true;
  activate(from);
  allocate(state.frame.body, header.length, from);
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

void Inbox::post_part(int from, Message& message) {
  Source& state = source(from);
  const auto length = state.frame.header.length;
  if (!state.incomplete || message.size > length - state.arrived) malformed(from);
  // Where there was no memory for the body, its parts wait until there is. Open MPI can't drop
  // them: over TCP it crashes when a long message meets a short buffer.
  if (state.frame.body.size() != length) allocate(state.frame.body, length, from);
  check(MPI_Imrecv(state.frame.body.data() + state.arrived, static_cast<int>(message.size),
                   MPI_BYTE, &message.handle, &message.request),
        "MPI_Imrecv");
  message.posted = true;
  ring(from);  // it sleeps perhaps until it is asked for the data
}

bool Inbox::test(Message& message) {
  int done = 0;
  check(MPI_Test(&message.request, &done, MPI_STATUS_IGNORE), "MPI_Test");
  return done != 0;
}

void Inbox::ring(int rank) {
  Doorbells::fence();
  doorbells_.ring_if_asleep(rank);
}

void Inbox::enqueue(int from, Message&& message) {
  source(from).queue.push_back(std::move(message));
  activate(from);
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
