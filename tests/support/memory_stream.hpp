#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>

#include "core/byte_stream.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

/// A stream in memory, with room for so many bytes in each direction. It carries no descriptors, and
/// wakes nobody.
class MemoryStream final : public ByteStream {
 public:
  static std::pair<std::unique_ptr<MemoryStream>, std::unique_ptr<MemoryStream>> make_pair(
      std::size_t room) {
    auto there = std::make_shared<std::deque<std::byte>>();
    auto back = std::make_shared<std::deque<std::byte>>();
    return {std::make_unique<MemoryStream>(there, back, room),
            std::make_unique<MemoryStream>(back, there, room)};
  }
  using Pipe = std::shared_ptr<std::deque<std::byte>>;
  MemoryStream(Pipe out, Pipe in, std::size_t room)
      : out_(std::move(out)), in_(std::move(in)), room_(room) {}

  std::size_t write_some(ByteView bytes) override {
    const auto count = std::min(bytes.size(), room());
    out_->insert(out_->end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    return count;
  }
  [[nodiscard]] std::size_t room() const override { return room_ - out_->size(); }
  std::size_t read_some(std::span<std::byte> into) override {
    const auto count = std::min(into.size(), in_->size());
    const auto end = in_->begin() + static_cast<std::ptrdiff_t>(count);
    std::copy(in_->begin(), end, into.begin());
    in_->erase(in_->begin(), end);
    return count;
  }
  [[nodiscard]] bool readable() const override { return !in_->empty(); }
  void ring_if_asleep() override {}
  void announce_sleep() override {}
  void announce_awake() override {}
  [[nodiscard]] int socket() const override { return -1; }
  [[nodiscard]] bool drain_doorbell() override { return true; }
  [[nodiscard]] Descriptor take_descriptor() override {
    throw TransportError("no descriptor comes by a stream in memory");
  }

 private:
  Pipe out_, in_;
  std::size_t room_;
};

}  // namespace mpx::detail
