#pragma once

#include <concepts>
#include <cstring>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/frame.hpp"
#include "mpx/error.hpp"

namespace mpx::detail {

/// Flat encoding of libmpx's own messages: fixed-size fields bytewise, strings, byte strings and
/// vectors with a 64-bit length. User values go through the codec instead.
class Packer {
 public:
  template <class... Fields>
  static Bytes pack(const Fields&... fields) {
    Packer packer;
    packer.bytes_.reserve(64);
    (packer.put(fields), ...);
    return std::move(packer.bytes_);
  }

  void reserve(std::size_t size) { bytes_.reserve(size); }

  void put_raw(const void* data, std::size_t size) {
    const auto old = bytes_.size();
    bytes_.resize(old + size);
    if (size != 0) std::memcpy(bytes_.data() + old, data, size);
  }
  template <class T>
  requires(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T>) void put(const T& value) {
    put_raw(&value, sizeof value);
  }
  void put(const std::string& text) {
    put(static_cast<std::uint64_t>(text.size()));
    put_raw(text.data(), text.size());
  }
  void put(const Bytes& bytes) {
    put(static_cast<std::uint64_t>(bytes.size()));
    put_raw(bytes.data(), bytes.size());
  }
  template <class A, class B>
  requires(!std::is_trivially_copyable_v<std::pair<A, B>>) void put(const std::pair<A, B>& pair) {
    put(pair.first);
    put(pair.second);
  }
  template <class T>
  requires requires(T& value) { value.fields(); }
  void put(const T& value) {
    std::apply([this](const auto&... field) { (put(field), ...); }, const_cast<T&>(value).fields());
  }
  template <class T>
  void put(const std::vector<T>& items) {
    put(static_cast<std::uint64_t>(items.size()));
    for (const auto& item : items) put(item);
  }

  Bytes take() && { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

/// Reads what Packer wrote; throws CodecError where the bytes end too soon.
class Unpacker {
 public:
  explicit Unpacker(ByteView bytes) : rest_(bytes) {}

  template <class... Fields>
  static std::tuple<Fields...> unpack(ByteView bytes) {
    Unpacker unpacker(bytes);
    return std::tuple<Fields...>{unpacker.get<Fields>()...};
  }

  template <class T>
  T get() {
    T value{};
    read(value);
    return value;
  }

  ByteView view(std::size_t size) {
    if (size > rest_.size()) throw CodecError("a message of libmpx ends too soon");
    const auto front = rest_.first(size);
    rest_ = rest_.subspan(size);
    return front;
  }
  /// The bytes of a Bytes field, in place.
  ByteView view() { return view(get<std::uint64_t>()); }
  [[nodiscard]] ByteView rest() const { return rest_; }
  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  template <class T>
  requires(std::is_trivially_copyable_v<T>) void read(T& value) {
    std::memcpy(static_cast<void*>(&value), view(sizeof value).data(), sizeof value);
  }
  void read(std::string& text) {
    const auto bytes = view(get<std::uint64_t>());
    text.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  void read(Bytes& out) {
    const auto bytes = view(get<std::uint64_t>());
    out.assign(bytes.begin(), bytes.end());
  }
  template <class A, class B>
  requires(!std::is_trivially_copyable_v<std::pair<A, B>>) void read(std::pair<A, B>& pair) {
    read(pair.first);
    read(pair.second);
  }
  template <class T>
  requires requires(T& value) { value.fields(); }
  void read(T& value) {
    std::apply([this](auto&... field) { (read(field), ...); }, value.fields());
  }
  template <class T>
  void read(std::vector<T>& items) {
    const auto count = get<std::uint64_t>();
    if (count > rest_.size()) throw CodecError("a message of libmpx holds an impossible count");
    items.clear();
    items.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) items.push_back(get<T>());
  }

  ByteView rest_;
};

/// Builds a frame of a payload as it is: the bytes and then the handles are the body. The header gets
/// the counts.
inline Frame make_frame_apart(FrameHeader header, Payload payload) {
  header.handles = static_cast<std::uint32_t>(payload.handles.size());
  if (!payload.handles.empty()) {
    const auto old = payload.bytes.size();
    payload.bytes.resize(old + payload.handles.size() * sizeof(Reference));
    std::memcpy(payload.bytes.data() + old, payload.handles.data(),
                payload.handles.size() * sizeof(Reference));
  }
  header.length = payload.bytes.size();
  header.large = payload.large.size;
  return Frame{header, std::move(payload.bytes), std::move(payload.large)};
}

/// The same, but a large value goes beside the body.
inline Frame make_frame(FrameHeader header, Payload payload) {
  if (payload.bytes.size() >= kLargeBytes && payload.large.size == 0)
    payload.large = Large(std::exchange(payload.bytes, {}));
  return make_frame_apart(header, std::move(payload));
}

/// The references that a frame lists. A count that does not fit is a CodecError.
inline std::vector<Reference> listed_references(const Frame& frame) {
  const auto tail = frame.header.handles * sizeof(Reference);
  if (tail > frame.body.size()) throw CodecError("a message of libmpx lists impossible handles");
  std::vector<Reference> references(frame.header.handles);
  if (tail != 0) {
    std::memcpy(static_cast<void*>(references.data()), frame.body.data() + frame.body.size() - tail,
                tail);
  }
  return references;
}

/// Takes a frame apart again, as make_frame_apart() was given it. A handle count that does not fit is a
/// CodecError.
inline Payload take_parts(Frame&& frame) {
  Payload payload;
  payload.handles = listed_references(frame);
  frame.body.resize(frame.body.size() - payload.handles.size() * sizeof(Reference));
  payload.bytes = std::move(frame.body);
  payload.large = std::move(frame.large);
  return payload;
}

/// The same, with all bytes in one piece.
inline Payload take_payload(Frame&& frame) {
  auto payload = take_parts(std::move(frame));
  auto large = std::exchange(payload.large, {});
  if (large.size == 0) return payload;
  if (payload.bytes.empty()) {
    payload.bytes = std::move(large).take();
  } else {
    const auto more = large.view();
    payload.bytes.insert(payload.bytes.end(), more.begin(), more.end());
  }
  return payload;
}

/// What the value of a frame begins with.
inline ByteView front_of(const Frame& frame) {
  return frame.body.size() == frame.header.handles * sizeof(Reference) ? frame.large.view()
                                                                       : ByteView(frame.body);
}

}  // namespace mpx::detail
