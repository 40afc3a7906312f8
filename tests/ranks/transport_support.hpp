#pragma once

#include <gtest/gtest.h>
#include <sched.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>

#include "transport/mpi_library.hpp"
#include "transport/transport.hpp"

namespace mpx::detail::ranks {

/// The ranks of this test program; made by main.
MpiSession& session();

/// Every rank runs the same tests at the same time, each with a transport of its own.
class RankTest : public ::testing::Test {
 protected:
  RankTest() : transport_(session().make_transport()) {}
  ~RankTest() override { session().barrier(); }

  [[nodiscard]] int rank() const { return transport_->rank(); }
  [[nodiscard]] int size() const { return transport_->size(); }
  Transport& transport() { return *transport_; }

  /// Polls until `done`, and on until everything sent has left.
  void drive(const Transport::Deliver& deliver, const std::function<bool()>& done) {
    while (!done() || transport_->busy())
      if (transport_->poll(deliver) == 0) ::sched_yield();
  }

 private:
  std::unique_ptr<Transport> transport_;
};

/// A body of `bytes` bytes that only `seed` gives.
inline Bytes pattern(std::size_t bytes, std::uint64_t seed) {
  Bytes body(bytes);
  std::size_t i = 0;
  for (; i + 8 <= bytes; i += 8) {
    const std::uint64_t word = (seed + i) * 0x9E3779B97F4A7C15u;
    std::memcpy(body.data() + i, &word, 8);
  }
  for (; i < bytes; ++i) body[i] = static_cast<std::byte>(seed + i);
  return body;
}

inline bool has_pattern(const Bytes& body, std::uint64_t seed) {
  std::size_t i = 0;
  for (; i + 8 <= body.size(); i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, body.data() + i, 8);
    if (word != (seed + i) * 0x9E3779B97F4A7C15u) return false;
  }
  for (; i < body.size(); ++i)
    if (body[i] != static_cast<std::byte>(seed + i)) return false;
  return true;
}

/// A frame whose `call` is its number and whose body has the pattern of `seed`.
inline Frame frame(int from, std::uint64_t number, std::size_t bytes, std::uint64_t seed) {
  Frame result;
  result.header.from = ProcessId(from, 0);
  result.header.call = number;
  result.body = pattern(bytes, seed);
  return result;
}

inline int source(const Frame& frame) { return frame.header.from.rank().number(); }

}  // namespace mpx::detail::ranks
