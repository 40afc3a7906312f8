#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <unordered_map>

#include "endpoint/context.hpp"
#include "endpoint/reply.hpp"
#include "endpoint/tasks.hpp"
#include "endpoint/waits.hpp"

namespace mpx::detail {

/// Requests of a process to objects, and their answers.
///
/// Of each handle in a payload one reference is in flight from then on, and is counted before the
/// request.
///
/// Thread safety: all members, from any thread: call(), call_until(), call_rank() and post() take the
///                client's mutex, all else is called under it.
/// Failure:       UsageError if no call is served; what the home says is in the Reply.
/// Cost:          a call is one round trip, a post one message.
class Calls {
 public:
  using OnReply = std::function<void(Reply)>;

  /// What a wait may last beyond its deadline, to hear from the home which came first.
  static constexpr std::chrono::milliseconds kGrace{20};

  Calls(Context& context, Waits& waits, Tasks& tasks)
      : context_(context), waits_(waits), tasks_(tasks) {}
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;

  /// Sends a request and blocks until it is answered.
  Reply call(Kind kind, const ObjectId& object, Payload payload = {}) MPX_EXCLUDES(client_mutex);
  /// As call(), but gives up at the deadline, and returns the home's word on which came first
  /// (Status::no: the deadline). A home that does not answer is waited for without limit, or, with
  /// `late`, for kGrace: then it returns nothing, and `late` is given the answer when it comes, under
  /// the mutex.
  std::optional<Reply> call_until(Kind kind, const ObjectId& object, Payload payload,
                                  Deadline deadline, OnReply late, std::uint16_t status = 0)
      MPX_EXCLUDES(client_mutex);
  /// A call to this process's rank, about an object or none.
  Reply call_rank(Kind kind, const ObjectId& object, Payload payload) MPX_EXCLUDES(client_mutex);
  /// Sends a request that has no answer.
  void post(Kind kind, const ObjectId& object, Payload payload = {}, std::uint16_t status = 0)
      MPX_EXCLUDES(client_mutex);
  void post_locked(Kind kind, const ObjectId& object, Payload payload = {},
                   std::uint16_t status = 0, std::uint64_t call = 0) MPX_REQUIRES(client_mutex);
  /// Starts a call whose answer completes something else (a delivery); `on_reply` gets it, under the
  /// mutex.
  std::uint64_t post_call(Kind kind, const ObjectId& object, Payload payload, OnReply on_reply)
      MPX_REQUIRES(client_mutex);
  /// Gives up a post_call() that has not been answered; it is answered all the same.
  void cancel(std::uint64_t call, const ObjectId& object) MPX_REQUIRES(client_mutex);
  /// Sends back what has been delivered, whose handles are in flight already. Called from Core::on().
  void return_from_delivery(Kind kind, const ObjectId& object, Payload payload,
                            std::uint16_t status = 0, std::uint64_t call = 0)
      MPX_REQUIRES(client_mutex);

  /// Who waits so long for what other ranks answer at once, if they are in libmpx, says so.
  void warn_after(std::chrono::seconds patience) { patience_ = patience; }

  /// An answer has come.
  void on_reply(Frame&& frame) MPX_REQUIRES(client_mutex);
  /// What has come is the answer to this call; 0, or one that nobody waits for: to none.
  void on_delivery(std::uint64_t call) MPX_REQUIRES(client_mutex);
  using Handlers = std::unordered_map<std::uint64_t, OnReply>;
  /// Those that will not be called any more: to be destroyed without the mutex.
  Handlers take_handlers() MPX_REQUIRES(client_mutex) { return std::exchange(handlers_, {}); }

 private:
  /// A call that waits for its answer, on the stack of its thread: known to on_reply() while it lives,
  /// however it ends.
  struct Pending {
    explicit Pending(Calls& its) MPX_REQUIRES(client_mutex) : calls(its), call(its.next_call_++) {
      calls.pending_[call] = this;
    }
    ~Pending() MPX_REQUIRES(client_mutex) { calls.pending_.erase(call); }
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;

    Calls& calls;
    const std::uint64_t call;
    bool done = false;
    Reply reply;
  };

  void send(FrameHeader header, Payload payload) MPX_REQUIRES(client_mutex);
  void send_call(FrameHeader header, const Pending& pending, Payload payload)
      MPX_REQUIRES(client_mutex);
  void wait_for(const Pending& pending, Kind kind, const ObjectId& object)
      MPX_REQUIRES(client_mutex);

  Context& context_;
  Waits& waits_;
  Tasks& tasks_;
  std::atomic<std::chrono::seconds> patience_ = std::chrono::seconds(0);  // none: say nothing
  std::uint64_t next_call_ MPX_GUARDED_BY(client_mutex) = 1;
  std::unordered_map<std::uint64_t, Pending*> pending_ MPX_GUARDED_BY(client_mutex);
  Handlers handlers_ MPX_GUARDED_BY(client_mutex);  // of post_call, and late
};

}  // namespace mpx::detail
