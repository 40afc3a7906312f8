#pragma once

#include <exception>

#include "core/exception_record.hpp"

namespace mpx::detail {

/// Fills in the kind of `exception`, its nearest class among those that arrive as themselves, and
/// what objects of that class hold beyond a message.
void classify(const std::exception& exception, ExceptionRecord& record);

/// The kind of what is no std::exception: arrives as RemoteError.
void classify_foreign(ExceptionRecord& record);

/// Throws an object of the record's kind that is a RemoteOrigin too. Throws CodecError if there is
/// no such kind.
[[noreturn]] void throw_as_classified(ExceptionRecord record);

}  // namespace mpx::detail
