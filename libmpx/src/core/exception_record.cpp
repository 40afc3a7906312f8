#include "core/exception_record.hpp"

#include <fmt/format.h>

#include <cstring>
#include <type_traits>

namespace mpx::detail {
namespace {

// The first byte, so that bytes of something else are noticed.
constexpr std::uint8_t kMark = 0xE7;

/// Appends the fields that it is called with.
class FieldWriter {
 public:
  template <class T>
  void operator()(const T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      append(&value, sizeof value);
    } else {
      (*this)(static_cast<std::uint64_t>(value.size()));
      append(value.data(), value.size());
    }
  }
  void operator()(const Rank& rank) { (*this)(static_cast<std::int32_t>(rank.number())); }
  void operator()(const std::optional<std::size_t>& index) {
    (*this)(static_cast<std::uint8_t>(index.has_value()));
    (*this)(static_cast<std::uint64_t>(index.value_or(0)));
  }
  Bytes take() { return std::move(bytes_); }

 private:
  void append(const void* from, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(from);
    bytes_.insert(bytes_.end(), first, first + size);
  }
  Bytes bytes_;
};

/// Reads the same fields, none beyond the end.
class FieldReader {
 public:
  explicit FieldReader(ByteView bytes) : bytes_(bytes), size_(bytes.size()) {}

  template <class T>
  void operator()(T& value) {
    if constexpr (std::is_arithmetic_v<T>) {
      std::memcpy(&value, take(sizeof value).data(), sizeof value);
    } else {
      std::uint64_t size = 0;
      (*this)(size);
      const auto content = take(size);
      const auto* first = reinterpret_cast<const typename T::value_type*>(content.data());
      value.assign(first, first + content.size());
    }
  }
  void operator()(Rank& rank) {
    std::int32_t number = 0;
    (*this)(number);
    rank = number;
  }
  void operator()(std::optional<std::size_t>& index) {
    std::uint8_t present = 0;
    std::uint64_t value = 0;
    (*this)(present);
    (*this)(value);
    if (present != 0) index = value;
  }
  [[noreturn]] void fail(const char* why) const {
    throw CodecError(fmt::format("decoding an exception from another process: {} ({} bytes, at {})",
                                 why, size_, size_ - bytes_.size()));
  }
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }

 private:
  ByteView take(std::uint64_t size) {
    if (size > bytes_.size()) fail("the data ends too early");
    const auto taken = bytes_.first(size);
    bytes_ = bytes_.subspan(size);
    return taken;
  }
  ByteView bytes_;
  std::size_t size_;
};

/// The one list of fields, in their order, for both directions.
template <class Stream, class Record>
void transfer(Stream& stream, Record& record) {
  auto& origin = record.origin;
  stream(record.kind);
  stream(origin.type_name);
  stream(origin.message);
  stream(origin.index);
  stream(origin.process_name);
  stream(origin.rank);
  stream(origin.host);
  stream(origin.pid);
  stream(origin.backtrace);
  stream(record.lost.name);
  stream(record.lost.rank);
  stream(record.lost.host);
  stream(record.lost.pid);
  stream(record.lost.exit_code);
  stream(record.message);
  stream(record.category);
  stream(record.code);
  stream(record.paths[0]);
  stream(record.paths[1]);
}

}  // namespace

Bytes encode(const ExceptionRecord& record) {
  FieldWriter writer;
  writer(kMark);
  transfer(writer, record);
  return writer.take();
}

ExceptionRecord decode_record(ByteView encoded) {
  FieldReader reader(encoded);
  std::uint8_t mark = 0;
  reader(mark);
  if (mark != kMark) reader.fail("these bytes are not an exception");
  ExceptionRecord record;
  transfer(reader, record);
  if (!reader.at_end()) reader.fail("bytes are left over");
  return record;
}

}  // namespace mpx::detail
