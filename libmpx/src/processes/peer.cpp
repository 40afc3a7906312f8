#include "processes/peer.hpp"

#include <fmt/format.h>

#include <cstring>
#include <utility>
#include <vector>

#include "core/item_block.hpp"
#include "core/pack.hpp"
#include "core/segments.hpp"
#include "mpx/error.hpp"
#include "transport/batch.hpp"
#include "wire/headers.hpp"
#include "wire/words.hpp"

namespace mpx::detail {
namespace {

/// The rank of the home that a frame uses, −1 if none.
std::int32_t home_of(const Frame& frame) {
  if (frame.header.kind != Kind::word || frame.body.size() < sizeof(WordRequest))
    return frame.header.object.home;
  return Unpacker(frame.body).get<WordRequest>().word.home;
}

// Items handed ahead are on record where they came from, and their references with them.
std::vector<Reference> references_of(const Frame& frame) {
  if (frame.header.kind == Kind::queue_items && frame.header.status < kClaimSlots) return {};
  return listed_references(frame);
}

}  // namespace

void drop_references(const Frame& frame, const Peer::Route& route) {
  for (const auto& reference : references_of(frame))
    route(make_frame(count_header(Kind::drop_flight, reference), {}));
}

Peer::Peer(ProcessId id, const PeerClass& its_class, std::unique_ptr<ByteStream> stream,
           SharedBlock* shared, const Route& route)
    : id_(id), class_(its_class), stream_(std::move(stream)), shared_(shared), route_(route) {}

void Peer::send(Frame frame) {
  writer_.send(*stream_, std::move(frame));
  stream_->ring_if_asleep();
}

void Peer::begin(Frame main) {
  for (const auto& reference : references_of(main)) {
    ++arrived_[reference];
    arguments_.insert(reference);
  }
  send(std::move(main));
}

void Peer::deliver(Frame frame) {
  const auto kind = frame.header.kind;
  for (const auto& reference : references_of(frame)) ++arrived_[reference];
  if (kind == Kind::queue_items || kind == Kind::pool_tasks) {
    slots_[frame.header.status] = frame.header.object;
    if (!stalled_.empty() || !stamp(frame)) {
      stalled_.push_back(std::move(frame));
      return;
    }
  }
  send(std::move(frame));
}

/// Numbers the units that are handed ahead, so that each is taken once; false if that has to wait.
bool Peer::stamp(Frame& frame) {
  if (frame.header.status >= kClaimSlots || shared_ == nullptr) return true;
  ClaimStamp stamp;
  std::memcpy(&stamp, frame.body.data(), sizeof stamp);
  const auto made = shared_->claims[stamp.slot].extend(stamp.slot, stamp.count);
  if (!made) return false;
  std::memcpy(frame.body.data(), &*made, sizeof stamp);
  return true;
}

void Peer::recall(std::uint16_t slot, const ObjectId& object) {
  if (slot >= kClaimSlots) return;
  const auto user = slots_.find(slot);
  const bool its = shared_ != nullptr && user != slots_.end() && user->second == object;
  std::uint32_t units = its ? shared_->claims[slot].revoke() : 0;
  for (auto& frame : stalled_) {  // handed by the home, never seen by the peer
    if (frame.header.object != object) continue;
    ClaimStamp stamp;
    std::memcpy(&stamp, frame.body.data(), sizeof stamp);
    units += stamp.count;
  }
  std::erase_if(stalled_, [&](const Frame& frame) { return frame.header.object == object; });
  route(make_frame(to_home(Kind::recalled, object, id_), Payload{Packer::pack(units), {}}));
}

void Peer::send_stalled() {
  while (!stalled_.empty() && stamp(stalled_.front())) {
    writer_.send(*stream_, std::move(stalled_.front()));
    stalled_.pop_front();
  }
}

std::size_t Peer::pump() {
  send_stalled();
  const bool writes = !writer_.empty();
  if (writes) writer_.pump(*stream_);
  const auto frames = reader_.pump(*stream_, [this](Frame&& frame) { on_frame(std::move(frame)); });
  send_puts();
  if (writes) stream_->ring_if_asleep();
  return frames;
}

void Peer::on_frame(Frame&& frame) {
  frame.header.from = id_;  // whatever it says
  const auto kind = frame.header.kind;
  if (!class_.may_send(kind)) {
    throw UsageError(fmt::format("it has sent a message of kind {}, which no {} may send",
                                 static_cast<int>(kind), class_.what));
  }
  if (kind == Kind::spare) return;  // it has come, and is kept
  if (frame.large.size != 0) replace_segment(frame.large.size);
  if (gather_put(frame)) return;
  send_puts();
  if (kind == Kind::waits) asked_ = false;
  // Only now, or the answer to a recall would be none, and come ahead of what this says.
  if (kind == Kind::left && shared_ != nullptr) {
    const auto slot = Unpacker(frame.body).get<std::uint16_t>();
    if (slot < kClaimSlots) shared_->claims[slot].revoke();
  }
  touch(home_of(frame));
  if (!arrived_.empty()) {
    if (kind == Kind::claim || kind == Kind::drop_flight) settle(counted_reference(frame.header));
    if (kind == Kind::end_return || kind == Kind::queue_unget) {  // they go back
      for (const auto& reference : listed_references(frame)) settle(reference);
    }
  }
  route(std::move(frame));
}

/// Who sends large messages and gets none would need new memory for each.
void Peer::replace_segment(std::size_t size) {
  if (auto spare = spare_segment(size))
    send(make_frame(to_process(Kind::spare, id_), {std::move(*spare), {}}));
}

void Peer::touch(std::int32_t home) {
  if (home < 0 || home == last_touched_) return;
  last_touched_ = home;
  touched_.insert(home);
}

/// Small puts to one queue, in a row, go on as one message: what a home does for a message costs
/// more than what it does for an item.
bool Peer::gather_put(const Frame& frame) {
  constexpr std::size_t kMost = kBatchBytes - sizeof(FrameHeader);
  const auto& header = frame.header;
  if (header.kind != Kind::queue_put || header.call != 0 || header.handles != 0 ||
      header.status != 0 || frame.large.size != 0 || frame.body.size() > kMost / 4) {
    return false;
  }
  if (header.object != puts_.header.object || puts_.body.size() + frame.body.size() + 16 > kMost)
    send_puts();
  if (puts_.body.empty()) {
    puts_.header = header;
    puts_.header.kind = Kind::queue_puts;
    puts_.body.reserve(kMost);
    touch(header.object.home);
  }
  ItemBlock::append(puts_.body, frame.body, 0);
  return true;
}

void Peer::send_puts() {
  if (puts_.body.empty()) return;
  puts_.header.length = puts_.body.size();
  route(std::exchange(puts_, {}));
}

void Peer::settle(const Reference& reference) {
  arguments_.erase(reference);
  const auto found = arrived_.find(reference);
  if (found != arrived_.end() && --found->second == 0) arrived_.erase(found);
}

void Peer::note_permits(const ObjectId& semaphore, std::int64_t more) {
  const auto found = permits_.try_emplace(semaphore, 0).first;
  found->second += more;
  if (found->second == 0) permits_.erase(found);
}

/// Those that it noted itself may add to those that this rank noted.
void Peer::permits(const std::function<void(const ObjectId&, std::int64_t)>& tell) const {
  for (const auto& [semaphore, count] : permits_) tell(semaphore, count);
  if (shared_ == nullptr) return;
  for (const auto& note : shared_->permits) {
    if (note.held() != 0) tell(note.semaphore(), note.held());
  }
}

void Peer::ask_waits(std::uint64_t round) {
  if (std::exchange(asked_, true)) return;
  send(make_frame(to_process(Kind::waits_tell, id_), {Packer::pack(round), {}}));
}

void Peer::request_stop() {
  if (shared_ != nullptr) shared_->stop = true;
}

bool Peer::announce_awake() {
  stream_->announce_awake();
  return stream_->drain_doorbell();
}

std::set<int> Peer::leave() {
  if (const auto pool = slots_.find(0); pool != slots_.end() && shared_ != nullptr) {
    if (auto records = shared_->staged_records(); !records.empty()) {
      route(
          make_frame(to_home(Kind::pool_done, pool->second, id_), Payload{std::move(records), {}}));
    }
  }
  // Objects that it was started with know of its death even if it did not live to take them over.
  for (const auto& reference : std::exchange(arguments_, {})) {
    auto header = count_header(Kind::claim, reference);
    header.from = id_;
    route(make_frame(header, {}));
    settle(reference);
    touched_.insert(reference.object.home);
  }
  for (const auto& [reference, times] : arrived_) {  // which it never took over
    for (auto i = times; i > 0; --i)
      route(make_frame(count_header(Kind::drop_flight, reference), {}));
  }
  // What was handed to it and not taken, delivered or still on its way here, its home has on
  // record.
  for (const auto& [slot, object] : slots_) {
    touched_.insert(object.home);
    if (slot >= kClaimSlots || shared_ == nullptr) continue;
    route(make_frame(to_home(Kind::left, object, id_),
                     Payload{Packer::pack(slot, shared_->claims[slot].taken()), {}}));
  }
  permits([&](const ObjectId& semaphore, std::int64_t count) {
    route(make_frame(to_home(Kind::permits, semaphore, id_), Payload{Packer::pack(count), {}}));
  });
  return std::exchange(touched_, {});
}

}  // namespace mpx::detail
