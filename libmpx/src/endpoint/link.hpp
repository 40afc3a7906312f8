#pragma once

#include <chrono>

#include "core/client_mutex.hpp"
#include "core/frame.hpp"
#include "endpoint/direct_inbox.hpp"
#include "mpx/detail/deadline.hpp"
#include "mpx/error.hpp"
#include "wire/word_map.hpp"

namespace mpx::detail {

/// How a process reaches the rest of the job: through the runtime of its own rank, or over a
/// channel. Everything is called under the client's mutex unless said otherwise.
class Link {
 public:
  virtual ~Link() = default;

  /// Takes a frame on its way. May wait until there is room.
  virtual void send(Frame frame) MPX_REQUIRES(client_mutex) = 0;
  /// Sees to it that what was sent leaves without another call.
  virtual void flush() MPX_REQUIRES(client_mutex) = 0;
  /// One round of work; sleeps, without `mutex`, the client's, if there is nothing to do until the deadline.
  virtual void drive(ClientMutex& mutex, Deadline deadline) MPX_REQUIRES(client_mutex) = 0;
  /// Since when, at the latest, the last drive() waited; nothing if it was short.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point driven_since() const
      MPX_REQUIRES(client_mutex) {
    return {};
  }
  /// Nobody of this process waits any more.
  virtual void leave() MPX_REQUIRES(client_mutex) {}
  /// Ends a sleep of drive().
  virtual void interrupt() MPX_REQUIRES(client_mutex) = 0;
  /// Whether this process works on that word itself.
  [[nodiscard]] virtual bool reaches(WordRef /*word*/) const MPX_REQUIRES(client_mutex) {
    return false;
  }
  /// Does so; returns what the word was. Only where it is reached.
  virtual std::uint64_t work_on_word(const WordRequest& /*request*/) MPX_REQUIRES(client_mutex) {
    throw UsageError("this process reaches no words");
  }
  /// Whether, for a word that it does not reach, its rank is to be asked, which may: else only the word's
  /// home does.
  [[nodiscard]] virtual bool asks_rank() const { return false; }
  /// Words on which this process works without any link, as long as it lives; null: none.
  [[nodiscard]] virtual const WordMap* mapped_words() const { return nullptr; }
  /// Direct channels from other processes of the node, where drive() takes from them; else null.
  virtual DirectInbox* direct() MPX_REQUIRES(client_mutex) { return nullptr; }
};

}  // namespace mpx::detail
