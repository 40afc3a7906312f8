#include "homes/cell_home.hpp"

#include <algorithm>
#include <cstring>

namespace mpx::detail {

void CellHome::on(const FrameHeader& request, Payload payload, Outbox& out) {
  Unpacker in(payload.bytes);
  switch (request.kind) {
    case Kind::cell_read:
      return out.reply(request, Status::ok, Bytes(bytes_));
    case Kind::cell_write:
    case Kind::cell_exchange: {
      const auto value = in.rest();
      if (value.size() != bytes_.size()) break;
      Bytes old(value.begin(), value.end());
      bytes_.swap(old);
      if (request.kind == Kind::cell_write) return out.reply(request, Status::ok);
      return out.reply(request, Status::ok, std::move(old));
    }
    case Kind::cell_compare: {
      const auto expected = in.view(bytes_.size());
      const auto desired = in.view(bytes_.size());
      Bytes old(bytes_);
      const bool same = std::equal(expected.begin(), expected.end(), bytes_.begin(), bytes_.end());
      if (same) bytes_.assign(desired.begin(), desired.end());
      return out.reply(request, same ? Status::ok : Status::no, std::move(old));
    }
    default:
      return lock_.on(request, std::move(payload), out);
  }
  out.reply(request, Status::usage,
            Packer::pack(std::string("a Value is used with a type of another size")));
}

void CellHome::on_freed(Outbox& out) {
  lock_.on_freed(out);
  if (value_) words_.release(*value_);
}

}  // namespace mpx::detail
