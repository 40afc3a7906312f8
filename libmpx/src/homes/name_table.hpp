#pragma once

#include <deque>
#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "homes/home.hpp"

namespace mpx::detail {

/// Which object a name stands for: a well-known object.
///
/// | name is     | name_find                    | name_bind | name_give_up, death of the maker |
/// |-------------|------------------------------|-----------|----------------------------------|
/// | unknown     | no: the caller makes it      | –         | –                                |
/// | being made  | queued                       | all get it| the next in the queue makes it   |
/// | bound       | ok, a handle of it           | –         | –                                |
///
/// The table keeps an encoded handle, and with it a reference in flight: an object that has a name
/// lives as long as the table. Each answer is a copy, with a reference of its own.
class NameTable : public Home {
 public:
  void on(const FrameHeader& request, Payload payload, Outbox& out) override;
  /// What it was making is made by the next, and it waits for nothing more.
  void on_ended(ProcessId who, const ProcessFacts& facts, Outbox& out) override;

  [[nodiscard]] std::size_t size() const { return names_.size(); }
  /// What has which name, for a person to read: a long one is cut.
  [[nodiscard]] std::map<ObjectId, std::string> objects() const;

 private:
  struct Entry {
    std::string type;  // while bound or being made
    ProcessId maker;
    bool bound = false;
    Payload handle;
    struct Waiter {
      FrameHeader request;
      std::string type;
    };
    std::deque<Waiter> waiting;
  };
  using Names = std::unordered_map<std::string, Entry>;

  void find(const FrameHeader& request, const std::string& name, const std::string& type,
            Outbox& out);
  void bind(Names::iterator entry, Payload handle, Outbox& out);
  void pass_on(Names::iterator entry, Outbox& out);

  Names names_;
  std::set<std::string> being_made_;  // those that are being made: only they concern who ends
};

}  // namespace mpx::detail
