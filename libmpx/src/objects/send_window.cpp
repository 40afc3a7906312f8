#include "mpx/detail/send_window.hpp"

#include "endpoint/client.hpp"

namespace mpx::detail {

bool SendWindow::admit(Client& client, std::unique_lock<std::mutex>& lock, const ObjectId& home,
                       std::uint64_t bytes, Deadline deadline, const std::function<bool()>& over) {
  const auto fits = [&] { return messages_ < kMessages && bytes_ + bytes <= most_bytes_; };
  while (!fits()) {
    const auto ready = [&] { return !answer_->awaited || fits() || over(); };
    if (answer_->awaited && !client.wait(lock, deadline, {question_, home}, ready)) return false;
    if (over()) return true;
    if (answer_->awaited) continue;  // another thread has begun a window meanwhile
    answer_->awaited = true;
    messages_ = 0;
    bytes_ = 0;
    const auto answered = [answer = answer_](const Reply& reply) {
      answer->awaited = false;
      answer->closed |= reply.status != Status::ok;
    };
    client.post_call(lock, question_, home, {}, answered);
    break;
  }
  ++messages_;
  bytes_ += bytes;
  return true;
}

}  // namespace mpx::detail
