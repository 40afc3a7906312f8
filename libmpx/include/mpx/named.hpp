#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace mpx {

/// The name of a shared object, to be given to a constructor: `Queue<int> queue(mpx::named("q"));`.
///
/// Objects made with the same name anywhere in one job, be it in a rank, a process or a pool's
/// task, are the same object. The first to use a name makes the object, with its options or its
/// initial value; those of later ones count for nothing. It then lives as long as the job, or the
/// Session.
///
/// Failure:       a constructor throws UsageError where the name stands for an object of another
///                type, naming both, and outside mpx::run and a Session.
/// Cost:          a round trip to rank 0 in the constructor, and for the first one the making. Who
///                asks while the first one makes it waits.
class Named {
 public:
  /// Refused: a name is given as `mpx::named("text")`.
  template <class Text>
  requires std::is_convertible_v<const Text&, std::string_view> Named(
      const Text& /*text*/) {  // NOLINT(google-explicit-constructor)
    static_assert(std::is_void_v<Text>, "mpx: a name is given as mpx::named(\"text\")");
  }

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  friend Named named(std::string_view text);
  struct Checked {};
  Named(std::string text, Checked) : text_(std::move(text)) {}

  std::string text_;
};

/// Throws UsageError if `text` is empty or longer than 4096 bytes.
[[nodiscard]] Named named(std::string_view text);

}  // namespace mpx
