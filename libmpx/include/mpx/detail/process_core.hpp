#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "mpx/detail/core.hpp"
#include "mpx/detail/mutex.hpp"
#include "mpx/detail/stable.hpp"
#include "mpx/rank.hpp"

namespace mpx::detail {

struct ProcessSettings {
  std::string name;
  bool daemon = false;
  std::optional<Rank> rank;
  std::string host;
};

struct ProcessFacts;

/// A process as this one sees it.
class ProcessCore : public Core {
 public:
  ProcessCore() = default;
  ProcessCore(ProcessSettings settings, Payload call)
      : settings_(std::move(settings)), call_(std::move(call)), startable_(true) {
    known_.name = settings_.name;
  }
  ~ProcessCore() override;

  static std::shared_ptr<ProcessCore> make(ProcessSettings settings, Payload call);
  static std::shared_ptr<ProcessCore> load(Reader& reader);
  static std::shared_ptr<ProcessCore> adopt(const ObjectId& id);

  void start();
  bool join(Deadline deadline);
  std::optional<int> exit_code();
  bool is_alive();
  void signal(int signo, const char* what);
  void close();

  std::string name();
  pid_t pid();
  Rank rank();
  std::string host();
  bool daemon();

  void subscribe() override;
  [[nodiscard]] bool ready() const override MPX_REQUIRES(client_mutex) { return known().ended; }

 private:
  ObjectId create() override;
  bool require_started(const char* what, Deadline deadline = Deadline::never());
  bool learn(Deadline deadline);
  void start_once();
  void take_in(const ProcessFacts& facts, bool started);
  [[nodiscard]] std::string text() const;

  /// What this process knows of it so far.
  struct Known {
    std::string name, host;
    pid_t pid = 0;
    int rank = -1, exit_code = 0;
    bool starting = false, started = false, ended = false, closed = false, watched = false;
  };
  [[nodiscard]] Known known() const;
  /// Changes that by `change(known)`, and returns what it returns.
  template <class Change>
  auto note(Change change) {
    const MutexLock lock(mutex_);
    return change(known_);
  }

  const ProcessSettings settings_{};
  Payload call_;                  // until it has been started
  const bool startable_ = false;  // made here; else another process's
  mutable Mutex mutex_;           // no other one is taken under it
  Known known_ MPX_GUARDED_BY(mutex_);
};

/// Gives those that this process has started and that have not ended.
void adopt_children(const std::function<void(std::shared_ptr<ProcessCore>)>& take);

}  // namespace mpx::detail
