#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "homes/event_home.hpp"
#include "homes/lock_home.hpp"
#include "homes/semaphore_home.hpp"
#include "support/homes.hpp"

namespace mpx::detail {

/// The one word of a model. Each state of the model sets it before it goes on.
class ModelWord : public Words {
 public:
  ModelWord() : Words(0, 1) {}
  [[nodiscard]] bool reaches(int /*rank*/) const override { return true; }
  std::uint64_t word = 0;

 private:
  std::uint64_t work(const WordRequest& request) override { return detail::perform(request, word); }
};
inline ModelWord model_word;

/// What a process of a model does, one after the other.
enum class Step {
  take,        ///< lock, acquire, or wait for an event
  take_timed,  ///< … with a time limit that may strike at any moment while it waits
  take_try,
  give,           ///< unlock, release, or set; skipped where a timed take failed
  consume,        ///< waits at the condition until there is an item, and takes one
  consume_timed,  ///< … and goes without one after a time-out
  produce,        ///< makes an item
  notify,         ///< notify_one
  notify_all,
};
struct Program {
  std::vector<Step> steps;
  bool mortal = false;  ///< may die at any moment
};

/// Processes that run short programs on one lock, semaphore or event: the real home, the word, and frames
/// under way. All that happens is a choice of one of `choices()`; the processes do what
/// objects/sync_core.cpp and word_core.cpp do, one operation on the word at a time.
template <class HomeT>
class Model {
 public:
  static constexpr bool kLock = std::is_same_v<HomeT, LockHome>;
  static constexpr bool kEvent = std::is_same_v<HomeT, EventHome>;

  Model(HomeT home, std::uint64_t initial, std::uint64_t most, const std::vector<Program>& programs)
      : home_(std::move(home)), word_(initial), initial_(initial), most_(most) {
    for (std::size_t i = 0; i < programs.size(); ++i) {
      processes_.emplace_back();
      processes_.back().id = process(i + 1);
      processes_.back().program = &programs[i];
    }
  }

  /// One thing that may happen next.
  struct Choice {
    enum class What { step, arrive, deliver, time_out, die } what;
    std::size_t who;
  };
  [[nodiscard]] std::vector<Choice> choices() const {
    using What = typename Choice::What;
    std::vector<Choice> all;
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      const auto& p = processes_[i];
      if (!p.up.empty()) all.push_back({What::arrive, i});
      if (!p.alive) continue;
      if (!p.down.empty()) all.push_back({What::deliver, i});
      if (p.call == 0 && !p.finished()) all.push_back({What::step, i});
      if (p.call != 0 && p.timed && !p.cancelled) all.push_back({What::time_out, i});
      if (p.program->mortal && !p.finished()) all.push_back({What::die, i});
    }
    return all;
  }

  void apply(const Choice& choice) {
    using What = typename Choice::What;
    model_word.word = word_;
    auto& p = processes_[choice.who];
    switch (choice.what) {
      case What::step:
        step(p);
        break;
      case What::arrive:
        arrive(p);
        break;
      case What::deliver: {
        const auto answer = p.down.front();
        p.down.pop_front();
        answered(p, answer);
        break;
      }
      case What::time_out:
        p.cancelled = true;
        send(p, Kind::cancel, {});
        break;
      case What::die:
        p.alive = false;
        p.down.clear();
        died_holding_ = died_holding_ || p.held != 0;
        if constexpr (!kLock && !kEvent)
          p.up.push_back({request(Kind::permits, p.id), Packer::pack(p.noted)});
        p.up.push_back({request(Kind::process_ended, p.id), {}});
        p.held = 0;
        break;
    }
    word_ = model_word.word;
  }

