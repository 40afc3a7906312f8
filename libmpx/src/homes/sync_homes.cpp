#include "homes/sync_homes.hpp"

#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <new>

#include "homes/array_home.hpp"
#include "homes/barrier_home.hpp"
#include "homes/cell_home.hpp"
#include "homes/event_home.hpp"
#include "homes/semaphore_home.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

/// A word that goes back if its object cannot be made.
class NewWord {
 public:
  NewWord(Words& words, std::uint64_t initial, Rank rank) : words_(words) {
    const auto word = words.allocate(initial);
    if (!word) {
      throw UsageError(fmt::format(
          "no word is left for another Lock, Semaphore, Event, Array or Value on rank {}: all {} "
          "are in use; set MPX_WORDS_PER_RANK higher",
          rank.number(), words.capacity()));
    }
    word_ = *word;
  }
  NewWord(const NewWord&) = delete;
  NewWord& operator=(const NewWord&) = delete;
  ~NewWord() {
    if (!kept_) words_.release(word_);
  }

  [[nodiscard]] WordRef ref() const { return word_; }
  WordRef keep() {
    kept_ = true;
    return word_;
  }

 private:
  Words& words_;
  WordRef word_;
  bool kept_ = false;
};

std::unique_ptr<Home> make_cell(const FrameHeader& request, ByteView bytes, Words& words, Rank rank,
                                Outbox& out) {
  NewWord lock(words, 0, rank);
  if (bytes.size() > sizeof(std::uint64_t)) {
    out.reply(request, Status::ok, Packer::pack(lock.ref(), WordRef{}));
    return std::make_unique<CellHome>(words, lock.keep(), std::nullopt,
                                      Bytes(bytes.begin(), bytes.end()));
  }
  std::uint64_t initial = 0;
  std::memcpy(&initial, bytes.data(), bytes.size());
  NewWord value(words, initial, rank);
  out.reply(request, Status::ok, Packer::pack(lock.ref(), value.ref()));
  return std::make_unique<CellHome>(words, lock.keep(), value.keep(),
                                    Bytes(bytes.begin(), bytes.end()));
}

/// In bytes, swap included; what Linux estimates, and all that can be where it does not.
std::uint64_t available_memory() {
  std::ifstream facts("/proc/meminfo");
  std::string name, unit;
  std::uint64_t available = 0;
  bool known = false;
  for (std::uint64_t kilobytes = 0; facts >> name >> kilobytes; std::getline(facts, unit)) {
    if (name != "MemAvailable:" && name != "SwapFree:") continue;
    available += kilobytes * 1024;
    known = true;
  }
  return known ? available : std::numeric_limits<std::uint64_t>::max();
}

std::unique_ptr<Home> make_array(const FrameHeader& request, Unpacker& in, Words& words, Rank rank,
                                 Outbox& out) {
  const auto size = in.get<std::uint64_t>();
  const auto initial = in.rest();
  NewWord lock(words, 0, rank);
  const auto refuse = [&] {
    throw UsageError(
        fmt::format("an Array of {} bytes does not fit into the memory of rank {}: {} "
                    "are available",
                    size, rank.number(), available_memory()));
  };
  constexpr std::uint64_t kMuch = std::uint64_t{64} << 20;
  if (size >= kMuch && size > available_memory()) refuse();  // else the kernel would kill a process
  Bytes bytes;
  try {
    bytes.resize(size);
  } catch (const std::exception&) {  // bad_alloc, length_error
    refuse();
  }
  std::copy(initial.begin(), initial.end(), bytes.begin());
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(initial.size()), bytes.end(), std::byte{0});
  out.reply(request, Status::ok, Packer::pack(lock.ref(), WordRef{}));
  return std::make_unique<ArrayHome>(words, lock.keep(), std::move(bytes));
}

}  // namespace

std::unique_ptr<Home> make_sync_home(ObjectKind kind, const FrameHeader& request, Unpacker& in,
                                     const Payload& arguments, Words& words, Rank rank,
                                     Outbox& out) {
  const auto word = [&](std::uint64_t initial) { return NewWord(words, initial, rank).keep(); };
  const auto made = [&](WordRef at) { out.reply(request, Status::ok, Packer::pack(at)); };
  switch (kind) {
    case ObjectKind::lock: {
      const auto at = word(0);
      made(at);
      return std::make_unique<LockHome>(words, at);
    }
    case ObjectKind::semaphore: {
      const auto permits = in.get<std::uint64_t>();
      const auto most = in.get<std::uint64_t>();
      const auto owned = in.get<std::uint8_t>();
      const auto at = word(permits);
      made(at);
      return std::make_unique<SemaphoreHome>(words, at, request.object,
                                             SemaphoreHome::Settings{most, owned});
    }
    case ObjectKind::event: {
      const auto at = word(0);
      made(at);
      return std::make_unique<EventHome>(words, at);
    }
    case ObjectKind::cell:
      return make_cell(request, in.rest(), words, rank, out);
    case ObjectKind::array:
      return make_array(request, in, words, rank, out);
    case ObjectKind::barrier: {
      const auto parties = in.get<std::uint64_t>();
      std::optional<Payload> action;
      if (in.get<std::uint8_t>() != 0) {
        action = Payload{Bytes(in.rest().begin(), in.rest().end()), arguments.handles};
      }
      out.reply(request, Status::ok);
      return std::make_unique<BarrierHome>(rank, parties, std::move(action));
    }
    default:
      return nullptr;
  }
}

}  // namespace mpx::detail
