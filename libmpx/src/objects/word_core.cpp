#include "mpx/detail/word_core.hpp"

#include <fmt/format.h>

#include "core/pack.hpp"
#include "endpoint/client.hpp"
#include "endpoint/make_core.hpp"
#include "mpx/error.hpp"
#include "objects/word_ref.hpp"
#include "wire/wait_words.hpp"

namespace mpx::detail {
void save_place(Writer& writer, const WordPlace& place) {
  writer.number(place.home);
  writer.number(place.slot);
}

WordPlace load_place(Reader& reader) {
  WordPlace place;
  place.home = reader.number<std::int32_t>();
  place.slot = reader.number<std::uint32_t>();
  return place;
}

bool acquire_at_home(Core& core, Deadline deadline, const std::string& what, bool gives_back) {
  auto& to = core.client();
  // Who has gone on gives back what comes late.
  const auto late = [&to, id = core.id(),
                     gives_back](const Reply& reply) MPX_REQUIRES(client_mutex) {
    if (!gives_back || reply.status != Status::ok) return;
    to.calls().return_from_delivery(Kind::release, id, {Packer::pack(std::uint64_t{1}), {}},
                                    static_cast<std::uint16_t>(ReleaseRoute::own));
  };
  const auto reply = to.calls().call_until(Kind::acquire, core.id(), {}, deadline, late);
  if (!reply) return false;
  reply->check(what);
  return reply->status == Status::ok;
}

void release_at_home(Core& core, std::uint64_t n, const std::string& what) {
  core.client().calls().call(Kind::release, core.id(), {Packer::pack(n), {}}).check(what);
}

ObjectId WordCore::create_here(Bytes arguments, const std::string& what) {
  const auto client = Client::current();
  const auto id = client->placement().new_object(client->placement().home_here());
  const auto answer = client->placement().make_object(id, {std::move(arguments), {}}, what);
  place_ = Unpacker(answer.bytes).get<WordPlace>();
  return id;
}

std::uint64_t WordCore::look() {
  auto& to = client();  // first: then it is known where the word lives
  return to.words().load(ref(place_));
}

bool WordCore::change(const Next& next, std::int64_t by_rank) {
  auto& to = client();
  auto word = seen_.load(std::memory_order_relaxed);
  auto after = next(word);
  if (!after) after = next(word = to.words().load(ref(place_)));
  while (after) {
    const auto was = by_rank == 0
                         ? to.words().compare_exchange(ref(place_), word, *after)
                         : to.words().compare_exchange(ref(place_), word, *after, id(), by_rank);
    seen_.store(was == word ? *after : was, std::memory_order_relaxed);
    if (was == word) return true;
    after = next(word = was);
  }
  return false;
}

SemaphoreCore::SemaphoreCore(const Settings& settings)
    : settings_(settings), most_(settings.bounded ? settings.permits : SemaphoreWord::kMost) {}

std::shared_ptr<SemaphoreCore> SemaphoreCore::make(const Settings& settings) {
  if (settings.permits > SemaphoreWord::kMost) {
    throw UsageError(fmt::format("a semaphore of {} permits: {} are possible", settings.permits,
                                 SemaphoreWord::kMost));
  }
  return make_core<SemaphoreCore>(settings);
}

std::shared_ptr<SemaphoreCore> SemaphoreCore::load(Reader& reader) {
  const auto id = load_id(reader);
  const auto place = load_place(reader);
  Settings settings;
  settings.permits = reader.number<std::uint64_t>();
  settings.bounded = reader.number<std::uint8_t>() != 0;
  settings.owned = reader.number<std::uint8_t>() != 0;
  return adopt_core<SemaphoreCore>(id, [&] {
    auto core = make(settings);
    core->place_ = place;
    return core;
  });
}

void SemaphoreCore::save_details(Writer& writer) const {
  WordCore::save_details(writer);
  writer.number(settings_.permits);
  writer.number(std::uint8_t{settings_.bounded});
  writer.number(std::uint8_t{settings_.owned});
}

ObjectId SemaphoreCore::create() {
  return create_here(
      Packer::pack(ObjectKind::semaphore, settings_.permits, most_, std::uint8_t{settings_.owned}),
      "making a semaphore");
}

// A process that dies may have taken a permit and not noted it: so the permits that its death gives
// back are taken for it by its rank. Others are noted for those who ask who holds what.
bool SemaphoreCore::change_permits(const Next& next, std::int64_t by) {
  auto* note = note_.load(std::memory_order_acquire);
  if (note == nullptr && !settings_.owned && !noted_elsewhere_.load(std::memory_order_relaxed)) {
    note = client().words().note_of(ref(place_), id());
    PermitNote* none = nullptr;
    if (note == nullptr) {
      noted_elsewhere_ = true;
    } else if (!note_.compare_exchange_strong(none, note)) {
      note = none;  // another thread's, the same
    }
  }
  if (note == nullptr) return change(next, by);
  if (!change(next)) return false;
  note->add(by);
  return true;
}

bool SemaphoreCore::before_drop() {
  if (auto* const note = note_.load()) client().words().done_with(note);
  return false;
}

bool SemaphoreCore::acquire(Deadline deadline) {
  const bool asks = client().words().leaves_to_home(ref(place_), deadline);
  if (!asks && change_permits(SemaphoreWord::taken, 1)) return true;
  if (!asks && deadline.is_now()) return false;
  return acquire_at_home(*this, deadline, "acquire of a semaphore", true);
}

void SemaphoreCore::release(std::uint64_t n) {
  if (n == 0) throw UsageError("release of 0 permits of a semaphore: at least 1");
  std::uint64_t seen = 0;
  const auto given = [&](std::uint64_t word) -> std::optional<std::uint64_t> {
    seen = word;
    if ((word & kContended) != 0) return std::nullopt;
    return SemaphoreWord::given(word, n, most_);
  };
  if (client().words().leaves_to_home(ref(place_), Deadline::never()))
    return release_at_home(*this, n, "release of a semaphore");
  if (change_permits(given, -static_cast<std::int64_t>(n))) return;
  if ((seen & kContended) != 0) return release_at_home(*this, n, "release of a semaphore");
  throw UsageError(fmt::format(
      "release of {} of a semaphore that may have {} free permits, and has {}", n, most_, seen));
}

std::uint64_t SemaphoreCore::value() { return SemaphoreWord::count(look()); }

std::shared_ptr<EventCore> EventCore::make() { return make_core<EventCore>(); }

std::shared_ptr<EventCore> EventCore::load(Reader& reader) {
  const auto id = load_id(reader);
  const auto place = load_place(reader);
  return adopt_core<EventCore>(id, [&] {
    auto core = make();
    core->place_ = place;
    return core;
  });
}

ObjectId EventCore::create() {
  return create_here(Packer::pack(ObjectKind::event), "making an Event");
}

void EventCore::set() {
  const auto set = [](std::uint64_t word) -> std::optional<std::uint64_t> {
    if ((word & kContended) != 0) return std::nullopt;
    return word | EventWord::kSet;
  };
  if (client().words().leaves_to_home(ref(place_), Deadline::never()) || !change(set))
    release_at_home(*this, 1, "set of an Event");
}

void EventCore::clear() {
  change([](std::uint64_t word) { return std::optional(word & ~EventWord::kSet); });
}

bool EventCore::is_set() { return (look() & EventWord::kSet) != 0; }

bool EventCore::wait(Deadline deadline) {
  const bool asks = client().words().leaves_to_home(ref(place_), deadline);
  if (!asks && is_set()) return true;
  if (!asks && deadline.is_now()) return false;
  return acquire_at_home(*this, deadline, "wait for an Event", false);
}

}  // namespace mpx::detail
