#include "mpx/detail/end_inbox.hpp"

#include <algorithm>
#include <iterator>

#include "core/pack.hpp"

namespace mpx::detail {
namespace {

void put(Packer& packer, Payload& whole, std::deque<Payload>&& values) {
  packer.put(std::uint64_t{values.size()});
  for (auto& value : values) {
    packer.put(static_cast<std::uint32_t>(value.handles.size()));
    packer.put(value.bytes);
    std::move(value.handles.begin(), value.handles.end(), std::back_inserter(whole.handles));
  }
}

}  // namespace

void EndInbox::on_switch() {
  if (inbox_.empty()) {
    switch_ = Switch::passed;
  } else {
    switch_ = Switch::queued;
    before_ = inbox_.size();
  }
}

void EndInbox::begin_ring() {
  if (switch_ != Switch::none) join();
  switch_ = Switch::none;
}

/// Puts what came by the ring where it belongs in the order.
void EndInbox::join() {
  if (rung_.empty()) return;
  const auto at =
      inbox_.begin() + static_cast<std::ptrdiff_t>(switch_ == Switch::queued ? before_ : 0);
  inbox_.insert(at, std::move_iterator(rung_.begin()), std::move_iterator(rung_.end()));
  rung_.clear();
  rung_bytes_ = 0;
}

void EndInbox::on_ring(Bytes message) {
  rung_bytes_ += message.size();
  rung_.push_back({std::move(message), {}});
}

Payload EndInbox::pop() {
  auto& from = switch_ == Switch::passed && !rung_.empty() ? rung_ : inbox_;
  auto value = std::move(from.front());
  from.pop_front();
  if (&from == &rung_) {
    rung_bytes_ -= std::min(rung_bytes_, value.bytes.size());
  } else if (switch_ == Switch::queued && --before_ == 0) {
    switch_ = Switch::passed;
  }
  return value;
}

void EndInbox::put_back(Payload value) {
  if (switch_ == Switch::passed) {
    rung_bytes_ += value.bytes.size();
    rung_.push_front(std::move(value));
    return;
  }
  inbox_.push_front(std::move(value));
  if (switch_ == Switch::queued) ++before_;
}

Payload EndInbox::take_back() {
  if (switch_ != Switch::none) join();
  switch_ = Switch::none;
  Payload whole;
  Packer packer;
  put(packer, whole, std::exchange(inbox_, {}));
  put(packer, whole, std::exchange(rung_, {}));  // whose place in the order the home knows
  rung_bytes_ = 0;
  whole.bytes = std::move(packer).take();
  return whole;
}

}  // namespace mpx::detail
