#include "core/heap.hpp"

#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <initializer_list>

#include "mpx/detail/payload.hpp"

namespace mpx::detail {

void keep_freed_memory() {
#ifdef __GLIBC__
  for (const char* name : {"GLIBC_TUNABLES", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"})
    if (std::getenv(name) != nullptr) return;
  ::mallopt(M_MMAP_THRESHOLD, 32 << 20);
  ::mallopt(M_TRIM_THRESHOLD, 64 << 20);
#endif
}

void about_to_fill(void* memory, std::size_t size) noexcept {
  constexpr std::uintptr_t kPage = 4096;
  constexpr std::size_t kMostInLargePages = std::size_t{64} << 20;
  const auto start = (reinterpret_cast<std::uintptr_t>(memory) + kPage - 1) / kPage * kPage;
  const auto end = (reinterpret_cast<std::uintptr_t>(memory) + size) / kPage * kPage;
  // Where the kernel does not know this, or has no memory, the faults come as ever.
  if (start >= end) return;
  auto* const pages = reinterpret_cast<void*>(start);
  // Of very much memory, the kernel might have to move other pages to have large ones.
  if (size <= kMostInLargePages) static_cast<void>(::madvise(pages, end - start, MADV_HUGEPAGE));
  static_cast<void>(::madvise(pages, end - start, MADV_POPULATE_WRITE));
}

}  // namespace mpx::detail
