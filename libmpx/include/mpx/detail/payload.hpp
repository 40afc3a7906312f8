#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <utility>

#include "mpx/detail/ids.hpp"
#include "mpx/detail/stable.hpp"

namespace mpx::detail {

/// From here on bytes are large: they lie in memory that processes of a node hand to each other instead
/// of copying it (core/segments.hpp).
inline constexpr std::size_t kLargeBytes = std::size_t{256} << 10;

/// Memory for large bytes. Throws std::bad_alloc, saying why.
[[nodiscard]] std::byte* allocate_large(std::size_t size);
void free_large(std::byte* bytes) noexcept;

/// Says that large new memory is written as a whole next: a fault for each page takes longer than to
/// write it.
void about_to_fill(void* memory, std::size_t size) noexcept;

/// Allocates without clearing, so that a buffer about to be received into is not written twice.
template <class T>
struct ByteAllocator {
  using value_type = T;
  ByteAllocator() = default;
  template <class U>
  ByteAllocator(const ByteAllocator<U>& /*other*/) noexcept {}  // NOLINT: as of any allocator

  [[nodiscard]] T* allocate(std::size_t size) {
    static_assert(sizeof(T) == 1);
    if (size < kLargeBytes) return static_cast<T*>(::operator new(size));
    return reinterpret_cast<T*>(allocate_large(size));
  }
  void deallocate(T* bytes, std::size_t size) noexcept {
    if (size < kLargeBytes) return ::operator delete(bytes);
    free_large(reinterpret_cast<std::byte*>(bytes));
  }
  template <class U>
  void construct(U* place) noexcept {
    ::new (static_cast<void*>(place)) U;
  }
  template <class U, class... Args>
  void construct(U* place, Args&&... args) {
    ::new (static_cast<void*>(place)) U(std::forward<Args>(args)...);
  }
  friend bool operator==(const ByteAllocator& /*a*/, const ByteAllocator& /*b*/) { return true; }
};

using Bytes = stable::vector<std::byte, ByteAllocator<std::byte>>;
using ByteView = std::span<const std::byte>;

/// Large bytes that several may hold: they are shared, not copied. A part of `whole`.
struct Large {
  std::shared_ptr<Bytes> whole;
  std::size_t offset = 0;
  std::size_t size = 0;

  Large() = default;
  explicit Large(Bytes&& bytes)
      : whole(std::make_shared<Bytes>(std::move(bytes))), size(whole->size()) {}

  [[nodiscard]] ByteView view() const {
    return size == 0 ? ByteView() : ByteView(*whole).subspan(offset, size);
  }
  /// Whether nobody else holds them, nor anything that lies beside them.
  [[nodiscard]] bool sole() const { return whole.use_count() == 1 && size == whole->size(); }
  /// The bytes; copied only if others hold them too.
  [[nodiscard]] Bytes take() && {
    if (sole()) return std::move(*whole);
    Bytes copy(size);
    if (size != 0) std::memcpy(copy.data(), view().data(), size);
    return copy;
  }
};

/// An encoded value: its bytes, and the shared objects that it names. Each listed object is held by
/// one reference in flight, which the receiver takes over or, if the value is dropped, gives back.
struct Payload {
  Bytes bytes;
  stable::vector<Reference> handles;
  /// At its sender: what stands behind these handles. The value may be gone long before it is sent,
  /// and its objects must not go with it. Let go of without the client's mutex.
  stable::vector<std::shared_ptr<const void>> kept = {};
  /// What follows `bytes`, where it is kept apart from them.
  Large large = {};
};

}  // namespace mpx::detail
