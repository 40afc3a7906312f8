#pragma once

#include "transport/words.hpp"

namespace mpx::detail {

/// Words that only their own rank reaches, and its processes, in their memory: where there is no
/// one-sided communication, others send it their requests.
class LocalWords final : public Words {
 public:
  /// Throws LaunchError if no memory can be shared with processes.
  LocalWords(int rank, std::uint32_t capacity);

  [[nodiscard]] bool reaches(int rank) const override { return rank == this->rank(); }
  [[nodiscard]] const SharedWords* shared() const override { return &shared_; }

 private:
  std::uint64_t work(const WordRequest& request) override {
    return detail::perform(request, *mapped_.map().at(request.word));
  }

  SharedWords shared_;
  MappedWords mapped_;
};

}  // namespace mpx::detail