  /// All that decides what can happen from here on.
  [[nodiscard]] std::string fingerprint() const {
    std::string text =
        std::to_string(word_) + "/" + std::to_string(items_) + (died_holding_ ? "!" : "");
    const auto add = [&](auto number) {
      text += ' ';
      text += std::to_string(number);
    };
    for (const auto& p : processes_) {
      text += '|';
      for (const auto number :
           {std::uint64_t{p.at}, p.call, p.seen, std::uint64_t{p.loaded}, std::uint64_t{p.timed},
            std::uint64_t{p.cancelled}, std::uint64_t{p.alive}, p.held, std::uint64_t{p.missed}})
        add(number);
      for (const auto& [header, bytes] : p.up) add(static_cast<int>(header.kind));
      text += '>';
      for (const auto& [call, status] : p.down) add(call * 16 + static_cast<std::uint64_t>(status));
    }
    const auto list = [&](const WaitList& waiters) {
      text += '#';
      for (const auto& waiter : waiters) {
        add(waiter.call.from.serial());
        add(waiter.call.call);
        add(static_cast<int>(waiter.answer) * 2 + (waiter.condition.empty() ? 0 : 1));
      }
    };
    list(home_.waiters());
    if constexpr (kLock) {
      for (const auto& [condition, waiters] : home_.conditions()) list(waiters);
    }
    return text;
  }

  /// What must hold at every moment; empty, or what is wrong.
  [[nodiscard]] std::string wrong() const {
    std::uint64_t held = 0;
    for (const auto& p : processes_) held += p.held;
    if (!trouble_.empty()) return trouble_;
    if (kLock && held > 1) return "two hold the lock";
    const bool abandoned = kLock && (word_ & LockWord::kAbandoned) != 0;
    if (kLock && held == 1 && died_holding_ && !abandoned)
      return "a holder died, and the next one is not told";
    if (abandoned && !anyone_died()) return "nobody died, and the lock is called abandoned";
    if (!kLock && !kEvent && held > initial_) return "more permits are held than there are";
    return {};
  }

  /// What must hold when nothing can happen any more.
  [[nodiscard]] std::string wrong_at_end(bool owned) const {
    std::uint64_t held = 0;
    bool waits = false;
    for (const auto& p : processes_) {
      held += p.held;
      if (!p.alive || p.call == 0) continue;
      waits = true;
      const auto step = p.program->steps[p.at];
      const bool at_condition = step == Step::consume || step == Step::consume_timed;
      if (at_condition && items_ == 0 && held_by_home(p) == Where::condition) continue;
      if (at_condition) return "a waiter sleeps, and there is an item";
      if (kLock) return "a process waits for a lock for ever";
      if (kEvent && (word_ & EventWord::kSet) != 0)
        return "a process waits for an event that is set";
      if (kEvent) continue;
      if (SemaphoreWord::count(word_) != 0) return "a process waits for a permit that is free";
      if (owned || !anyone_died()) return "a process waits for ever, and no permit was lost";
    }
    const bool contended = (word_ & kContended) != 0;
    if (contended != !home_.waiters().empty())
      return "the mark does not say whether somebody waits";
    if (kLock && held == 0 && LockWord::owner(word_) != 0)
      return "nobody has the lock; it is taken";
    if constexpr (!kLock && !kEvent) {
      // A permit that was given to a process after its death is lost, too.
      const auto there = SemaphoreWord::count(word_) + held;
      const auto all = initial_;
      if (there > all) return "a permit was created";
      if (owned && !waits && there != all) return "a permit was not given back";
      if (!owned && there < all && !anyone_died()) return "a permit vanished";
    }
    return {};
  }

 private:
  struct Answer {
    std::uint64_t call;
    Status status;
  };
  struct Process {
    ProcessId id;
    const Program* program = nullptr;
    std::size_t at = 0;
    std::uint64_t call = 0;  // waits for its answer
    std::uint64_t next_call = 1;
    std::uint64_t seen = 0;
    bool loaded = false;  // seen is more than a guess
    bool timed = false, cancelled = false, alive = true, missed = false;
    std::uint64_t held = 0;
    std::int64_t noted = 0;  // by its worker
    std::deque<std::pair<FrameHeader, Bytes>> up;
    std::deque<Answer> down;
    [[nodiscard]] bool finished() const { return at >= program->steps.size(); }
  };
  enum class Where { nowhere, condition, list };

