#pragma once

#include <sched.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/claims.hpp"
#include "core/client_mutex.hpp"
#include "core/forks.hpp"
#include "core/pack.hpp"
#include "endpoint/link.hpp"
#include "mpx/detail/core.hpp"
#include "wire/kinds.hpp"
#include "wire/process.hpp"
#include "wire/shared_block.hpp"
#include "wire/waits.hpp"

namespace mpx::detail {

/// Tells the processor that a loop waits for memory to change.
inline void pause_processor() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Who this process is.
struct Identity {
  ProcessId id;
  std::string name;
  std::string host;
  pid_t pid = 0;
  bool daemon = false;
  std::size_t cpu_count = 1;
  std::optional<ProcessId> parent;
  ProcessFacts parent_facts;

  /// For others.
  [[nodiscard]] ProcessFacts facts() const { return {name, host, id.rank().number(), pid, 0, 0}; }
};

/// An answer to a call.
struct Reply {
  Status status = Status::ok;
  Payload payload;
};

/// One process's way to all shared objects: calls with replies, one-way messages, deliveries, and
/// waiting. The same for code in a rank, in a child process and outside.
///
/// Waiting:       who waits drives: of the threads that wait, one drives the link, and hands over
///                when its own wait is done. No thread exists for this.
/// Thread safety: all members; what says so is called under mutex().
class Client : public std::enable_shared_from_this<Client> {
 public:
  explicit Client(Identity self);
  ~Client();

  /// The client of this process (in tests: of this thread). Throws UsageError before mpx::run.
  static std::shared_ptr<Client> current();
  static void set_current(std::shared_ptr<Client> client);
  static bool exists();
  static void set_current_of_thread(std::shared_ptr<Client> client);

  /// Connects. `claims` are the words by which units handed ahead are taken; null: own ones. `permits`:
  /// where a process notes what it holds for the time after its death; null: it is a rank.
  void attach(Link* link, ClaimWord* claims, PermitNotes* permits = nullptr);
  /// From now on calls throw UsageError, and so do waits of other threads: when this returns, none is
  /// under way in the link.
  void end_waits();
  [[nodiscard]] bool has_ended() {
    const ClientLock guard(mutex());
    return ended_ || link_ == nullptr;
  }
  /// As end_waits(); messages go nowhere from now on.
  void detach();

  [[nodiscard]] const Identity& self() const { return self_; }
  /// Throws UsageError in a copy of this process that fork() has made.
  [[nodiscard]] ClientMutex& mutex() {
    require_no_copy();
    return mutex_;
  }
  [[nodiscard]] ObjectId new_object(int home);
  /// Makes the object of that name, of the kind with which `arguments` begin; what its home answers.
  /// Throws that as "`what`: …" if it refuses.
  Payload make_object(const ObjectId& id, Payload arguments, const std::string& what);
  /// The rank for the home of a new object that may be anywhere: one that is known to do nothing
  /// but serve, if there is one.
  [[nodiscard]] int home_or(int otherwise) const {
    const int known = serving_rank_;
    return known < 0 ? otherwise : known;
  }
  /// That of an object which lives where it is used first.
  [[nodiscard]] int home_here() const { return home_or(self_.id.rank().number()); }
  void set_serving_rank(int rank) { serving_rank_ = rank; }
  /// From now on calls that are answered at once lend the link time too: where nobody else drives,
  /// a loop of such calls (try_get) would never see what comes from elsewhere.
  void drive_in_passing() { in_passing_ = true; }
  /// Who waits so long for what other ranks answer at once, if they are in libmpx, says so.
  void warn_after(std::chrono::seconds patience) { patience_ = patience; }

  /// Sends a request and waits for its answer. Throws UsageError if not connected.
  Reply call(Kind kind, const ObjectId& object, Payload payload = {});
  /// As call(), but gives up at the deadline, and returns the home's word on which came first
  /// (Status::no: the deadline). A home that does not answer is waited for without limit, or, with
  /// `late`, for kGrace: then it returns nothing, and `late` is given the answer when it comes, under
  /// the mutex.
  std::optional<Reply> call_until(Kind kind, const ObjectId& object, Payload payload,
                                  Deadline deadline, std::function<void(Reply)> late,
                                  std::uint16_t status = 0);
  /// A call to a service of a rank.
  Reply call_service(Kind kind, ProcessId to, Payload payload = {}, const ObjectId& object = {});
  /// Sends a request that has no answer.
  void post(Kind kind, const ObjectId& object, Payload payload = {}, std::uint16_t status = 0);
  /// The same under the mutex, as all that follows here.
  void post_locked(Kind kind, const ObjectId& object, Payload payload = {},
                   std::uint16_t status = 0, std::uint64_t call = 0);
  /// Starts a call whose answer completes something else (a delivery); `on_reply` gets it.
  std::uint64_t post_call(Kind kind, const ObjectId& object, Payload payload,
                          std::function<void(Reply)> on_reply);
  /// Gives up a post_call() that has not been answered.
  void cancel(std::uint64_t call, const ObjectId& object);

