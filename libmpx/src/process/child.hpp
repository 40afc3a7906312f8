#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <memory>

#include "endpoint/client.hpp"
#include "endpoint/stream_link.hpp"
#include "processes/spawner.hpp"
#include "wire/process.hpp"
#include "wire/shared_block.hpp"

namespace mpx::detail {

/// What a started process is: its way to its rank, who it is, and what it has been started to do.
/// Nothing in it is of the whole program (child_main() adds that), so that tests have several in one.
class Child {
 public:
  /// Waits for its first frame, which says who it is. `lost` is called when the rank is gone, and does
  /// not return.
  Child(Birth birth, std::function<void()> lost);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child();

  [[nodiscard]] const std::shared_ptr<Client>& client() const { return client_; }
  [[nodiscard]] const StartRequest& request() const { return request_; }
  [[nodiscard]] SharedBlock& shared() const { return shared_; }

  /// Calls what it has been started for, and returns the exit status; throws what that throws.
  int call();
  /// Prints an exception that has left call(), and returns the exit status for it.
  int report(const std::exception_ptr& exception) const;

  /// Before its end: joins its processes and gives up what was delivered to it.
  void finish() noexcept;

 private:
  void on_frame(Frame&& frame) MPX_REQUIRES(client_mutex);

  std::shared_ptr<Client> client_;                        // null: not known yet who it is
  std::deque<Frame> early_ MPX_GUARDED_BY(client_mutex);  // what came before that
  SharedBlock& shared_;                                   // in what link_ has
  StreamLink link_;
  StartRequest request_;
  Payload call_;
  std::size_t call_begins_ = 0;  // in its bytes
};

}  // namespace mpx::detail
