#include "endpoint/word_access.hpp"

#include "core/pack.hpp"

namespace mpx::detail {

void WordAccess::attach(const Link& link, PermitNotes* permits) {
  map_ = link.mapped_words();
  permits_ = permits;
  if (permits != nullptr) noted_.resize(permits->size());
}

PermitNote* WordAccess::note_of(WordRef word, const ObjectId& semaphore) {
  if (mapped(word) == nullptr) return nullptr;
  const ClientLock lock(context_.mutex());
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

void WordAccess::done_with(PermitNote* note) {
  noted_[static_cast<std::size_t>(note - permits_->data())] = false;
}

/// What the word is, where this process reaches it itself.
std::optional<std::uint64_t> WordAccess::peek(WordRef word) {
  if (auto* const place = mapped(word)) return perform({.word = word}, *place);
  const ClientLock lock(context_.mutex());
  auto* const link = context_.link();
  if (link == nullptr || !link->reaches(word)) return std::nullopt;
  return link->work_on_word({.word = word});
}

bool WordAccess::leaves(WordRef word, Deadline deadline) const {
  const auto* const link = context_.link();
  if (link == nullptr) return true;
  if (link->reaches(word)) return false;
  return !link->asks_rank() || !(deadline.is_now() || deadline.is_never());
}

/// By way of the link, if it reaches the word.
std::optional<std::uint64_t> WordAccess::work_here(const WordRequest& request) {
  context_.require_link();
  // These need no answer from anybody: a loop of them drives now and then all the same.
  if (++operations_ % 16 == 0) waits_.look_in_passing();
  auto& link = context_.require_link();
  if (!link.reaches(request.word)) return std::nullopt;
  // The permits that a process takes are its rank's to note.
  if (permits_ != nullptr && request.permits != 0) return std::nullopt;
  return link.work_on_word(request);
}

std::uint64_t WordAccess::ask(const WordRequest& request, const ObjectId& object) {
  const auto answer = calls_.call_rank(Kind::word, object, {Packer::pack(request), {}});
  answer.check("working on a shared word");
  return Unpacker(answer.payload.bytes).get<std::uint64_t>();
}

std::uint64_t WordAccess::work_far(const WordRequest& request, const ObjectId& object) {
  {
    const ClientLock lock(context_.mutex());
    if (const auto was = work_here(request)) return *was;
  }
  return ask(request, object);
}

std::optional<std::uint64_t> WordAccess::work_unless_left(const WordRequest& request,
                                                          Deadline deadline) {
  {
    const ClientLock lock(context_.mutex());
    if (leaves(request.word, deadline)) return std::nullopt;
    if (const auto was = work_here(request)) return was;
  }
  return ask(request, {});
}

}  // namespace mpx::detail
