#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "mpx/detail/core.hpp"
#include "mpx/named.hpp"

namespace mpx::detail {

/// The core of the object called `name`, a `type` for people: found and loaded by `load`, or made
/// by `make` if this process is the first to ask. Throws UsageError if it is of another type.
std::shared_ptr<Core> find_or_make(const Named& name, std::string_view type,
                                   const std::function<std::shared_ptr<Core>(Reader&)>& load,
                                   const std::function<std::shared_ptr<Core>()>& make);

template <class CoreT, class Make>
std::shared_ptr<CoreT> named_core(const Named& name, std::string_view type, Make make) {
  // Where the type is the same, so is the class of the core.
  return std::static_pointer_cast<CoreT>(find_or_make(name, type, &CoreT::load, make));
}

}  // namespace mpx::detail
