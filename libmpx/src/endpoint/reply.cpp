#include "endpoint/reply.hpp"

#include "core/pack.hpp"
#include "core/remote_exception.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

void Reply::check(const std::string& what) const {
  const auto text = [&] { return what + ": " + Unpacker(payload.bytes).get<std::string>(); };
  switch (status) {
    case Status::ok:
    case Status::no:
      return;
    case Status::closed:
      throw Closed(what + ": it is closed");
    case Status::usage:
      throw UsageError(text());
    case Status::no_object:
      throw Closed(what + ": the object does not exist any more");
    case Status::failed:
      throw LaunchError(text());
    case Status::error:
      rethrow(payload.bytes);
  }
}

}  // namespace mpx::detail
