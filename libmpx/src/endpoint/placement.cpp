#include "endpoint/placement.hpp"

namespace mpx::detail {

ObjectId Placement::new_object(int home) {
  const ClientLock lock(context_.mutex());
  return {home, next_object_++, context_.self().id};
}

Payload Placement::make_object(const ObjectId& id, Payload arguments, const std::string& what) {
  auto reply = calls_.call(Kind::create, id, std::move(arguments));
  reply.check(what);
  return std::move(reply.payload);
}

}  // namespace mpx::detail
