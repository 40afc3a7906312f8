#pragma once

#include <cstddef>
#include <cstring>
#include <limits>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "mpx/detail/connection_core.hpp"
#include "mpx/detail/decode_value.hpp"
#include "mpx/duration.hpp"
#include "mpx/error.hpp"

namespace mpx {

namespace detail {

/// What recv() returns without a type; becomes anything, so that only its own error is told.
struct Unnamed {
  template <class T>
  operator T() const;  // NOLINT(google-explicit-constructor)
};

}  // namespace detail

/// One end of a pipe: multiprocessing.connection.Connection.
///
/// A Connection is a handle: copies name the same end, and one sent to another process goes on
/// naming it.
///
/// Ordering:      messages arrive in the order sent, whole. One process at a time should receive
///                from an end.
/// Thread safety: all members, from any thread.
/// Failure:       once what was sent before has been received: Closed when all copies of the other
///                end are closed; ProcessLost when a process was killed that had the other end, and
///                no other one has used it since (one that exits, with whatever status, closes it).
///                It is thrown until one does, or this process hands that end on. What was sent to a
///                process that died is lost with it.
/// Cost:          one message per send, and with the first and every 256th a question; on one node,
///                small messages in a row cost none but 512 KiB of memory. send() learns that nobody receives any
///                more as a rule after 512 messages, and after 16,384 or 4 MiB, and what that memory
///                holds, at the latest. The first receive of a process is one round trip more.
class Connection {
 public:
  /// A Connection that is no end of a pipe; any use but assignment and closed() throws UsageError.
  Connection() : core_(std::make_shared<detail::ConnectionCore>()) {}

  /// Sends a copy of `value`. Blocks while 64 MiB wait to be received, or where the rank of the pipe
  /// has not answered for 16,384 messages or 4 MiB. Throws Closed, or ProcessLost.
  template <class T>
  void send(const T& value) const {
    core_->send(detail::encode(value));
  }

  /// Receives the next message. Blocks until there is one. Throws CodecError, and keeps the
  /// message, if it is not a T.
  template <class T = detail::Unnamed>
  T recv() const {
    constexpr bool kNamed = !std::is_same_v<T, detail::Unnamed>;
    static_assert(kNamed, "mpx: which type? Name the one that was sent: recv<T>()");
    if constexpr (kNamed && detail::require_received<T>()) {
      auto message = core_->receive();
      try {
        return detail::decode_value<T>(message);
      } catch (const CodecError&) {
        core_->put_back(std::move(message));
        throw;
      }
    }
  }

  /// Whether recv() would return, or throw, at once.
  [[nodiscard]] bool poll() const { return core_->poll(detail::Deadline::now()); }
  /// As poll(), but waits at most `timeout` for it to become true.
  [[nodiscard]] bool poll_for(Duration timeout) const {
    return core_->poll(detail::Deadline::after(timeout));
  }

  /// Sends bytes as they are; for recv_bytes().
  void send_bytes(std::span<const std::byte> bytes) const;
  /// Refused: `send_bytes(std::as_bytes(std::span(row)))`.
  template <class Row>
  requires(!std::is_convertible_v<const Row&, std::span<const std::byte>>) void send_bytes(
      const Row& /*row*/) const {
    static_assert(std::is_void_v<Row>,
                  "mpx: send_bytes takes a std::span<const std::byte>; of a string or a vector: "
                  "send_bytes(std::as_bytes(std::span(text)))");
  }
  /// Receives what send_bytes() sent. Throws BufferTooShort, with the message, if it is longer than
  /// `max_bytes`.
  MPX_RETURNS_CONTAINER std::vector<std::byte> recv_bytes(
      std::size_t max_bytes = std::numeric_limits<std::size_t>::max()) const {
    const auto message = receive_bytes(max_bytes);
    return {message.bytes.begin(), message.bytes.end()};
  }
  /// Receives into `buffer` and returns the size of the message. Throws BufferTooShort, with the
  /// message.
  std::size_t recv_bytes_into(std::span<std::byte> buffer) const;

  /// Gives up this process's copies of the end; further use of them throws UsageError.
  void close() const { core_->close(); }
  [[nodiscard]] bool closed() const { return core_->closed(); }
  [[nodiscard]] bool readable() const { return core_->readable(); }
  [[nodiscard]] bool writable() const { return core_->writable(); }

  void mpx_save(detail::Writer& writer) const { core_->save(writer); }
  [[nodiscard]] std::shared_ptr<detail::Core> mpx_core() const { return core_; }
  static Connection mpx_load(detail::Reader& reader) {
    return Connection(detail::ConnectionCore::load(reader));
  }

 private:
  friend std::pair<Connection, Connection> make_pipe(bool duplex);
  struct RawMessage {
    detail::Payload message;
    detail::ByteView bytes;  // in it
  };
  RawMessage receive_bytes(std::size_t max_bytes) const;
  explicit Connection(std::shared_ptr<detail::ConnectionCore> core) : core_(std::move(core)) {}

  std::shared_ptr<detail::ConnectionCore> core_;
};

/// Chooses a pipe that carries messages one way only.
struct Simplex {};
inline constexpr Simplex simplex{};

/// Makes a pipe and returns its two ends: `auto [a, b] = mpx::pipe();`.
std::pair<Connection, Connection> pipe();
/// Makes a one-way pipe: (receiver, sender).
std::pair<Connection, Connection> pipe(Simplex);

}  // namespace mpx
