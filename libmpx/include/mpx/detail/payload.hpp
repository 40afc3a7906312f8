#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "mpx/detail/ids.hpp"
#include "mpx/detail/stable.hpp"

namespace mpx::detail {

/// Allocates without clearing, so that a buffer about to be received into is not written twice.
template <class T>
struct UninitializedAllocator : std::allocator<T> {
  using std::allocator<T>::allocator;
  template <class U>
  struct rebind {
    using other = UninitializedAllocator<U>;
  };
  template <class U>
  void construct(U* place) noexcept {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Args>
  void construct(U* place, Args&&... args) {
    ::new (static_cast<void*>(place)) U(std::forward<Args>(args)...);
  }
};

using Bytes = stable::vector<std::byte, UninitializedAllocator<std::byte>>;
using ByteView = std::span<const std::byte>;

/// An encoded value: its bytes, and the shared objects that it names. Each listed object is held by
/// one reference in flight, which the receiver takes over or, if the value is dropped, gives back.
struct Payload {
  Bytes bytes;
  stable::vector<Reference> handles;
  /// At its sender: what stands behind these handles. The value may be gone long before it is sent,
  /// and its objects must not go with it. Let go of without the client's mutex.
  stable::vector<std::shared_ptr<const void>> kept = {};
};

}  // namespace mpx::detail
