#include "core/item_block.hpp"

#include <cstring>

#include "mpx/error.hpp"

namespace mpx::detail {

ItemBlock::ItemBlock(Bytes units, std::vector<Reference> handles)
    : units_(std::move(units)), handles_(std::move(handles)) {
  std::size_t listed = 0;
  for (std::size_t at = 0; at < units_.size(); ++count_) {
    if (units_.size() - at < kHeadBytes) throw CodecError("an item of a queue ends too soon");
    const auto [handles_of_it, size] = head(at);
    at += kHeadBytes;
    if (size > units_.size() - at) throw CodecError("an item of a queue ends too soon");
    at += size;
    listed += handles_of_it;
  }
  if (listed != handles_.size()) throw CodecError("items of a queue list impossible handles");
}

ItemBlock::ItemBlock(const Bytes& units, std::vector<Reference> handles, Large item)
    : ItemBlock(std::move(item), std::move(handles)) {
  if (units != units_) throw CodecError("a large item of a queue has another head");
}

ItemBlock::ItemBlock(Large item, std::vector<Reference> handles)
    : handles_(std::move(handles)), count_(1), large_(std::move(item)) {
  append_head(units_, static_cast<std::uint32_t>(handles_.size()), large_.size);
}

std::size_t ItemBlock::item_bytes() const {
  return units_.size() - begin_ - count_ * kHeadBytes + large_.size;
}

void ItemBlock::append_head(Bytes& units, std::uint32_t handles, std::uint64_t size) {
  const auto old = units.size();
  units.resize(old + kHeadBytes);
  std::memcpy(units.data() + old, &handles, sizeof handles);
  std::memcpy(units.data() + old + sizeof handles, &size, sizeof size);
}

void ItemBlock::append(Bytes& units, ByteView item, std::uint32_t handles) {
  append_head(units, handles, item.size());
  const auto old = units.size();
  units.resize(old + item.size());
  if (!item.empty()) std::memcpy(units.data() + old, item.data(), item.size());
}

void ItemBlock::push_back(ByteView item, const std::vector<Reference>& handles) {
  append(units_, item, static_cast<std::uint32_t>(handles.size()));
  handles_.insert(handles_.end(), handles.begin(), handles.end());
  ++count_;
}

Payload ItemBlock::pop_front() {
  if (large_.size != 0) {
    auto whole = std::exchange(*this, {});
    return {std::move(whole.large_).take(), std::move(whole.handles_)};
  }
  const auto first = head(begin_);
  const auto bytes = ByteView(units_).subspan(begin_ + kHeadBytes, first.size);
  const auto from = handles_.begin() + static_cast<std::ptrdiff_t>(first_handle_);
  Payload item{{bytes.begin(), bytes.end()}, {from, from + first.handles}};
  remove(first);
  return item;
}

void ItemBlock::drop_front() {
  if (large_.size != 0) {
    *this = {};
  } else {
    remove(head(begin_));
  }
}

ItemBlock ItemBlock::split_front(std::size_t most, std::size_t most_bytes) {
  if (most >= count_ && (item_bytes() <= most_bytes || large_.size != 0))
    return std::exchange(*this, {});
  ItemBlock front;
  const auto start = begin_;
  const auto start_handle = first_handle_;
  std::size_t bytes = 0, count = 0;
  while (count_ > 0 && count < most && bytes < most_bytes) {
    const auto first = head(begin_);
    bytes += first.size;
    ++count;
    begin_ += kHeadBytes + first.size;
    first_handle_ += first.handles;
    --count_;
  }
  front.units_.assign(units_.begin() + static_cast<std::ptrdiff_t>(start),
                      units_.begin() + static_cast<std::ptrdiff_t>(begin_));
  front.handles_.assign(handles_.begin() + static_cast<std::ptrdiff_t>(start_handle),
                        handles_.begin() + static_cast<std::ptrdiff_t>(first_handle_));
  front.count_ = count;
  if (count_ == 0) *this = {};
  return front;
}

ItemBlock::Head ItemBlock::head(std::size_t at) const {
  Head head{};
  std::memcpy(&head.handles, units_.data() + at, sizeof head.handles);
  std::memcpy(&head.size, units_.data() + at + sizeof head.handles, sizeof head.size);
  return head;
}

void ItemBlock::remove(const Head& head) {
  begin_ += kHeadBytes + head.size;
  first_handle_ += head.handles;
  if (--count_ > 0) return;
  units_.clear();
  handles_.clear();
  begin_ = first_handle_ = 0;
}

}  // namespace mpx::detail
