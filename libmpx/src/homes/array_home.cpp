#include "homes/array_home.hpp"

#include <fmt/format.h>

#include <cstring>

namespace mpx::detail {

void ArrayHome::on(const FrameHeader& request, Payload payload, Outbox& out) {
  if (request.kind != Kind::array_read && request.kind != Kind::array_write)
    return lock_.on(request, std::move(payload), out);
  Unpacker in(payload.bytes);
  const auto offset = in.get<std::uint64_t>();
  const bool read = request.kind == Kind::array_read;
  const auto size = read ? in.get<std::uint64_t>() : in.rest().size();
  if (offset > bytes_.size() || size > bytes_.size() - offset) {
    const auto text =
        fmt::format("bytes {} to {} of an Array of {}", offset, offset + size, bytes_.size());
    return out.reply(request, Status::usage, Packer::pack(text));
  }
  const auto at = bytes_.begin() + static_cast<std::ptrdiff_t>(offset);
  if (read) {
    return out.reply(request, Status::ok, Bytes(at, at + static_cast<std::ptrdiff_t>(size)));
  }
  std::copy_n(in.rest().begin(), size, at);
  out.reply(request, Status::ok);
}

}  // namespace mpx::detail
