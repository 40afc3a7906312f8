#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "mpx/detail/stable.hpp"
#include "mpx/rank.hpp"

namespace mpx {

/// Root of everything that libmpx throws. The message says what was being done, to which object,
/// where, with which value, and what to do.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A stated precondition was broken: a mistake in the calling program.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// The other end, the queue or the pool was closed in good order.
class Closed : public Error {
 public:
  using Error::Error;
};

/// A process that is needed for the answer has died.
class ProcessLost : public Error {
 public:
  struct Who {
    std::string name;
    Rank rank;
    std::string host;
    pid_t pid = 0;
    int exit_code = 0;  ///< as Process::exit_code(): −signal if killed
  };
  ProcessLost(const std::string& what, Who who) : Error(what), who_(std::move(who)) {}

  /// The process that died.
  [[nodiscard]] const Who& who() const noexcept { return who_; }

 private:
  Who who_;
};

/// The called code threw a type that is not a standard library exception.
class RemoteError : public Error {
 public:
  using Error::Error;
};

/// A process could not be started, or the job was started wrongly.
class LaunchError : public Error {
 public:
  using Error::Error;
};

/// A value could not be encoded or decoded, or has another type than asked for.
class CodecError : public Error {
 public:
  using Error::Error;
};

/// The network or MPI failed.
class TransportError : public Error {
 public:
  using Error::Error;
};

/// A message is longer than the buffer given for it; the message comes with the exception.
class BufferTooShort : public Error {
 public:
  BufferTooShort(const std::string& what, std::vector<std::byte> message)
      : Error(what), message_(std::move(message)) {}

  /// The whole message.
  MPX_RETURNS_CONTAINER [[nodiscard]] const std::vector<std::byte>& message() const noexcept {
    return detail::as_std(message_, std_message_);
  }

 private:
  detail::stable::vector<std::byte> message_;
  mutable std::shared_ptr<void> std_message_;
};

/// A barrier was broken by a time-out, an exception or a death.
class BrokenBarrier : public Error {
 public:
  using Error::Error;
};

/// The other side did not prove that it knows the authentication key.
class AuthenticationError : public Error {
 public:
  using Error::Error;
};

/// Where an exception was thrown: a second base of every exception that arrives from another
/// process, so that `catch (const mpx::RemoteOrigin& origin)` catches them all.
class RemoteOrigin {
 public:
  struct Data {
    std::string type_name;
    std::string message;
    std::optional<std::size_t> index;
    std::string process_name;
    Rank rank;
    std::string host;
    pid_t pid = 0;
    std::string backtrace;
  };
  explicit RemoteOrigin(Data data) : data_(std::move(data)) {}
  virtual ~RemoteOrigin() = default;

  /// Demangled name of the type that was thrown.
  [[nodiscard]] const std::string& type_name() const noexcept { return data_.type_name; }
  /// what() of the exception as thrown.
  [[nodiscard]] const std::string& message() const noexcept { return data_.message; }
  /// In a map, the index of the element whose task threw; nothing for a call by itself (apply),
  /// which has no elements.
  [[nodiscard]] std::optional<std::size_t> index() const noexcept { return data_.index; }
  [[nodiscard]] const std::string& process_name() const noexcept { return data_.process_name; }
  [[nodiscard]] Rank rank() const noexcept { return data_.rank; }
  [[nodiscard]] const std::string& host() const noexcept { return data_.host; }
  [[nodiscard]] pid_t pid() const noexcept { return data_.pid; }
  /// Symbolised stack of the throw, one frame a line; empty where the platform has none.
  [[nodiscard]] const std::string& backtrace() const noexcept { return data_.backtrace; }

 private:
  Data data_;
};

}  // namespace mpx
