#include "mpx/detail/send_window.hpp"

#include "endpoint/client.hpp"

namespace mpx::detail {

void SendWindow::ask(Client& client, const ObjectId& home) {
  asked_ = true;
  before_ = std::exchange(since_, {});
  answer_->awaited = true;
  client.calls().post_call(question_, home, {},
                           [answer = answer_](const Reply& reply) MPX_REQUIRES(client_mutex) {
                             answer->awaited = false;
                             answer->closed |= reply.status != Status::ok;
                           });
}

bool SendWindow::fits(std::uint64_t bytes) const {
  const auto messages = before_.messages + since_.messages;
  if (messages == 0) return true;
  return messages < kMost && before_.bytes + since_.bytes + bytes <= most_bytes_;
}

bool SendWindow::admit(Client& client, const ObjectId& home, std::uint64_t bytes, Deadline deadline,
                       const std::function<bool()>& over) {
  bool turn = since_.messages % kEvery == kEvery - 1 || since_.bytes > most_bytes_ / 4;
  if (turn && answer_->awaited) client.waits().look();
  while (true) {
    if (!answer_->awaited) {
      before_ = {};
      if (!asked_ || turn || !fits(bytes)) ask(client, home);
      turn = false;
    }
    if (over() || closed()) return true;
    if (!answer_->awaited) before_ = {};
    if (fits(bytes)) break;
    const auto answered = [&]() MPX_REQUIRES(client_mutex) { return !answer_->awaited || over(); };
    if (!client.waits().wait(deadline, {question_, home}, answered)) return false;
  }
  ++since_.messages;
  since_.bytes += bytes;
  return true;
}

}  // namespace mpx::detail
