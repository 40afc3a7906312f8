#pragma once

#include <sys/types.h>

#include <cstddef>
#include <exception>
#include <optional>
#include <string>

#include "mpx/detail/payload.hpp"
#include "mpx/rank.hpp"

namespace mpx::detail {

/// The process in which an exception was caught, as its receiver will be told.
struct ThrownAt {
  std::string process_name;
  Rank rank;
  std::string host;
  pid_t pid = 0;
};

/// Encodes an exception so that another process can throw it again.
///
/// What travels: type name, message (those of nested exceptions appended), the nearest standard or
/// mpx class, `index` of the element, the place, the backtrace if the throw was recorded
/// (RecordThrows), and what ProcessLost, BufferTooShort, system_error, filesystem_error,
/// future_error and regex_error hold beyond a message. An exception that came from another process
/// keeps its origin; only an index that it lacks is filled in. `exception` must not be null.
Bytes capture(const std::exception_ptr& exception, const ThrownAt& place,
              std::optional<std::size_t> index = std::nullopt);

/// Throws the exception that capture() encoded: an object of the nearest standard or mpx class that
/// is a RemoteOrigin too; a RemoteError (and RemoteOrigin) for a type that is no std::exception.
/// what() is the original message, of such a RemoteError "type: message". Throws a plain CodecError
/// (no RemoteOrigin) if `encoded` is not what capture() makes.
[[noreturn]] void rethrow(ByteView encoded);

/// The same as an exception_ptr; never throws CodecError, but may hold one.
std::exception_ptr decode_exception(ByteView encoded);

/// "type: message" on one line, of an exception from elsewhere its original type. For a report of
/// an uncaught exception.
std::string describe(const std::exception_ptr& exception);

/// Where an exception from another process was thrown, "process NAME, rank R, host H, pid P" with
/// ", element I" if it has an index; empty for one of this process.
std::string describe_origin(const std::exception_ptr& exception);

}  // namespace mpx::detail
