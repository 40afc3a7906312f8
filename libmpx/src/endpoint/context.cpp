#include "endpoint/context.hpp"

#include "mpx/error.hpp"
#include "wire/headers.hpp"

namespace mpx::detail {

void Context::refuse() {
  throw UsageError("an object of libmpx is used after mpx::run (or the Session) has ended");
}

void Context::send(FrameHeader header, Payload payload) {
  header.from = self_.id;
  link_->send(make_frame(header, std::move(payload)));
}

void Context::send_count(Kind kind, const Reference& reference) {
  send(count_header(kind, reference), {});
}

}  // namespace mpx::detail
