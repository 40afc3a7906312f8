#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/pack.hpp"
#include "wire/headers.hpp"
#include "wire/process.hpp"
#include "wire/waits.hpp"

namespace mpx::detail {

/// Where a home puts the messages that it wants to go out.
class Outbox {
 public:
  virtual ~Outbox() = default;
  virtual void send(Frame frame) = 0;

  /// Answers the request `to` (nothing is sent where no answer was asked for).
  void reply(const FrameHeader& to, Status status, Payload payload = {}) {
    if (to.call == 0) return;
    send(make_frame(to_caller(to, status), std::move(payload)));
  }
  void reply(const FrameHeader& to, Status status, Bytes bytes) {
    reply(to, status, Payload{std::move(bytes), {}});
  }

  /// Sends `bytes` to a process, from an object.
  void deliver(Kind kind, ProcessId to, const ObjectId& object, std::uint16_t status,
               Payload payload) {
    send(make_frame(to_process(kind, to, object, status), std::move(payload)));
  }

  /// Counts the handles in a copy that a home on `rank` sends of a value that it keeps.
  Payload counted(Rank rank, Payload copy) {
    for (auto& handle : copy.handles) {
      handle.counter = ProcessId::homes_of(rank);
      send(make_frame(count_header(Kind::add_ref, handle), {}));
    }
    return copy;
  }

  /// Gives back the references of handles in a value that nobody will receive.
  void drop(const Payload& payload) {
    for (const auto& reference : payload.handles)
      send(make_frame(count_header(Kind::drop_flight, reference), {}));
  }
};

/// The one place where a shared object lives: a pure state machine. Messages in, messages out; no
/// thread, clock or network. The runtime calls it under its mutex.
class Home {
 public:
  virtual ~Home() = default;

  /// Handles one request.
  virtual void on(const FrameHeader& request, Payload payload, Outbox& out) = 0;

  /// A waiter gives up the call `call`: answers it with Status::no if it still waits.
  virtual void on_cancel(ProcessId /*from*/, std::uint64_t /*call*/, Outbox& /*out*/) {}

  /// A process that may have used the object has ended; of a well-known object: any process.
  virtual void on_ended(ProcessId /*who*/, const ProcessFacts& /*facts*/, Outbox& /*out*/) {}

  /// The same, first, if the process had a reference to the object.
  virtual void on_holder_ended(ProcessId /*who*/, const ProcessFacts& /*facts*/, Outbox& /*out*/) {}

  /// What the job's end would leave undone here, for a person to read; empty: nothing.
  [[nodiscard]] virtual std::string unfinished() const { return {}; }

  /// For a report of who waits for what: all but `facts.object` and `facts.kind`.
  virtual void tell(ObjectFacts& /*facts*/) const {}

  /// The last reference is gone; the home is destroyed after this.
  virtual void on_freed(Outbox& /*out*/) {}

  /// What people call such an object; empty where nobody has said so.
  [[nodiscard]] std::string_view name() const { return name_; }
  void set_name(std::string_view name) { name_ = name; }

 protected:
  /// Answers a request of a kind that such an object does not know.
  void refuse_kind(const FrameHeader& request, const Payload& payload, Outbox& out) const {
    const bool vowel = !name_.empty() && std::string_view("AE").find(name_[0]) != name_.npos;
    std::string object = name_.empty() ? "this object" : vowel ? "an " : "a ";
    out.drop(payload);
    out.reply(request, Status::usage, Packer::pack("not an operation of " + object.append(name_)));
  }

 private:
  std::string_view name_;
};

}  // namespace mpx::detail
