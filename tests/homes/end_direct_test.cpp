// A pipe with a direct ring, as a model: the real home and the real inbox, a sender and receivers
// that do what ConnectionCore does, and messages between them that are in order for each pair only.

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>

#include "homes/end_home.hpp"
#include "mpx/detail/end_inbox.hpp"
#include "support/homes.hpp"

namespace mpx::detail {
namespace {

struct Ring {
  std::deque<std::string> messages;
  bool closed = false;
};

class Pipe {
 public:
  explicit Pipe(std::uint64_t seed) : dice_(seed) {
    for (std::uint64_t i = 0; i < 3; ++i) receivers_[process(10 + i)];
  }

  /// One random event.
  void step() {
    switch (dice_.below(8)) {
      case 0:
      case 1:
        send(std::to_string(sent_++));
        break;
      case 2:
        if (dice_.chance(0.05)) bind(pick());
        break;
      case 3:
        if (dice_.chance(0.05)) unbind(pick());
        break;
      case 4:
        receive(pick());
        break;
      default:
        carry();
    }
  }

  /// All that is on its way arrives, and the last receiver gets the rest.
  void finish() {
    const auto last = receivers_.begin()->first;
    while (carry()) {
    }
    bind(last);
    while (carry()) {
    }
    while (receive(last)) {
    }
    EXPECT_EQ(expected_, sent_) << "messages are lost";
  }
  [[nodiscard]] int by_ring() const { return by_ring_; }

 private:
  struct Receiver {
    EndInbox inbox;
    std::shared_ptr<Ring> ring;
    bool bound = false, asked = false;
    bool unbinding = false;  // its inbox lingers
    std::deque<Frame> from_home;
  };

  ProcessId pick() {
    auto at = receivers_.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(dice_.below(receivers_.size())));
    return at->first;
  }
  void to_home(Kind kind, ProcessId from, Payload payload, std::uint16_t status = 0,
               std::uint64_t call = 0) {
    auto header = request(kind, from, call);
    header.status = status;
    to_home_[from].push_back(make_frame(header, std::move(payload)));
  }

  void send(const std::string& text) {
    auto route = EndRoute::home;
    std::uint64_t offer = 0;
    if (ring_ && !ring_->closed && !dice_.chance(0.02)) {
      ring_->messages.push_back(text);
      ++by_ring_;
      return;
    }
    if (ring_) {
      ring_->closed = true;
      ring_.reset();
      route = EndRoute::ring_ended;
      offer = offer_;
    }
    to_home(Kind::end_send, sender_, text_payload(text), static_cast<std::uint16_t>(route), offer);
  }
  void bind(ProcessId who) {
    auto& receiver = receivers_[who];
    if (receiver.bound || receiver.asked || receiver.unbinding) return;
    receiver.asked = true;
    to_home(Kind::end_bind, who, {}, 0, next_call_++);
  }
  void unbind(ProcessId who) {  // the inbox lingers until the answer, which empties it
    auto& receiver = receivers_[who];
    if (!receiver.bound) return;
    receiver.bound = false;
    receiver.unbinding = true;
    drop_ring(receiver);
    to_home(Kind::end_unbind, who, {}, 0, next_call_++);
  }
  void take(Receiver& receiver) {
    if (!receiver.ring) return;
    for (; !receiver.ring->messages.empty(); receiver.ring->messages.pop_front())
      receiver.inbox.on_ring(text_payload(receiver.ring->messages.front()).bytes);
  }
  bool receive(ProcessId who) {
    auto& receiver = receivers_[who];
    if (!receiver.bound) return false;
    if (dice_.chance(0.5)) take(receiver);
    if (receiver.inbox.empty()) take(receiver);
    if (receiver.inbox.empty()) return false;
    auto value = receiver.inbox.pop();
    if (dice_.chance(0.1)) {
      receiver.inbox.put_back(std::move(value));
      value = receiver.inbox.pop();
    }
    EXPECT_EQ(text_of(value.bytes), std::to_string(expected_++)) << "by " << to_string(who);
    return !testing::Test::HasFailure();
  }

