// Every interleaving of two or three parties that go some rounds at the real home of a barrier, with
// and without an action, time-outs and deaths: rounds never mix, and nobody waits for ever.

#include <gtest/gtest.h>

#include <algorithm>

#include "homes/barrier_home.hpp"
#include "homes/wait_model.hpp"

namespace mpx::detail {
namespace {

struct Party {
  bool timed = false;   ///< its time limit may strike at any moment
  bool mortal = false;  ///< may die at any moment
};

class BarrierModel {
 public:
  BarrierModel(const std::vector<Party>& parties, std::uint64_t rounds, bool acts)
      : home_(0, parties.size(), acts ? std::optional(text_payload("act")) : std::nullopt),
        rounds_(rounds),
        acts_(acts) {
    for (std::size_t i = 0; i < parties.size(); ++i) {
      processes_.emplace_back();
      processes_.back().id = process(i + 1);
      processes_.back().kind = parties[i];
    }
  }

  struct Choice {
    enum class What { step, arrive, deliver, time_out, die } what;
    std::size_t who;
  };
  [[nodiscard]] std::vector<Choice> choices() const {
    using What = Choice::What;
    std::vector<Choice> all;
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      const auto& p = processes_[i];
      if (!p.up.empty()) all.push_back({What::arrive, i});
      if (!p.alive) continue;
      if (!p.down.empty()) all.push_back({What::deliver, i});
      if (p.call == 0 && !finished(p)) all.push_back({What::step, i});
      if (p.call != 0 && p.acts_in == 0 && p.kind.timed && !p.cancelled)
        all.push_back({What::time_out, i});
      if (p.kind.mortal && !finished(p)) all.push_back({What::die, i});
    }
    return all;
  }

  void apply(const Choice& choice) {
    using What = Choice::What;
    auto& p = processes_[choice.who];
    switch (choice.what) {
      case What::step:
        p.call = p.next_call++;
        p.cancelled = false;
        if (p.acts_in != 0) {
          ++acted_;
          return send(p, Kind::barrier_done, Packer::pack(p.acts_in, std::string()));
        }
        ++p.started;
        return send(p, Kind::barrier_wait, {});
      case What::arrive:
        return arrive(p);
      case What::deliver: {
        const auto frame = std::move(p.down.front());
        p.down.pop_front();
        return answered(p, frame);
      }
      case What::time_out:
        p.cancelled = anything_wrong_ = true;
        return send(p, Kind::cancel, {});
      case What::die:
        p.alive = false;
        anything_wrong_ = true;
        p.down.clear();
        p.up.push_back({request(Kind::process_ended, p.id), {}});
        return;
    }
  }

  [[nodiscard]] std::string fingerprint() const {
    std::string text =
        std::to_string(acted_) + (home_.broken() ? "broken" : "") + (anything_wrong_ ? "!" : "");
    const auto add = [&](auto number) {
      text += ' ';
      text += std::to_string(number);
    };
    for (const auto& p : processes_) {
      text += '|';
      for (const auto number : {p.started, p.passed, p.call, p.acts_in, std::uint64_t{p.cancelled},
                                std::uint64_t{p.alive}, std::uint64_t{p.told}})
        add(number);
      for (const auto& [header, bytes] : p.up) add(static_cast<int>(header.kind));
      text += '>';
      for (const auto& frame : p.down) {
        add(frame.header.call);
        add(frame.header.status);
        if (frame.header.status == 0) text += text_of(frame.body);  // index, round
      }
    }
    text += '#';
    for (const auto& waiter : home_.waiting())
      add(waiter.call.from.serial() * 64 + waiter.call.call);
    return text;
  }

  [[nodiscard]] std::string wrong() const {
    std::uint64_t passed = 0, started = ~std::uint64_t{0};
    for (const auto& p : processes_) {
      passed = std::max(passed, p.passed);
      started = std::min(started, p.started);
    }
    if (!trouble_.empty()) return trouble_;
    if (passed > started) return "one has passed before all had come";
    if (acts_ && passed > acted_) return "one has passed before the action had run";
    return {};
  }

  [[nodiscard]] std::string wrong_at_end(bool /*owned*/) const {
    for (const auto& p : processes_) {
      if (p.alive && p.call != 0) return "a party waits for ever";
      if (!anything_wrong_ && p.passed != rounds_) return "a round failed without a reason";
    }
    return {};
  }

 private:
  struct Process {
    ProcessId id;
    Party kind;
    std::uint64_t started = 0, passed = 0, call = 0, next_call = 1;
    std::uint64_t acts_in = 0;  // it runs the action of this round
    bool cancelled = false, alive = true, told = false;
    std::deque<std::pair<FrameHeader, Bytes>> up;
    std::deque<Frame> down;
  };
  [[nodiscard]] bool finished(const Process& p) const { return p.told || p.passed == rounds_; }

  static void send(Process& p, Kind kind, Bytes bytes) {
    p.up.push_back({request(kind, p.id, p.call), std::move(bytes)});
  }

  void answered(Process& p, const Frame& frame) {
    if (frame.header.call != p.call) {
      trouble_ = "an answer to another call";
      return;
    }
    p.call = 0;
    if (frame.header.status != 0) {
      if (!anything_wrong_) trouble_ = "it is broken without a reason";
      p.told = true;
      p.acts_in = 0;
      return;
    }
    if (p.acts_in != 0) {
      p.acts_in = 0;
      ++p.passed;
      return;
    }
    Unpacker in(frame.body);
    static_cast<void>(in.get<std::uint64_t>());
    p.acts_in = in.get<std::uint64_t>();
    if (p.acts_in == 0) ++p.passed;
  }

  void arrive(Process& p) {
    auto [header, bytes] = std::move(p.up.front());
    p.up.pop_front();
    Collected out;
    if (header.kind == Kind::cancel) {
      home_.on_cancel(header.from, header.call, out);
    } else if (header.kind == Kind::process_ended) {
      home_.on_holder_ended(header.from, facts_of(header.from, -9), out);
      home_.on_ended(header.from, facts_of(header.from, -9), out);
    } else {
      home_.on(header, Payload{std::move(bytes), {}}, out);
    }
    for (auto& frame : out.take()) {
      for (auto& to : processes_) {
        if (to.id == frame.header.to && to.alive) to.down.push_back(std::move(frame));
      }
    }
  }

  BarrierHome home_;
  std::uint64_t rounds_;
  bool acts_;
  std::uint64_t acted_ = 0;
  bool anything_wrong_ = false;
  std::vector<Process> processes_;
  std::string trouble_;
};

void check(const std::vector<Party>& parties, std::uint64_t rounds, std::size_t at_least) {
  for (const bool acts : {false, true}) {
    std::string trouble;
    const auto states = explore(BarrierModel(parties, rounds, acts), false, trouble);
    EXPECT_EQ(trouble, "") << "acts: " << acts;
    EXPECT_GE(states, at_least);
  }
}

TEST(BarrierModel, RoundsNeverMix) {
  check({{}, {}}, 3, 50);
  check({{}, {}, {}}, 3, 400);
}

TEST(BarrierModel, ATimeOutOrADeathReachesAll) {
  check({{.timed = true}, {}}, 3, 100);
  check({{.mortal = true}, {}}, 3, 100);
  check({{.timed = true}, {.mortal = true}, {}}, 2, 1000);
}

}  // namespace
}  // namespace mpx::detail
