#include "wire/word_map.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "mpx/error.hpp"

namespace mpx::detail {

WordMap::WordMap(void* memory, const WordLayout& layout) : capacity_(layout.capacity) {
  auto* place = static_cast<std::byte*>(memory);
  for (const auto rank : layout.ranks) {
    const auto index = static_cast<std::size_t>(rank);
    first_.resize(std::max(first_.size(), index + 1), nullptr);
    first_[index] = reinterpret_cast<std::uint64_t*>(place);
    place += layout.stride;
  }
}

UniqueFd make_word_memory(const WordLayout& layout) {
  UniqueFd memory(::memfd_create("mpx-words", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!memory || ::ftruncate(memory.get(), static_cast<off_t>(layout.bytes())) != 0)
    throw LaunchError(fmt::format("no memory for {} shared words of {} ranks: {}", layout.capacity,
                                  layout.ranks.size(), std::strerror(errno)));
  // Nobody may take from under the others what they have mapped.
  ::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
  return memory;
}

void* map_word_memory(int memory, std::size_t bytes) {
  struct stat facts {};
  void* mapped = MAP_FAILED;
  if (::fstat(memory, &facts) == 0) {
    errno = EINVAL;
    if (static_cast<std::size_t>(facts.st_size) >= bytes)
      mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  }
  if (mapped == MAP_FAILED)
    throw TransportError(
        fmt::format("cannot map the {} bytes of shared words: {}", bytes, std::strerror(errno)));
  return mapped;
}

MappedWords::MappedWords(const SharedWords& shared)
    : memory_(map_word_memory(shared.memory.get(), shared.layout.bytes())),
      bytes_(shared.layout.bytes()),
      map_(memory_, shared.layout) {}

MappedWords::~MappedWords() { ::munmap(memory_, bytes_); }

}  // namespace mpx::detail
