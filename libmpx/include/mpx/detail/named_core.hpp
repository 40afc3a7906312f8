#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "mpx/detail/core.hpp"
#include "mpx/named.hpp"

namespace mpx::detail {

/// Has the object called `name`, a `type` for people, read by `load` from its encoded handle, or made
/// and written by `make` if this process is the first to ask. Throws UsageError if it is of another
/// type.
void find_or_make(const Named& name, std::string_view type,
                  const std::function<void(Reader&)>& load,
                  const std::function<void(Writer&)>& make);

/// The core of that object.
template <class CoreT, class Make>
std::shared_ptr<CoreT> named_core(const Named& name, std::string_view type, Make make) {
  std::shared_ptr<CoreT> core;
  find_or_make(
      name, type, [&](Reader& reader) { core = CoreT::load(reader); },
      [&](Writer& writer) {
        core = make();
        core->save(writer);
      });
  return core;
}

}  // namespace mpx::detail