  /// While it lives, this thread is known to wait. Made and ended under mutex().
  class Waiting {
   public:
    Waiting(Client& client, const Purpose& purpose, Deadline deadline);
    ~Waiting();
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

   private:
    friend class Client;
    Client& client_;
    Purpose purpose_;
    bool endless_;
    std::uint64_t number_;
    std::thread::id thread_ = std::this_thread::get_id();
    int rounds_ = 0;
    std::chrono::steady_clock::time_point since_{};  // not known yet, in the first rounds
    Waiting* next_;
  };

  /// Waits until `ready()`, or the deadline; false then. Tries at least
  /// once. `purpose` is what is told to who asks. Called under the
  /// mutex, as is `ready`; others have it meanwhile.
  template <class Ready>
  bool wait(Deadline deadline, const Purpose& purpose, Ready ready) {
    if (in_passing_) drive_once();
    if (ready()) return true;
    Waiting waiting(*this, purpose, deadline);
    try {
      while (wait_once(deadline, &waiting) && !ended_ && !ready()) {
      }
      // What has come by the deadline counts, also where this process was stopped until long after it.
      if (!driving_ && !ended_ && !deadline.is_now() && !ready())
        wait_once(Deadline::now(), nullptr);
    } catch (...) {
      hand_over();
      throw;
    }
    hand_over();
    const bool is_ready = ready();
    if (!is_ready && ended_) fail_wait();
    return is_ready;
  }

  /// The number of this process's wait, if it waits without a time limit, else 0; of several threads
  /// the last one's. Called under the mutex.
  [[nodiscard]] std::uint64_t endless_wait() const;
  /// MPI has its threads by now. Which of the others are MPI's is seen by what they do: they sleep
  /// until something comes from outside, threads of the program wait for each other.
  void note_threads();
  /// mpx has started a thread of its own.
  void add_own_thread() { ++own_threads_; }

  /// Words. Who does not reach one has its rank or the word's home work on it, and waits for the answer.
  std::uint64_t word_load(WordRef word) {
    return work_on_word({word, WordRequest::Operation::load});
  }
  std::uint64_t word_exchange(WordRef word, std::uint64_t value) {
    return work_on_word({word, WordRequest::Operation::exchange, value});
  }
  std::uint64_t word_add(WordRef word, std::uint64_t value, WordNumber number) {
    return work_on_word(
        {.word = word, .operation = WordRequest::Operation::add, .value = value, .number = number});
  }
  std::uint64_t word_compare_exchange(WordRef word, std::uint64_t expected, std::uint64_t desired) {
    return work_on_word({word, WordRequest::Operation::compare_exchange, desired, expected});
  }
  /// The same by the rank of this process; if it succeeds, the rank notes that this process holds so
  /// many permits more of the semaphore.
  std::uint64_t word_compare_exchange(WordRef word, std::uint64_t expected, std::uint64_t desired,
                                      const ObjectId& semaphore, std::int64_t permits) {
    return work_on_word(
        {word, WordRequest::Operation::compare_exchange, desired, expected, permits}, semaphore);
  }
  /// Where this process notes its permits of a semaphore with this word, until done_with(), which is
  /// called under the mutex; null where it does not do that itself.
  PermitNote* note_of(WordRef word, const ObjectId& semaphore);
  void done_with(PermitNote* note);

  /// Whether a wait with this deadline is left to the home of the word: where only the home works on it,
  /// and where an operation on it is a message, whose answer may come later than that.
  [[nodiscard]] bool leaves_to_home(WordRef word, Deadline deadline) {
    if (mapped(word) != nullptr) return false;
    const ClientLock guard(mutex());
    if (link_ == nullptr) return true;
    if (link_->reaches(word)) return false;
    return !link_->asks_rank() || !(deadline.is_now() || deadline.is_never());
  }

  /// Calls `enough(word)` with `seen`, then, where this process reaches the word itself, with what it
  /// becomes, for a short while at most: until that is true or the deadline has come. Who holds what
  /// others want is often done before they could be put to sleep and woken. `enough` is called
  /// without the mutex and may work on the word.
  template <class Enough>
  void watch_word(WordRef word, std::uint64_t seen, Deadline deadline, Enough enough);

  /// A frame for this process has arrived. Called under the mutex by the link's driver.
  void deliver(Frame&& frame);

