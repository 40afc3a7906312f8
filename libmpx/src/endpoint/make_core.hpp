#pragma once

#include <memory>
#include <utility>

#include "core/forks.hpp"
#include "endpoint/client.hpp"
#include "mpx/detail/core.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

/// A core that gives up its object before it is deleted.
template <class CoreT, class... Args>
std::shared_ptr<CoreT> make_core(Args&&... args) {
  return std::shared_ptr<CoreT>(new CoreT(std::forward<Args>(args)...), [](CoreT* core) {
    if (is_forked_copy()) return;  // nothing of it is to be touched
    core->give_up();
    delete core;
  });
}

/// The core of a handle that has arrived in this process: the one there is already, or `make()` for the
/// first. Throws CodecError if no reference came along.
template <class CoreT, class Make>
std::shared_ptr<CoreT> adopt_core(const ObjectId& id, Make make) {
  const auto client = Client::current();
  const auto reference = Incoming::take(id);
  while (true) {
    if (auto known = client->cores().find(id)) {
      auto core = std::dynamic_pointer_cast<CoreT>(known);
      client->cores().drop({reference});
      if (!core) throw CodecError("a handle arrived as a handle of another kind of object");
      return core;
    }
    std::shared_ptr<CoreT> core = make();
    if (client->cores().admit(core, id, reference.counter, client)) return core;
    // Another thread has decoded a handle of the same object meanwhile.
  }
}

}  // namespace mpx::detail