  /// One message arrives somewhere; false if none is on its way.
  bool carry() {
    std::vector<std::function<void()>> choices;
    for (auto& [from, frames] : to_home_) {
      if (!frames.empty()) choices.push_back([this, from = from] { at_home(from); });
    }
    for (auto& [who, receiver] : receivers_) {
      if (!receiver.from_home.empty())
        choices.push_back([this, who = who] { at_receiver(receivers_[who]); });
    }
    if (!to_sender_.empty()) choices.push_back([this] { at_sender(); });
    if (choices.empty()) return false;
    dice_.pick(choices)();
    return true;
  }
  void at_home(ProcessId from) {
    auto frame = std::move(to_home_[from].front());
    to_home_[from].pop_front();
    const auto header = frame.header;
    home_.on(header, take_payload(std::move(frame)), out_);
    for (auto& sent : out_.take()) {
      auto& way = sent.header.to == sender_ ? to_sender_ : receivers_[sent.header.to].from_home;
      way.push_back(std::move(sent));
    }
  }
  void at_sender() {
    auto frame = std::move(to_sender_.front());
    to_sender_.pop_front();
    ASSERT_EQ(frame.header.kind, Kind::end_direct);
    Unpacker in(frame.body);
    offer_ = in.get<std::uint64_t>();
    ring_ = rings_[in.get<std::uint64_t>()];
    to_home(Kind::end_send, sender_, {}, static_cast<std::uint16_t>(EndRoute::to_ring), offer_);
  }
  void at_receiver(Receiver& receiver) {
    auto frame = std::move(receiver.from_home.front());
    receiver.from_home.pop_front();
    const auto who = frame.header.to;
    switch (frame.header.kind) {
      case Kind::end_item:
        if (static_cast<EndRoute>(frame.header.status) == EndRoute::to_ring)
          return receiver.inbox.on_switch();
        return receiver.inbox.on_item(take_payload(std::move(frame)));
      case Kind::end_offer:
        if (receiver.unbinding) return;
        drop_ring(receiver);
        receiver.inbox.begin_ring();
        receiver.ring = std::make_shared<Ring>();
        rings_.push_back(receiver.ring);
        return to_home(Kind::end_ring, who,
                       {Packer::pack(Unpacker(frame.body).get<std::uint64_t>(),
                                     std::uint64_t{rings_.size() - 1}),
                        {}});
      case Kind::end_recall:
        if (receiver.unbinding) return;
        drop_ring(receiver);
        receiver.bound = false;
        return to_home(Kind::end_return, who, receiver.inbox.take_back());
      case Kind::reply:
        if (std::exchange(receiver.unbinding, false)) {
          return to_home(Kind::end_return, who, receiver.inbox.take_back());
        }
        receiver.bound = true;
        receiver.asked = false;
        return;
      default:
        FAIL() << "kind " << static_cast<int>(frame.header.kind);
    }
  }
  void drop_ring(Receiver& receiver) {
    if (!receiver.ring) return;
    receiver.ring->closed = true;
    take(receiver);
    receiver.ring.reset();
  }

  Dice dice_;
  const ProcessId sender_ = process(1);
  const ObjectId self_{0, 1, sender_}, peer_{0, 2, sender_};
  EndHome home_{self_, peer_};
  Collected out_;
  std::map<ProcessId, std::deque<Frame>> to_home_;
  std::deque<Frame> to_sender_;
  std::map<ProcessId, Receiver> receivers_;
  std::vector<std::shared_ptr<Ring>> rings_;
  std::shared_ptr<Ring> ring_;
  std::uint64_t next_call_ = 1, offer_ = 0;
  int sent_ = 0, expected_ = 0, by_ring_ = 0;
};

TEST(EndDirect, KeepsTheOrderWhoeverReceivesAndWheneverTheRingEnds) {
  int by_ring = 0;
  for (std::uint64_t round = 0; round < 200 && !testing::Test::HasFailure(); ++round) {
    const auto seed = test_seed() + round;
    SCOPED_TRACE("MPX_TEST_SEED=" + std::to_string(seed));
    Pipe pipe(seed);
    for (int i = 0; i < 3000 && !testing::Test::HasFailure(); ++i) pipe.step();
    if (!testing::Test::HasFailure()) pipe.finish();
    by_ring += pipe.by_ring();
  }
  EXPECT_GT(by_ring, 1000) << "hardly any went by the ring: the test is too tame";
}

}  // namespace
}  // namespace mpx::detail
