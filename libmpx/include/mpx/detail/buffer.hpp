#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "mpx/detail/ids.hpp"
#include "mpx/detail/payload.hpp"
#include "mpx/detail/stable.hpp"

namespace mpx::detail {

class OutputArchive;  // archive.hpp
class InputArchive;

struct ArchiveDeleter {
  void operator()(OutputArchive* archive) const noexcept;
  void operator()(InputArchive* archive) const noexcept;
};

[[noreturn]] void throw_too_short(std::size_t wanted, std::size_t left);
[[noreturn]] void throw_bad_length(std::uint64_t length, std::size_t left);

/// Bytes under construction, and the shared objects named in them.
class Writer {
 public:
  [[nodiscard]] Bytes& bytes() { return bytes_; }
  [[nodiscard]] stable::vector<Reference>& handles() { return handles_; }

  /// Appends `size` bytes.
  void raw(const void* data, std::size_t size) {
    if (size != 0) std::memcpy(extend(size), data, size);
  }

  /// Appends the bytes of a number.
  template <class T>
  void number(T value) {
    static_assert(std::is_arithmetic_v<T>);
    std::memcpy(extend(sizeof value), &value, sizeof value);
  }

  /// Appends room for `size` bytes and returns where it starts; valid until the next call.
  std::byte* extend(std::size_t size) {
    const auto old = bytes_.size();
    if (size > bytes_.capacity() - old) grow(size);
    bytes_.resize(old + size);
    return bytes_.data() + old;
  }

  /// Makes room for `size` bytes more, so that they cost no further allocation.
  void reserve(std::size_t size) { bytes_.reserve(bytes_.size() + size); }

  /// Appends zeros up to `size` bytes in all.
  void pad_to(std::size_t size) {
    if (size <= bytes_.size()) return;
    const auto missing = size - bytes_.size();
    std::memset(extend(missing), 0, missing);
  }

  /// Records a shared object that the value names; who sends the value counts the reference.
  /// `keeps` holds the object until then.
  void carry(const ObjectId& object, std::shared_ptr<const void> keeps = {}) {
    handles_.push_back({object, {}});
    if (keeps) kept_.push_back(std::move(keeps));
  }

  /// What was written; leaves the writer empty.
  [[nodiscard]] Payload take() {
    return {std::exchange(bytes_, {}), std::exchange(handles_, {}), std::exchange(kept_, {})};
  }

  /// The Boost archive of the value that is being written, made at first use.
  OutputArchive& archive() {
    if (!archive_) make_archive();
    return *archive_;
  }
  [[nodiscard]] bool has_archive() const { return archive_ != nullptr; }
  void finish_archive();
  void drop_archive() { archive_.reset(); }

 private:
  void grow(std::size_t size);
  void make_archive();

  Bytes bytes_;
  stable::vector<Reference> handles_;
  stable::vector<std::shared_ptr<const void>> kept_;
  std::unique_ptr<OutputArchive, ArchiveDeleter> archive_;
};

/// Takes bytes apart again. Everything throws CodecError when fewer bytes are left than asked for.
class Reader {
 public:
  explicit Reader(ByteView bytes)
      : begin_(bytes.data()), at_(begin_), end_(begin_ + bytes.size()) {}

  /// The next `size` bytes, in place.
  ByteView take(std::size_t size) {
    if (size > left()) throw_too_short(size, left());
    return {std::exchange(at_, at_ + size), size};
  }

  void raw(void* to, std::size_t size) {
    const auto from = take(size);
    if (size != 0) std::memcpy(to, from.data(), size);
  }

  template <class T>
  T number() {
    static_assert(std::is_arithmetic_v<T> && !std::is_same_v<T, bool>);
    T value;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }

  /// A count of elements that take at least `bytes_each`; checked before anything is allocated.
  std::size_t length(std::size_t bytes_each) {
    const auto count = number<std::uint64_t>();
    if (count > left() / (bytes_each == 0 ? 1 : bytes_each)) throw_bad_length(count, left());
    return count;
  }

  [[nodiscard]] std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  [[nodiscard]] std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }
  [[nodiscard]] bool at_end() const { return at_ == end_; }

  /// Skips what pad_to wrote.
  void skip_to(std::size_t position) {
    if (position > this->position()) take(position - this->position());
  }

  /// The Boost archive of the value that is being read, made at first use.
  InputArchive& archive() {
    if (!archive_) make_archive();
    return *archive_;
  }
  [[nodiscard]] bool has_archive() const { return archive_ != nullptr; }
  void finish_archive();
  void drop_archive() { archive_.reset(); }

 private:
  void make_archive();

  const std::byte* begin_;
  const std::byte* at_;
  const std::byte* end_;
  std::unique_ptr<InputArchive, ArchiveDeleter> archive_;
};

/// One value written or read: it has one Boost archive at most, however many parts need it, so that
/// pointers which share an object go on sharing it. Values inside a value join the outer scope.
template <class Buffer>
class ArchiveScope {
 public:
  explicit ArchiveScope(Buffer& buffer) : buffer_(buffer), outermost_(!buffer.has_archive()) {}
  ~ArchiveScope() {
    if (outermost_) buffer_.drop_archive();
  }
  ArchiveScope(const ArchiveScope&) = delete;
  ArchiveScope& operator=(const ArchiveScope&) = delete;

  void finish() {
    if (outermost_ && buffer_.has_archive()) buffer_.finish_archive();
  }

 private:
  Buffer& buffer_;
  bool outermost_;
};

}  // namespace mpx::detail
