// How a process works on words.
#include "endpoint/client.hpp"

namespace mpx::detail {

PermitNote* Client::note_of(WordRef word, const ObjectId& semaphore) {
  if (mapped(word) == nullptr) return nullptr;
  const ClientLock guard(mutex());
  if (permits_ == nullptr) return nullptr;
  PermitNote* free = nullptr;
  for (auto& note : *permits_) {
    if (note.held() != 0 && note.semaphore() == semaphore) {
      free = &note;
      break;
    }
    const bool used = noted_[static_cast<std::size_t>(&note - permits_->data())];
    if (free == nullptr && !used && note.held() == 0) free = &note;
  }
  if (free == nullptr) return nullptr;
  noted_[static_cast<std::size_t>(free - permits_->data())] = true;
  if (free->held() == 0) free->begin(semaphore);
  return free;
}

void Client::done_with(PermitNote* note) {
  noted_[static_cast<std::size_t>(note - permits_->data())] = false;
}

/// What the word is, where this process reaches it itself.
std::optional<std::uint64_t> Client::peek(WordRef word) {
  if (auto* const place = mapped(word)) return perform({.word = word}, *place);
  const ClientLock guard(mutex());
  if (link_ == nullptr || !link_->reaches(word)) return std::nullopt;
  return link_->work_on_word({.word = word});
}

std::uint64_t Client::work_on_far_word(const WordRequest& request, const ObjectId& object) {
  {
    const ClientLock lock(mutex());
    require_link();
    // These need no answer from anybody: a loop of them drives now and then all the same.
    if (in_passing_ && ++word_operations_ % 16 == 0) drive_once();
    if (link_->reaches(request.word) && (permits_ == nullptr || request.permits == 0))
      return link_->work_on_word(request);
  }
  const auto answer =
      call_service(Kind::word, ProcessId(self_.id.rank(), 0), {Packer::pack(request), {}}, object);
  check(answer, "working on a shared word");
  return Unpacker(answer.payload.bytes).get<std::uint64_t>();
}

}  // namespace mpx::detail
