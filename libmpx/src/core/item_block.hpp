#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "mpx/detail/payload.hpp"

namespace mpx::detail {

/// Items one behind the other in one buffer, as they travel to and from a queue: each is
/// {u32 handles, u64 size, bytes}; the handles of all stand beside it, in the same order.
/// First in, first out; nothing is allocated per item. A large item is a block of its own, whose bytes
/// are held, and not copied.
class ItemBlock {
 public:
  ItemBlock() = default;
  /// Takes over items as units() of another block gave them. Throws CodecError if they do not fit
  /// the bytes or the handles.
  ItemBlock(Bytes units, std::vector<Reference> handles);
  /// The same for a large item, of whose units only the head is in `units`.
  ItemBlock(const Bytes& units, std::vector<Reference> handles, Large item);
  /// A block of one large item.
  ItemBlock(Large item, std::vector<Reference> handles);

  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  /// Bytes of the items themselves.
  [[nodiscard]] std::size_t item_bytes() const;

  /// Appends to units of a message, where no block is kept.
  static void append(Bytes& units, ByteView item, std::uint32_t handles);

  void push_back(ByteView item, const std::vector<Reference>& handles);
  /// Removes the first item and returns it.
  Payload pop_front();
  void drop_front();
  /// Removes items from the front: `most`, but none that begins behind `most_bytes` bytes of items.
  ItemBlock split_front(std::size_t most, std::size_t most_bytes);

  /// The bytes of a large item, to be sent behind its units().
  [[nodiscard]] const Large& large() const { return large_; }
  /// All items, to be sent. Valid until the next change.
  [[nodiscard]] ByteView units() const { return ByteView(units_).subspan(begin_); }
  [[nodiscard]] std::vector<Reference> handles() const {
    return {handles_.begin() + static_cast<std::ptrdiff_t>(first_handle_), handles_.end()};
  }

 private:
  struct Head {
    std::uint32_t handles;
    std::uint64_t size;
  };
  static constexpr std::size_t kHeadBytes = sizeof(std::uint32_t) + sizeof(std::uint64_t);
  [[nodiscard]] Head head(std::size_t at) const;
  static void append_head(Bytes& units, std::uint32_t handles, std::uint64_t size);
  void remove(const Head& head);

  Bytes units_;
  std::size_t begin_ = 0;  // of the first item
  std::vector<Reference> handles_;
  std::size_t first_handle_ = 0;
  std::size_t count_ = 0;
  Large large_;
};

}  // namespace mpx::detail
