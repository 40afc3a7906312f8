#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "mpx/detail/payload.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

/// What of an exception travels. Fields that its class does not have stay empty.
struct ExceptionRecord {
  std::uint8_t kind = 0;  ///< index into the table of remote_classes.cpp
  RemoteOrigin::Data origin;
  ProcessLost::Who lost;           ///< ProcessLost
  std::vector<std::byte> message;  ///< BufferTooShort
  std::string category;            ///< system_error and what derives from it
  std::int32_t code = 0;           ///< its value; of future_error and regex_error their code
  std::string paths[2];            ///< filesystem_error
};

Bytes encode(const ExceptionRecord& record);

/// Throws CodecError where `encoded` is not what encode() makes.
ExceptionRecord decode_record(ByteView encoded);

}  // namespace mpx::detail
