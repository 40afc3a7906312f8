#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/pack.hpp"
#include "homes/home.hpp"

namespace mpx::detail {

/// An Outbox that keeps what a home sends.
class Collected : public Outbox {
 public:
  void send(Frame frame) override { frames.push_back(std::move(frame)); }

  /// All frames since the last take().
  std::vector<Frame> take() { return std::exchange(frames, {}); }

  /// Frames of a kind since the last take().
  [[nodiscard]] std::size_t count(Kind kind) const {
    return static_cast<std::size_t>(
        std::count_if(frames.begin(), frames.end(),
                      [&](const Frame& frame) { return frame.header.kind == kind; }));
  }

  /// The first frame of a kind (to `who`), taken out.
  std::optional<Frame> pop(Kind kind, std::optional<ProcessId> who = {}) {
    const auto found = std::find_if(frames.begin(), frames.end(), [&](const Frame& frame) {
      return frame.header.kind == kind && (!who || frame.header.to == *who);
    });
    if (found == frames.end()) return std::nullopt;
    auto frame = std::move(*found);
    frames.erase(found);
    return frame;
  }

  /// The status of the answer to `call` of `who`, taken out; nothing if there is none.
  std::optional<Status> answer(ProcessId who, std::uint64_t call) {
    const auto found = std::find_if(frames.begin(), frames.end(), [&](const Frame& frame) {
      return frame.header.kind == Kind::reply && frame.header.to == who &&
             frame.header.call == call;
    });
    if (found == frames.end()) return std::nullopt;
    const auto status = static_cast<Status>(found->header.status);
    frames.erase(found);
    return status;
  }

  std::vector<Frame> frames;
};

inline ProcessId process(std::uint64_t number) {
  return ProcessId(static_cast<int>(number % 4), 10 + number);
}

inline FrameHeader request(Kind kind, ProcessId from, std::uint64_t call = 0) {
  FrameHeader header;
  header.kind = kind;
  header.from = from;
  header.call = call;
  return header;
}

/// References to objects, each counted by who made the object.
inline std::vector<Reference> references(const std::vector<ObjectId>& objects) {
  std::vector<Reference> list;
  for (const auto& object : objects) list.push_back({object, object.maker});
  return list;
}

inline Payload text_payload(const std::string& text, const std::vector<ObjectId>& handles = {}) {
  Bytes bytes(text.size());
  std::copy(text.begin(), text.end(), reinterpret_cast<char*>(bytes.data()));
  return {std::move(bytes), references(handles)};
}

inline std::string text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline ProcessFacts facts_of(ProcessId who, int exit_code) {
  return {"p" + std::to_string(who.serial()), "node", who.rank().number(), 1000, exit_code, 1};
}

/// The seed of a randomized test: MPX_TEST_SEED, else a fixed one. Tests print it when they fail.
inline std::uint64_t test_seed() {
  const char* text = std::getenv("MPX_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 10) : 20240607;
}

/// Random choices that say what they were.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t bound) {
    return std::uniform_int_distribution<std::uint64_t>(0, bound - 1)(engine_);
  }
  bool chance(double probability) { return std::bernoulli_distribution(probability)(engine_); }
  template <class T>
  T& pick(std::vector<T>& items) {
    return items[below(items.size())];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace mpx::detail
