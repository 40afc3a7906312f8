#pragma once

#include <vector>

#include "homes/directory.hpp"

namespace mpx::detail {

/// A Process object: starts its process once, and tells those who join it when it has ended.
class ProcessHome : public Home, private Directory::Observer {
 public:
  ProcessHome(const ObjectId& self, Directory& directory) : self_(self), directory_(directory) {}
  ProcessHome(const ProcessHome&) = delete;
  ProcessHome& operator=(const ProcessHome&) = delete;
  ~ProcessHome() override { directory_.forget(started_); }

  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  void on_cancel(ProcessId from, std::uint64_t call, Outbox& out) override;
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override;
  void tell(ObjectFacts& facts) const override {
    if (facts_.ended == 0 && id_ != ProcessId{}) facts.holders.push_back(id_);
  }

 private:
  void on_spawned(ProcessId id, const ProcessFacts& facts, Outbox& out) override;
  void on_process_ended(ProcessId id, const ProcessFacts& facts, Outbox& out) override;
  void start(const FrameHeader& request, Payload payload, Outbox& out);

  ObjectId self_;
  Directory& directory_;
  FrameHeader starter_;
  ProcessId started_;  // the last that was
  ProcessId id_;       // once it has come up
  ProcessFacts facts_;
  bool starting_ = false;
  std::vector<FrameHeader> watchers_;
};

}  // namespace mpx::detail