  [[nodiscard]] bool anyone_died() const {
    return std::any_of(processes_.begin(), processes_.end(),
                       [](const Process& p) { return !p.alive; });
  }
  [[nodiscard]] Where held_by_home(const Process& p) const {
    const auto in = [&](const WaitList& list) {
      return std::any_of(list.begin(), list.end(), [&](const WaitList::Waiter& waiter) {
        return waiter.call.from == p.id && waiter.call.call == p.call;
      });
    };
    if (in(home_.waiters())) return Where::list;
    if constexpr (kLock) {
      for (const auto& [condition, list] : home_.conditions()) {
        if (in(list)) return Where::condition;
      }
    }
    return Where::nowhere;
  }

  void send(Process& p, Kind kind, Bytes bytes) {
    p.up.push_back({request(kind, p.id, p.call), std::move(bytes)});
  }
  void call(Process& p, Kind kind, Bytes bytes, bool timed) {
    p.call = p.next_call++;
    p.timed = timed;
    p.cancelled = false;
    send(p, kind, std::move(bytes));
  }
  void next(Process& p) {
    ++p.at;
    p.loaded = false;
    if (kLock) p.seen = 0;
  }

  void step(Process& p) {
    const auto what = p.program->steps[p.at];
    switch (what) {
      case Step::take:
      case Step::take_timed:
      case Step::take_try:
        return take(p, what);
      case Step::give:
        return give(p);
      case Step::consume:
      case Step::consume_timed:
        if (p.held == 0 || items_ > 0) {
          if (p.held != 0) --items_;
          return next(p);
        }
        p.held = 0;
        return call(p, Kind::condition_wait, Packer::pack(condition_), what == Step::consume_timed);
      case Step::produce:
        ++items_;
        return next(p);
      case Step::notify:
      case Step::notify_all:
        return call(p, Kind::condition_notify,
                    Packer::pack(condition_, std::uint64_t{what == Step::notify ? 1U : 100U}),
                    false);
    }
  }

  void take(Process& p, Step what) {
    const auto after = [&] {
      if constexpr (kLock) {
        return LockWord::taken(p.seen, p.id);
      } else if constexpr (kEvent) {
        return p.loaded ? EventWord::taken(p.seen) : std::nullopt;
      } else {
        return SemaphoreWord::taken(p.seen);
      }
    }();
    if (!after && !kLock && !p.loaded) {
      p.seen = model_word.word;
      p.loaded = true;
      return;
    }
    if (!after) {
      if (what != Step::take_try) return call(p, Kind::acquire, {}, what == Step::take_timed);
      p.missed = true;
      return next(p);
    }
    if (kEvent) return next(p);  // it stays set
    const auto was = model_word.compare_exchange({}, p.seen, *after);
    p.loaded = true;
    if (was != p.seen) {
      p.seen = was;
      return;
    }
    p.seen = *after;
    ++p.held;
    ++p.noted;
    next(p);
  }

  void give(Process& p) {
    if (p.missed && !kEvent) {  // a take before it failed
      p.missed = false;
      return next(p);
    }
    if constexpr (kLock) {
      if (!p.loaded) p.seen = LockWord::owned_by(p.id);
      const auto was = model_word.compare_exchange({}, p.seen, p.seen & LockWord::kAbandoned);
      p.loaded = true;
      if (was == p.seen) {
        p.held = 0;
        return next(p);
      }
      if (LockWord::owner(was) != LockWord::owned_by(p.id)) trouble_ = "a held lock was taken away";
      p.seen = was;
      if ((was & kContended) == 0) return;
    } else {
      const bool contended = (p.seen & kContended) != 0;
      const auto after =
          kEvent ? std::optional(p.seen | EventWord::kSet) : SemaphoreWord::given(p.seen, 1, most_);
      if ((contended || !after) && !p.loaded) {
        p.seen = model_word.word;
        p.loaded = true;
        return;
      }
      if (!contended) {
        if (!after) {
          trouble_ = "a release within the bound was refused";
          return;
        }
        const auto was = model_word.compare_exchange({}, p.seen, *after);
        p.loaded = true;
        if (was != p.seen) {
          p.seen = was;
          return;
        }
        p.seen = *after;
        p.held -= std::min<std::uint64_t>(p.held, 1);
        --p.noted;
        return next(p);
      }
    }
    p.held -= std::min<std::uint64_t>(p.held, 1);
    call(p, Kind::release, Packer::pack(std::uint64_t{1}), false);
  }

