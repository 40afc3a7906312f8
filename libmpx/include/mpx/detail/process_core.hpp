#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "mpx/detail/core.hpp"
#include "mpx/detail/stable.hpp"
#include "mpx/rank.hpp"

namespace mpx::detail {

struct ProcessSettings {
  std::string name;
  bool daemon = false;
  std::optional<Rank> rank;
  std::string host;
};

/// A process as this one sees it.
class ProcessCore : public Core {
 public:
  ProcessCore() = default;
  ProcessCore(ProcessSettings settings, Payload call)
      : settings_(std::move(settings)), call_(std::move(call)), startable_(true) {}
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
  [[nodiscard]] bool ready() const override { return ended_; }

 private:
  ObjectId create() override;
  bool require_started(const char* what, Deadline deadline = Deadline::never());
  bool learn(Deadline deadline);

  ProcessSettings settings_;
  Payload call_;
  bool startable_ = false;  // made here; else another process's
  // guarded by the client's mutex
  bool started_ = false, ended_ = false, closed_ = false, watching_ = false;
  pid_t pid_ = 0;
  int rank_ = -1, exit_code_ = 0;
};

/// Gives those that this process has started and that have not ended.
void adopt_children(const std::function<void(std::shared_ptr<ProcessCore>)>& take);

}  // namespace mpx::detail
