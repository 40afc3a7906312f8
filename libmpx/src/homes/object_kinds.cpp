#include "homes/object_kinds.hpp"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <fstream>
#include <limits>
#include <new>

#include "homes/array_home.hpp"
#include "homes/barrier_home.hpp"
#include "homes/cell_home.hpp"
#include "homes/end_home.hpp"
#include "homes/event_home.hpp"
#include "homes/pool_home.hpp"
#include "homes/process_home.hpp"
#include "homes/queue_home.hpp"
#include "homes/semaphore_home.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {
namespace {

/// A word that goes back if its object cannot be made.
class NewWord {
 public:
  NewWord(const HomePlace& place, std::uint64_t initial) : words_(place.words) {
    const auto word = words_.allocate(initial);
    if (!word) {
      throw UsageError(fmt::format(
          "no word is left for another Lock, Semaphore, Event, Array or Value on rank {}: all {} "
          "are in use; set MPX_WORDS_PER_RANK higher",
          place.rank.number(), words_.capacity()));
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

/// An object that is being made.
struct Making {
  const FrameHeader& request;
  const Payload& arguments;
  const HomePlace& place;
  Unpacker in;   // arguments, behind the kind
  Bytes answer;  // for its maker

  /// The word that the object is made of.
  WordRef word(std::uint64_t initial) {
    const auto at = NewWord(place, initial).keep();
    answer = Packer::pack(at);
    return at;
  }
};

using Made = std::unique_ptr<Home>;

Made make_end(Making& making) {
  return std::make_unique<EndHome>(making.request.object, making.in.get<ObjectId>());
}

Made make_queue(Making& making) {
  const auto capacity = making.in.get<std::uint64_t>();
  const auto bound = making.in.get<std::uint64_t>();
  return std::make_unique<QueueHome>(making.request.object, capacity, bound);
}

Made make_process(Making& making) {
  return std::make_unique<ProcessHome>(making.request.object, *making.place.directory);
}

Made make_pool(Making& making) {
  return std::make_unique<PoolHome>(making.request.object, making.request.from,
                                    *making.place.directory, making.in.get<PoolSettings>());
}

Made make_lock(Making& making) {
  return std::make_unique<LockHome>(making.place.words, making.word(0));
}

Made make_semaphore(Making& making) {
  const auto permits = making.in.get<std::uint64_t>();
  const auto most = making.in.get<std::uint64_t>();
  const auto owned = making.in.get<std::uint8_t>();
  if (permits > most || most > SemaphoreWord::kMost)
    throw UsageError(fmt::format("a semaphore of {} permits that may have {}: {} are possible",
                                 permits, most, SemaphoreWord::kMost));
  return std::make_unique<SemaphoreHome>(making.place.words, making.word(permits),
                                         making.request.object,
                                         SemaphoreHome::Settings{most, owned});
}

Made make_event(Making& making) {
  return std::make_unique<EventHome>(making.place.words, making.word(0));
}

Made make_barrier(Making& making) {
  const auto parties = making.in.get<std::uint64_t>();
  if (parties == 0) throw UsageError("a Barrier for 0 parties: at least 1");
  std::optional<Payload> action;
  if (making.in.get<std::uint8_t>() != 0) {
    const auto rest = making.in.rest();
    action = Payload{Bytes(rest.begin(), rest.end()), making.arguments.handles};
  }
  return std::make_unique<BarrierHome>(making.place.rank, parties, std::move(action));
}

Made make_value(Making& making) {
  const auto bytes = making.in.rest();
  NewWord lock(making.place, 0);
  if (bytes.size() > sizeof(std::uint64_t)) {
    making.answer = Packer::pack(lock.ref(), WordRef{});
    return std::make_unique<CellHome>(making.place.words, lock.keep(), std::nullopt,
                                      Bytes(bytes.begin(), bytes.end()));
  }
  std::uint64_t initial = 0;
  std::memcpy(&initial, bytes.data(), bytes.size());
  NewWord value(making.place, initial);
  making.answer = Packer::pack(lock.ref(), value.ref());
  return std::make_unique<CellHome>(making.place.words, lock.keep(), value.keep(),
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

Made make_array(Making& making) {
  const auto size = making.in.get<std::uint64_t>();
  const auto initial = making.in.rest();
  if (initial.size() > size)
    throw UsageError(
        fmt::format("an Array of {} bytes cannot begin with {}", size, initial.size()));
  NewWord lock(making.place, 0);
  const auto refuse = [&] {
    throw UsageError(
        fmt::format("an Array of {} bytes does not fit into the memory of rank {}: {} "
                    "are available",
                    size, making.place.rank.number(), available_memory()));
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
  making.answer = Packer::pack(lock.ref(), WordRef{});
  return std::make_unique<ArrayHome>(making.place.words, lock.keep(), std::move(bytes));
}

enum class Where { anywhere, rank_0 };

struct KindOfObject {
  ObjectKind kind;
  std::string_view name;
  Where where;
  Made (*make)(Making&);
};

/// All of them, in the order of ObjectKind.
constexpr std::array kKinds = {
    KindOfObject{ObjectKind::pipe_end, "Connection", Where::anywhere, make_end},
    KindOfObject{ObjectKind::queue, "Queue", Where::anywhere, make_queue},
    KindOfObject{ObjectKind::lock, "Lock", Where::anywhere, make_lock},
    KindOfObject{ObjectKind::cell, "Value", Where::anywhere, make_value},
    KindOfObject{ObjectKind::process, "Process", Where::rank_0, make_process},
    KindOfObject{ObjectKind::pool, "Pool", Where::rank_0, make_pool},
    KindOfObject{ObjectKind::semaphore, "Semaphore", Where::anywhere, make_semaphore},
    KindOfObject{ObjectKind::event, "Event", Where::anywhere, make_event},
    KindOfObject{ObjectKind::barrier, "Barrier", Where::anywhere, make_barrier},
    KindOfObject{ObjectKind::array, "Array", Where::anywhere, make_array},
};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (static_cast<std::size_t>(kKinds[i].kind) != i) return false;
  }
  return true;
}
static_assert(in_order());

const KindOfObject& find(ObjectKind kind) {
  const auto at = static_cast<std::size_t>(kind);
  if (at >= kKinds.size()) throw UsageError(fmt::format("there is no kind of object {}", at));
  return kKinds[at];
}

}  // namespace

std::string_view kind_name(ObjectKind kind) { return find(kind).name; }

std::unique_ptr<Home> make_home(const FrameHeader& request, const Payload& arguments,
                                const HomePlace& place, Outbox& out) {
  try {
    Making making{request, arguments, place, Unpacker(arguments.bytes), {}};
    const auto& kind = find(making.in.get<ObjectKind>());
    if (kind.where == Where::rank_0 && place.directory == nullptr)
      throw UsageError(fmt::format("a {} lives on rank 0 only", kind.name));
    auto home = kind.make(making);
    home->set_name(kind.name);
    out.reply(request, Status::ok, std::move(making.answer));
    return home;
  } catch (const Error& error) {
    out.drop(arguments);
    out.reply(request, Status::usage, Packer::pack(std::string(error.what())));
    return nullptr;
  }
}

}  // namespace mpx::detail