  void answered(Process& p, const Answer& answer) {
    if (answer.call != p.call) {
      trouble_ = "an answer to another call";
      return;
    }
    p.call = 0;
    const auto what = p.program->steps[p.at];
    switch (what) {
      case Step::consume:
      case Step::consume_timed:
        p.held = 1;
        if (answer.status == Status::no && !p.cancelled) trouble_ = "nobody cancelled";
        if (answer.status == Status::no) {
          if (items_ > 0) --items_;  // it looks once more
          next(p);
        }
        return;  // else it looks again
      case Step::take:
      case Step::take_timed:
        if (answer.status == Status::ok) {
          if (!kEvent) ++p.held;
        } else {
          if (what == Step::take || !p.cancelled) trouble_ = "a take failed without a reason";
          p.missed = true;
        }
        return next(p);
      default:
        if (answer.status != Status::ok) trouble_ = "a release or notify was refused";
        return next(p);
    }
  }

  /// The first frame of a process comes to the home.
  void arrive(Process& p) {
    auto [header, bytes] = std::move(p.up.front());
    p.up.pop_front();
    Collected out;
    if (header.kind == Kind::cancel) {
      home_.on_cancel(header.from, header.call, out);
    } else if (header.kind == Kind::process_ended) {
      home_.on_ended(header.from, facts_of(header.from, -9), out);
    } else {
      home_.on(header, Payload{std::move(bytes), {}}, out);
    }
    for (const auto& frame : out.take()) {
      for (auto& to : processes_) {
        if (to.id == frame.header.to && to.alive)
          to.down.push_back({frame.header.call, static_cast<Status>(frame.header.status)});
      }
    }
  }

  HomeT home_;
  std::uint64_t word_, initial_, most_;
  std::uint64_t items_ = 0;
  bool died_holding_ = false;
  std::vector<Process> processes_;
  ObjectId condition_{0, 7, process(9)};
  std::string trouble_;
};

/// Goes through every state that can be reached, each once. Returns their number; stops with an
/// explanation in `trouble` at the first that is wrong.
template <class ModelT>
std::size_t explore(const ModelT& first, bool owned, std::string& trouble) {
  std::unordered_set<std::string> seen{first.fingerprint()};
  std::string path;
  const std::function<void(const ModelT&)> visit = [&](const ModelT& state) {
    const auto choices = state.choices();
    if (choices.empty()) {
      if (const auto wrong = state.wrong_at_end(owned); !wrong.empty() && trouble.empty())
        trouble = wrong + ", after" + path + "; " + state.fingerprint();
    }
    for (const auto& choice : choices) {
      if (!trouble.empty()) return;
      constexpr const char* kNames[] = {" step", " arrive", " deliver", " time-out", " die"};
      const auto length = path.size();
      path += kNames[static_cast<std::size_t>(choice.what)] + std::to_string(choice.who + 1);
      auto next = std::make_unique<ModelT>(state);
      next->apply(choice);
      if (const auto wrong = next->wrong(); !wrong.empty()) {
        trouble = wrong + ", after" + path + "; " + next->fingerprint();
        return;
      }
      if (seen.insert(next->fingerprint()).second) visit(*next);
      path.resize(length);
    }
  };
  visit(first);
  return seen.size();
}

}  // namespace mpx::detail
