#include "mpx/detail/archive.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <boost/archive/impl/archive_serializer_map.ipp>
#include <cstring>

#include "mpx/error.hpp"

// What BOOST_CLASS_EXPORT looks classes up in, once for each kind of archive.
template class boost::archive::detail::archive_serializer_map<mpx::detail::OutputArchive>;
template class boost::archive::detail::archive_serializer_map<mpx::detail::InputArchive>;

namespace mpx::detail {

void ArchiveDeleter::operator()(OutputArchive* archive) const noexcept { delete archive; }
void ArchiveDeleter::operator()(InputArchive* archive) const noexcept { delete archive; }

void Writer::make_archive() { archive_.reset(new OutputArchive(*this)); }
void Writer::finish_archive() { archive_->finish(); }
void Reader::make_archive() { archive_.reset(new InputArchive(*this)); }
void Reader::finish_archive() { archive_->finish(); }

void note_move(Reader& reader, const void* to, const void* from) {
  if (reader.has_archive()) reader.archive().reset_object_address(to, from);
}

OutputArchive::OutputArchive(Writer& writer)
    : ArchiveState(writer), Base(boost::archive::no_header) {}
OutputArchive::~OutputArchive() = default;
InputArchive::InputArchive(Reader& reader)
    : ArchiveState(reader), Base(boost::archive::no_header) {}
InputArchive::~InputArchive() = default;

std::size_t next_class_number() noexcept {
  static std::atomic<std::size_t> next{0};
  return next.fetch_add(1, std::memory_order_relaxed);
}

void OutputArchive::save_override(const boost::archive::class_name_type& name) {
  write_part(buffer_, std::string(static_cast<const char*>(name)));
}

void OutputArchive::save_override(const boost::serialization::collection_size_type& count) {
  buffer_.number(static_cast<std::uint64_t>(count));
  owed_ = std::max(owed_, buffer_.bytes().size() + count);
}

void InputArchive::load_override(boost::archive::class_name_type& name) {
  const auto text = make_part<std::string>(buffer_);
  if (text.size() >= BOOST_SERIALIZATION_MAX_KEY_SIZE) throw_bad_class_name(text.size());
  std::memcpy(static_cast<char*>(name), text.c_str(), text.size() + 1);
}

void InputArchive::load_override(boost::serialization::collection_size_type& count) {
  const auto value = buffer_.length(1);
  count = boost::serialization::collection_size_type(value);
  owed_ = std::max(owed_, buffer_.position() + value);
}

Sharing InputArchive::load_sharing() {
  const auto byte = buffer_.number<std::uint8_t>();
  if (byte != static_cast<std::uint8_t>(Sharing::none) &&
      byte != static_cast<std::uint8_t>(Sharing::tracked)) {
    throw_bad_tag("the tracking of a class", byte);
  }
  return static_cast<Sharing>(byte);
}

void throw_archive_error(const std::exception& error, bool reading, std::string_view type) {
  throw CodecError(fmt::format("cannot {} a value of type {}: Boost.Serialization says: {}",
                               reading ? "decode" : "encode", type, error.what()));
}

void throw_bad_class_name(std::size_t size) {
  throw CodecError(fmt::format(
      "cannot decode the name of an exported class: {} characters; the data is damaged", size));
}

}  // namespace mpx::detail