  /// Frames for this process itself, not for an object of it, go to `handler` (pool tasks, …);
  /// first those for a pool process that came before there was one.
  void set_handler(std::function<void(Frame&&)> handler);

  /// What a wait may last beyond its deadline, to hear from the home which came first.
  static constexpr std::chrono::milliseconds kGrace{20};

  /// Takes a unit handed ahead; false if it was taken back.
  bool take(const ClaimStamp& stamp, std::uint32_t number);
  /// Under the mutex: a claim slot for an object; kNoClaimSlot if none is free.
  [[nodiscard]] std::uint16_t new_claim_slot();
  void free_claim_slot(std::uint16_t slot);

  /// The core of an object that this process has; null if it has none.
  std::shared_ptr<Core> find_core(const ObjectId& id);
  /// The core of a handle that has arrived: the one there is already, or `make()` for the first.
  template <class CoreT, class Make>
  std::shared_ptr<CoreT> adopt(const ObjectId& id, Make make);
  /// A pointer to a core that retires it before it is deleted.
  template <class CoreT, class... Args>
  static std::shared_ptr<CoreT> make_core(Args&&... args);
  /// Gives back references of a value that arrived and will not be decoded.
  void drop(const std::vector<Reference>& handles);

  /// Sends back what has been delivered, handles included. Called from Core::on().
  void return_from_delivery(Kind kind, const ObjectId& object, Payload payload,
                            std::uint16_t status = 0, std::uint64_t call = 0);
  /// See Link::direct(). Called under the mutex.
  [[nodiscard]] DirectInbox* direct() const { return link_ ? link_->direct() : nullptr; }
  /// Has other threads that wait look again; called under the mutex by the driver.
  void wake_waiting() {
    if (waiting_ > 0) turn_.notify_all();
  }
  /// The same by a thread that does not drive: who does may sleep, and waits for what has changed, too.
  void wake_all() {
    wake_waiting();
    if (driving_) link_->interrupt();
  }
  /// As drop(); called from Core::on().
  void drop_from_delivery(const std::vector<Reference>& handles);
  /// Registers the core of an object that this process has made.
  void remember(const std::shared_ptr<Core>& core);
  /// Registers the core of an object that this process was given, `counter` having counted the
  /// reference; false if there is one already.
  bool admit(const std::shared_ptr<Core>& core, const ObjectId& id, ProcessId counter);
  /// Gives up this process's reference to the object.
  void retire(Core& core);

  /// Calls it; what it throws is logged and goes no further: the thread that happens to run it waits
  /// for something else.
  static void run_callback(const std::function<void()>& callback) noexcept;
  /// Has `task` run so, without the mutex: by the thread that drives, when it has done its round,
  /// and where none does by the one that is there for that. Called under the mutex.
  void run_soon(std::function<void()> task);
  /// This thread runs such tasks whenever it has driven, and whenever the link is interrupted.
  void serve_tasks() { task_thread_ = std::this_thread::get_id(); }

  /// What an object whose handles are gone has still to do.
  struct Linger {
    Kind call;                         ///< to its home; when that is answered,
    std::function<void()> finish;      ///< this is done, and the reference given up
    std::function<bool(Frame&)> take;  ///< frames for the object that come before; whether it did
  };
  /// Called from Core::before_drop(), or before the process ends.
  void linger(const ObjectId& id, Linger rest);
  /// Before the process ends: waits until nothing lingers, as what was delivered to this process
  /// and not consumed would be lost.
  void settle();

  /// Takes in what has come, if no other thread does.
  void look() { drive_once(); }

  /// Runs what run_soon() was given.
  void run_tasks();
  [[nodiscard]] bool has_tasks() const { return !soon_.empty(); }

  /// Whether this process has ever started another; then its end waits for them.
  std::atomic<bool> has_started_children = false;

  /// Throws what a reply says; `what` is the beginning of the message.
  static void check(const Reply& reply, const std::string& what);

 private:
  friend class Core;
  /// A call that waits for its answer, on the stack of its thread: known to deliver() while it lives,
  /// however it ends. Under the mutex.
  struct Pending {
    explicit Pending(Client& its) : client(its) { client.pending_[call] = this; }
    ~Pending() { client.pending_.erase(call); }
    Pending(const Pending&) = delete;
    Pending& operator=(const Pending&) = delete;

    Client& client;
    const std::uint64_t call = client.next_call_++;
    bool done = false;
    Reply reply;
  };

