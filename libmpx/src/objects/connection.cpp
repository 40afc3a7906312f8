#include "mpx/connection.hpp"

#include <fmt/format.h>

#include "core/direct_ring.hpp"
#include "core/log.hpp"
#include "core/pack.hpp"
#include "endpoint/client.hpp"
#include "endpoint/make_core.hpp"
#include "wire/kinds.hpp"

namespace mpx {

namespace detail {
namespace {

constexpr std::uint64_t kSyncBytes = std::uint64_t{4}
                                     << 20;  // consumed before the home is told; of a window

void deliver_to(EndInbox& inbox, Frame&& frame) {
  if (static_cast<EndRoute>(frame.header.status) == EndRoute::to_ring) return inbox.on_switch();
  inbox.on_item(take_payload(std::move(frame)));
}

}  // namespace

/// What became of an end_bind; shared with the handler of its answer, which may come late.
struct ConnectionCore::Binding {
  bool answered = false;
};

ConnectionCore::ConnectionCore() : ConnectionCore({}, false, false) {}
ConnectionCore::ConnectionCore(const ObjectId& peer, bool readable, bool writable)
    : peer_(peer), readable_(readable), writable_(writable), window_(Kind::end_sync, kSyncBytes) {}
ConnectionCore::~ConnectionCore() = default;

std::pair<std::shared_ptr<ConnectionCore>, std::shared_ptr<ConnectionCore>>
ConnectionCore::make_pipe(bool duplex) {
  const auto client = Client::current();
  const auto home = client->self().id.rank().number();
  const auto a = client->placement().new_object(home), b = client->placement().new_object(home);
  const auto make = [&](const ObjectId& self, const ObjectId& peer, bool readable, bool writable) {
    client->placement().make_object(self, {Packer::pack(ObjectKind::pipe_end, peer), {}}, "pipe()");
    auto core = make_core<ConnectionCore>(peer, readable, writable);
    core->set_id(self, client);
    client->cores().remember(*core);
    return core;
  };
  auto first = make(a, b, true, duplex);
  return {std::move(first), make(b, a, duplex, true)};
}

std::shared_ptr<ConnectionCore> ConnectionCore::load(Reader& reader) {
  const auto id = load_id(reader);
  const auto peer = load_id(reader);
  const auto flags = reader.number<std::uint8_t>();
  return adopt_core<ConnectionCore>(
      id, [&] { return make_core<ConnectionCore>(peer, (flags & 1) != 0, (flags & 2) != 0); });
}

ObjectId ConnectionCore::create() {
  throw UsageError("a Connection that is no end of a pipe is used: make it with mpx::pipe()");
}

void ConnectionCore::save_details(Writer& writer) const {
  if (closed_) throw UsageError("a Connection that this process has closed is given to another");
  // Who hands this end on has somebody else in mind than the process of which was told that it died.
  const auto from = Client::current();
  if (const auto other = std::dynamic_pointer_cast<ConnectionCore>(from->cores().find(peer_))) {
    const ClientLock guard(from->mutex());
    other->incoming_.lost = other->outgoing_.lost = nullptr;
  }
  save_id(writer, peer_);
  writer.number(static_cast<std::uint8_t>((readable_ ? 1 : 0) | (writable_ ? 2 : 0)));
}

void ConnectionCore::require_open(const char* what) const {
  if (closed_)
    throw UsageError(fmt::format("{} on a Connection that this process has closed", what));
}

void ConnectionCore::send(Payload value) {
  auto& to = client();
  const auto kept = std::exchange(value.kept, {});
  if (!writable_) throw UsageError("send on the receiving end of a one-way pipe");
  const ClientLock lock(to.mutex());
  require_open("send");
  if (direct_ == nullptr) {
    window_.admit(to, peer_, value.bytes.size() + sizeof(FrameHeader), Deadline::never(),
                  [&]() MPX_REQUIRES(client_mutex) {
                    return incoming_.over() || outgoing_.over() || closed_;
                  });
  } else if (++direct_sends_ % SendWindow::kEvery == 0) {
    to.waits().look();  // for the news that nobody reads the ring any more
  }
  if (window_.closed() && !incoming_.over() && !outgoing_.over()) learn_fate();
  require_open("send");
  for (const auto* fate : {&incoming_, &outgoing_}) {
    if (fate->lost) std::rethrow_exception(fate->lost);
  }
  if (incoming_.closed || outgoing_.closed)
    throw Closed("send on a Connection whose other end is closed");
  const bool direct = direct_ != nullptr;
  if (direct && send_direct(value)) return;
  const auto route = direct ? EndRoute::ring_ended : EndRoute::home;
  to.calls().post_locked(Kind::end_send, peer_, std::move(value), static_cast<std::uint16_t>(route),
                         direct ? direct_offer_ : 0);
}

/// By the direct ring, as long as it takes every message; then by the home again.
bool ConnectionCore::send_direct(const Payload& value) {
  if (value.handles.empty() && direct_->write(value.bytes)) return true;
  direct_->close();
  direct_.reset();
  return false;
}

/// Takes what has come by the direct ring; false if there is nothing, or enough waits here.
bool ConnectionCore::take_direct() {
  bool some = false;
  while (inbox_.rung_bytes() < kSyncBytes) {
    auto message = ring_->read();
    if (!message) break;
    inbox_.on_ring(std::move(*message));
    some = true;
  }
  if (some) client().waits().wake();
  return some;
}

bool ConnectionCore::has_message() {
  if (ring_ != nullptr) take_direct();
  return !inbox_.empty();
}

/// The home has seen that a process of this node sends much to this one.
void ConnectionCore::make_ring(std::uint64_t offer) {
  auto& from = client();
  if (!bound_ || from.direct() == nullptr) return;
  drop_ring();  // its sender has given it up
  inbox_.begin_ring();
  try {
    ring_ = &from.direct()->add([this]() MPX_REQUIRES(client_mutex) { return take_direct(); });
  } catch (const LaunchError& error) {  // then the messages go on coming by the home
    log_debug("a pipe goes without a direct channel: {}", error.what());
    return;
  }
  from.calls().return_from_delivery(Kind::end_ring, id(),
                                    {Packer::pack(offer, ring_->offer()), {}});
}

void ConnectionCore::open_ring(const Payload& offer) {
  direct_.reset();
  if (offer.bytes.empty()) return;
  try {
    Unpacker in(offer.bytes);
    direct_offer_ = in.get<std::uint64_t>();
    direct_ = DirectRing::open(in.get<DirectOffer>());
  } catch (const Error& error) {
    log_debug("a pipe goes without a direct channel: {}", error.what());
    return;
  }
  client().calls().return_from_delivery(
      Kind::end_send, peer_, {}, static_cast<std::uint16_t>(EndRoute::to_ring), direct_offer_);
}

/// Closes the ring by which messages come; those that it has are kept.
void ConnectionCore::drop_ring() {
  if (ring_ == nullptr) return;
  ring_->close();
  while (auto message = ring_->read()) inbox_.on_ring(std::move(*message));
  if (auto* rings = client().direct()) rings->remove(*ring_);
  ring_ = nullptr;
}

// A process that starts to receive tells the end's home once; from then on messages come by
// themselves, those that wait there before the answer. A try waits for that, and it comes at once; a
// wait with a time limit does for Calls::kGrace at least.
void ConnectionCore::bind(Deadline deadline) {
  auto& from = client();
  if (!std::exchange(bound_, true)) {
    binding_ = std::make_shared<Binding>();
    from.calls().post_call(Kind::end_bind, id(), {},
                           [this, core = weak_from_this(), binding = binding_](const Reply& reply)
                               MPX_REQUIRES(client_mutex) {
                                 binding->answered = true;
                                 const bool sound =
                                     reply.status == Status::ok || reply.status == Status::no;
                                 if (!sound && !core.expired()) incoming_.closed = true;
                               });
  }
  if (deadline.is_now()) deadline = Deadline::never();
  if (deadline.left() < Calls::kGrace && !deadline.is_never())
    deadline = Deadline::after(Calls::kGrace);
  from.waits().wait(deadline, {Kind::end_bind, id()},
                    [&, binding = binding_]()
                        MPX_REQUIRES(client_mutex) { return binding->answered || is_readable(); });
}

/// Whether a receive has something to return or to throw.
bool ConnectionCore::is_readable() { return has_message() || incoming_.over() || closed_; }

bool ConnectionCore::wait_readable(Deadline deadline) {
  if (!readable_) throw UsageError("recv on the sending end of a one-way pipe");
  require_open("recv");
  auto& from = client();
  while (true) {
    bind(deadline);
    const bool ready =
        from.waits().wait(deadline, {Kind::end_item, id()},
                          [&]() MPX_REQUIRES(client_mutex) { return is_readable() || !bound_; });
    if (!ready || is_readable()) return ready;  // else another process receives now: it is asked
    if (deadline.passed()) return false;
  }
}

Payload ConnectionCore::receive() {
  auto& from = client();
  const ClientLock lock(from.mutex());
  ++receiving_;
  try {
    wait_readable(Deadline::never());
  } catch (...) {
    --receiving_;
    throw;
  }
  --receiving_;
  require_open("recv");
  if (inbox_.empty()) {
    if (incoming_.lost) std::rethrow_exception(incoming_.lost);
    throw Closed(
        "recv on a Connection: the other end is closed and all messages have been received");
  }
  auto value = inbox_.pop();
  unacknowledged_bytes_ += value.bytes.size();
  if (unacknowledged_bytes_ > kSyncBytes) {
    from.calls().post_locked(Kind::end_ack, id(),
                             {Packer::pack(std::exchange(unacknowledged_bytes_, 0)), {}});
  }
  return value;
}

void ConnectionCore::put_back(Payload value) {
  auto& from = client();
  const ClientLock guard(from.mutex());
  inbox_.put_back(std::move(value));
  from.waits().wake_all();
}

bool ConnectionCore::poll(Deadline deadline) {
  const ClientLock lock(client().mutex());
  return wait_readable(deadline);
}

void ConnectionCore::subscribe() {
  const ClientLock lock(client().mutex());
  if (readable_ && !closed_) bind(Deadline::never());
}

void ConnectionCore::close() {
  auto& from = client();
  {
    const ClientLock lock(from.mutex());
    if (closed_.exchange(true)) return;
  }
  give_up();
}

// What came here and was not received goes back to the end's home, for whoever receives next. More
// may be on its way, which lasts until the home's answer.
bool ConnectionCore::before_drop() {
  auto& from = client();
  if (!std::exchange(bound_, false)) {
    if (!inbox_.empty())
      from.calls().return_from_delivery(Kind::end_return, id(), inbox_.take_back());
    return false;
  }
  drop_ring();
  auto inbox = std::make_shared<EndInbox>(std::exchange(inbox_, {}));
  const auto finish = [&from, inbox, self = id()]() MPX_REQUIRES(client_mutex) {
    from.calls().return_from_delivery(Kind::end_return, self, inbox->take_back());
  };
  const auto take = [inbox](Frame& frame) {
    if (frame.header.kind == Kind::end_item) {
      deliver_to(*inbox, std::move(frame));
      return true;
    }
    return frame.header.kind == Kind::end_recall;  // which is on its way already
  };
  from.cores().linger(id(), {Kind::end_unbind, finish, take});
  return true;
}

void ConnectionCore::on(Frame&& frame) {
  switch (frame.header.kind) {
    case Kind::end_item:
      incoming_.lost = outgoing_.lost = nullptr;  // that end has a new user
      deliver_to(inbox_, std::move(frame));
      break;
    case Kind::end_offer:
      make_ring(Unpacker(frame.body).get<std::uint64_t>());
      break;
    case Kind::end_direct:
      open_ring(take_payload(std::move(frame)));
      break;
    case Kind::end_closed:
    case Kind::end_unread:
      on_peer(frame.header.kind == Kind::end_closed ? incoming_ : outgoing_,
              static_cast<EndGone>(frame.header.status), Unpacker(frame.body).get<ProcessFacts>());
      break;
    case Kind::end_recall:  // another process receives from now on
      give_back();
      break;
    default:
      break;
  }
}

/// The other end is gone, which the home of this one has been told, and with whom it went.
void ConnectionCore::learn_fate() {
  const auto answered = std::make_shared<bool>(false);
  client().calls().post_call(
      Kind::end_fate, id(), {},
      [this, answered, core = weak_from_this()](const Reply& reply) MPX_REQUIRES(client_mutex) {
        *answered = true;
        if (core.expired()) return;
        if (reply.status != Status::ok) return on_peer(outgoing_, EndGone::closed, {});
        const auto [what, facts] = Unpacker::unpack<EndGone, ProcessFacts>(reply.payload.bytes);
        on_peer(outgoing_, what == EndGone::lost ? what : EndGone::closed, facts);
      });
  client().waits().wait(
      Deadline::never(), {Kind::end_fate, id()},
      [&]() MPX_REQUIRES(client_mutex) { return *answered || outgoing_.over() || closed_; });
}

void ConnectionCore::on_peer(Fate& fate, EndGone what, const ProcessFacts& facts) {
  switch (what) {
    case EndGone::no:
      fate.lost = nullptr;
      return;
    case EndGone::closed:
      fate.closed = true;
      return;
    case EndGone::lost:
      break;
  }
  const auto how = facts.exit_code < 0 ? fmt::format("was killed by signal {}", -facts.exit_code)
                                       : fmt::format("ended with exit code {}", facts.exit_code);
  fate.lost = std::make_exception_ptr(ProcessLost(
      fmt::format(
          "the process at the other end of a Connection, '{}' (rank {}, host {}, pid {}), {}",
          facts.name, facts.rank, facts.host, facts.pid, how),
      {facts.name, facts.rank, facts.host, facts.pid, facts.exit_code}));
}

/// A thread that waits here takes a message first: else two processes that both receive could take
/// all messages from each other for ever.
void ConnectionCore::give_back() {
  bound_ = false;
  incoming_ = {};  // is told again, behind what is received then
  drop_ring();
  std::deque<Payload> taken;
  while (taken.size() < receiving_ && !inbox_.empty()) taken.push_back(inbox_.pop());
  client().calls().return_from_delivery(Kind::end_return, id(), inbox_.take_back());
  for (auto& message : taken) inbox_.on_item(std::move(message));
}

}  // namespace detail

namespace {

/// Marks what send_bytes() sends, so that recv<T>() refuses it and recv_bytes() refuses the rest.
struct RawBytes {};
constexpr auto kRawFingerprint = detail::fingerprint<RawBytes>;

detail::Payload encode_raw(std::span<const std::byte> bytes) {
  detail::Writer writer;
  writer.reserve(sizeof kRawFingerprint + bytes.size());
  writer.number(kRawFingerprint);
  writer.raw(bytes.data(), bytes.size());
  return writer.take();
}

std::span<const std::byte> decode_raw(detail::ByteView message) {
  detail::Reader reader(message);
  if (const auto sent = reader.number<std::uint64_t>(); sent != kRawFingerprint) {
    detail::throw_wrong_type(sent, "bytes (from send_bytes)");
  }
  return reader.take(reader.left());
}

/// Receives what encode_raw() made and calls `take` with it and its bytes; what it refuses by throwing a
/// CodecError stays here.
template <class Take>
auto receive_raw(detail::ConnectionCore& core, Take take) {
  auto message = core.receive();
  try {
    const auto bytes = decode_raw(message.bytes);
    return take(std::move(message), bytes);
  } catch (const CodecError&) {
    core.put_back(std::move(message));
    throw;
  }
}

}  // namespace

void Connection::send_bytes(std::span<const std::byte> bytes) const {
  core_->send(encode_raw(bytes));
}

Connection::RawMessage Connection::receive_bytes(std::size_t max_bytes) const {
  return receive_raw(*core_, [&](detail::Payload message, detail::ByteView bytes) {
    if (bytes.size() <= max_bytes) return RawMessage{std::move(message), bytes};
    throw BufferTooShort(
        fmt::format("recv_bytes: the message has {} bytes, more than the {} allowed", bytes.size(),
                    max_bytes),
        {bytes.begin(), bytes.end()});
  });
}

std::size_t Connection::recv_bytes_into(std::span<std::byte> buffer) const {
  return receive_raw(*core_, [&](const detail::Payload&, detail::ByteView bytes) {
    if (bytes.size() <= buffer.size()) {
      std::copy(bytes.begin(), bytes.end(), buffer.begin());
      return bytes.size();
    }
    throw BufferTooShort(fmt::format("recv_bytes_into: the message has {} bytes, the buffer {}",
                                     bytes.size(), buffer.size()),
                         {bytes.begin(), bytes.end()});
  });
}

std::pair<Connection, Connection> make_pipe(bool duplex) {
  auto [a, b] = detail::ConnectionCore::make_pipe(duplex);
  return {Connection(std::move(a)), Connection(std::move(b))};
}

std::pair<Connection, Connection> pipe() { return make_pipe(true); }
std::pair<Connection, Connection> pipe(Simplex) { return make_pipe(false); }

}  // namespace mpx