  std::uint64_t work_on_word(const WordRequest& request, const ObjectId& object = {}) {
    // The permits that a process takes this way are its rank's to note.
    if (auto* const place = mapped(request.word); place != nullptr && request.permits == 0)
      return perform(request, *place);
    return work_on_far_word(request, object);
  }
  std::uint64_t work_on_far_word(const WordRequest& request, const ObjectId& object);
  [[nodiscard]] std::uint64_t* mapped(WordRef word) const {
    const auto* const map = map_.load(std::memory_order_acquire);
    return map != nullptr && !is_forked_copy() ? map->at(word) : nullptr;
  }
  std::optional<std::uint64_t> peek(WordRef word);
  bool wait_once(Deadline deadline, Waiting* waiting);
  void tell_waits(std::uint64_t round);
  [[nodiscard]] int service_threads() const;
  void hand_over();
  void drive_once();
  void send(Kind kind, const ObjectId& object, ProcessId to, std::uint64_t call, Payload payload,
            std::uint16_t status);
  void require_link() const;
  [[noreturn]] static void fail_wait();
  void wait_for_answer(const Pending& pending, const Purpose& purpose, int home);
  void send_count(Kind kind, const Reference& reference);

  Identity self_;
  ClientMutex mutex_;
  ClientCondition turn_;  // to drive, or something was delivered
  Link* link_ = nullptr;
  bool driving_ = false;
  bool ended_ = false;  // no call is served any more
  int waiting_ = 0;
  Waiting* waits_ = nullptr;  // the newest first
  std::uint64_t next_wait_ = 1;
  int own_threads_ = 0;
  std::vector<std::string> other_threads_;  // in /proc, when MPI had just started its own

  std::atomic<int> serving_rank_ = -1;  // none known
  std::atomic<bool> in_passing_ = false;
  std::uint32_t word_operations_ = 0;
  std::atomic<const WordMap*> map_ = nullptr;  // null once calls are no longer served
  PermitNotes* permits_ = nullptr;
  std::vector<bool> noted_;  // permits_ that somebody uses
  std::atomic<std::chrono::seconds> patience_ = std::chrono::seconds(0);  // none: say nothing
  std::uint64_t next_call_ = 1;
  std::uint32_t next_object_ = 1;
  std::unordered_map<std::uint64_t, Pending*> pending_;
  std::unordered_map<std::uint64_t, std::function<void(Reply)>>
      handlers_;  // of post_call, and late
  struct KnownCore {
    Core* core;
    std::weak_ptr<Core> alive;
  };
  std::unordered_map<ObjectId, KnownCore> cores_;
  std::unordered_map<ObjectId, Linger> lingering_;
  std::function<void(Frame&&)> handler_;
  std::vector<Frame> unhandled_;
  std::deque<std::function<void()>> soon_;
  std::thread::id task_thread_;
  std::unique_ptr<ClaimWord[]> own_claims_;
  ClaimWord* claims_ = nullptr;
  std::vector<bool> claim_slots_;
  std::vector<ObjectId> slot_objects_;  // of own_claims_: whose units a slot carries
};

template <class Enough>
void Client::watch_word(WordRef word, std::uint64_t seen, Deadline deadline, Enough enough) {
  // With a core to spare the time decides, else the looks, each of which gives the core away.
  constexpr int kLooks = 300, kEagerLooks = 200;
  constexpr auto kWatch = std::chrono::microseconds(200);
  constexpr auto kLongest = std::chrono::milliseconds(10);
  std::optional<Deadline> soon, end;
  for (int look = 0; !enough(seen); ++look) {
    const auto now = peek(word);
    if (!now) return;
    seen = *now;
    if (look < kEagerLooks) {
      pause_processor();
      continue;
    }
    if (!end) {
      soon = Deadline::after(kWatch);
      end = Deadline::after(kLongest);
    }
    if (end->passed() || deadline.passed() || (look >= kLooks && soon->passed())) return;
    if (look % 16 == 0) {
      const ClientLock lock(mutex());
      drive_once();
    }
    ::sched_yield();  // the holder may wait for this core
  }
}

template <class CoreT, class... Args>
std::shared_ptr<CoreT> Client::make_core(Args&&... args) {
  return std::shared_ptr<CoreT>(new CoreT(std::forward<Args>(args)...), [](CoreT* core) {
    if (is_forked_copy()) return;  // nothing of it is to be touched
    Core& base = *core;
    if (base.client_) base.client_->retire(base);
    delete core;
  });
}

template <class CoreT, class Make>
std::shared_ptr<CoreT> Client::adopt(const ObjectId& id, Make make) {
  const auto reference = Incoming::take(id);
  while (true) {
    if (auto known = find_core(id)) {
      auto core = std::dynamic_pointer_cast<CoreT>(known);
      drop({reference});
      if (!core) throw CodecError("a handle arrived as a handle of another kind of object");
      return core;
    }
    std::shared_ptr<CoreT> core = make();
    if (admit(core, id, reference.counter)) return core;
    // Another thread has decoded a handle of the same object meanwhile.
  }
}

}  // namespace mpx::detail
