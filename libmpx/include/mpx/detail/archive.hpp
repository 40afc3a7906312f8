#pragma once

#include <boost/archive/archive_exception.hpp>
#include <boost/archive/basic_archive.hpp>
#include <boost/archive/detail/common_iarchive.hpp>
#include <boost/archive/detail/common_oarchive.hpp>
#include <boost/archive/detail/register_archive.hpp>
#include <boost/serialization/array_optimization.hpp>
#include <boost/serialization/array_wrapper.hpp>
#include <boost/serialization/collection_size_type.hpp>
#include <boost/serialization/item_version_type.hpp>
#include <cstdint>
#include <exception>
#include <string>
#include <type_traits>
#include <utility>

#include "mpx/detail/archived.hpp"
#include "mpx/detail/codec.hpp"
#include "mpx/detail/codec_containers.hpp"
#include "mpx/detail/codec_values.hpp"
#include "mpx/detail/sendable.hpp"
#include "mpx/detail/stable.hpp"
#include "mpx/detail/type_name.hpp"

namespace mpx::detail {

/// Number of a class in this process, for tables inside one archive; never sent.
std::size_t next_class_number() noexcept;
template <class T>
std::size_t class_number() {
  static const std::size_t number = next_class_number();
  return number;
}

[[noreturn]] void throw_archive_error(const std::exception& error, bool reading,
                                      std::string_view type);
[[noreturn]] void throw_bad_class_name(std::size_t size);

/// How one class is treated by Boost: as its own serialize alone, or as an object that pointers may
/// share. Boost decides the latter while the program starts, so the sender tells the receiver.
enum class Sharing : std::uint8_t { unknown, none, tracked };

/// Boost's own book-keeping types, which convert to and from integers.
template <class T>
concept ArchiveNumber = std::is_base_of_v<boost::archive::class_id_type, T> ||
    std::is_base_of_v<boost::archive::object_id_type, T> ||
    std::is_same_v<boost::archive::version_type, T> ||
    std::is_same_v<boost::archive::tracking_type, T> ||
    std::is_same_v<boost::serialization::item_version_type, T> ||
    std::is_same_v<boost::serialization::library_version_type, T>;

template <class T>
inline constexpr bool travels_natively = false;
template <class T>
requires(Native<T> || HandleType<T> ||
         Bitwise<T>) inline constexpr bool travels_natively<T> = travels<T>();

/// What an archive of ours adds to Boost's. Its first base, and with virtual functions, so that it
/// lies in front: Boost's has a std::vector, of another size with -D_GLIBCXX_DEBUG.
template <class Buffer>
class ArchiveState {
 protected:
  explicit ArchiveState(Buffer& buffer) : buffer_(buffer) {}
  virtual ~ArchiveState() = default;

  Sharing& sharing_of(std::size_t class_number) {
    if (class_number >= sharing_.size()) sharing_.resize(class_number + 1);
    return sharing_[class_number];
  }

  /// In place of Boost's, which keeps them in that vector.
  template <class Helper>
  Helper& helper(const void* id) {
    for (auto& [key, kept] : helpers_) {
      if (key == id) return *static_cast<Helper*>(kept.get());
    }
    helpers_.emplace_back(id, std::make_shared<Helper>());
    return *static_cast<Helper*>(helpers_.back().second.get());
  }

  Buffer& buffer_;
  stable::vector<Sharing> sharing_;  // indexed by class_number
  stable::vector<std::pair<const void*, std::shared_ptr<void>>> helpers_;
  std::size_t owed_ = 0;
};

/// Boost archive that appends to a Writer: no header, no versions or class information for types
/// that no pointer shares. Made for one value and gone after it.
class OutputArchive : ArchiveState<Writer>,
                      public boost::archive::detail::common_oarchive<OutputArchive> {
  using Base = boost::archive::detail::common_oarchive<OutputArchive>;

 public:
  explicit OutputArchive(Writer& writer);
  ~OutputArchive() override;

  template <class Helper>
  Helper& get_helper(void* const id = nullptr) {
    return helper<Helper>(id);
  }

  struct use_array_optimization {
    template <class T>
    struct apply : boost::mpl::bool_<plain<std::remove_const_t<T>>> {};
  };

  template <class T>
  void save_override(const T& value) {
    if constexpr (ArchiveNumber<T>) {
      save_number(value);
    } else if constexpr (travels_natively<T>) {
      write_part(buffer_, value);
    } else if constexpr (require_archived<OutputArchive, T>()) {
      if constexpr (OwnSerialize<T> && !BoostTraits<T>::primitive) {
        if (!shared<T>()) {
          boost::serialization::serialize_adl(*this, const_cast<T&>(value),
                                              BoostTraits<T>::version);
          return;
        }
      }
      Base::save_override(value);
    }
  }
  void save_override(const boost::archive::class_id_optional_type&) {}
  void save_override(const boost::archive::class_name_type& name);
  void save_override(const boost::serialization::collection_size_type& count);

  /// Called by Boost for types declared primitive.
  template <class T>
  void save(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>,
                  "mpx: a type declared boost::serialization::primitive_type must be trivially "
                  "copyable to travel");
    buffer_.raw(&value, sizeof value);
  }
  template <class T>
  void save_array(const boost::serialization::array_wrapper<T>& row, unsigned) {
    buffer_.raw(row.address(), row.count() * sizeof(T));
  }
  void save_binary(const void* data, std::size_t size) { buffer_.raw(data, size); }

  /// Ends the value: pads so that no count of it was larger than the bytes behind it.
  void finish() { buffer_.pad_to(owed_); }

 private:
  template <class T>
  void save_number(const T& value) {
    if constexpr (std::is_base_of_v<boost::archive::class_id_type, T>) {
      buffer_.number(static_cast<std::int16_t>(static_cast<int>(value)));
    } else if constexpr (std::is_same_v<T, boost::archive::tracking_type>) {
      buffer_.number(static_cast<std::uint8_t>(static_cast<bool>(value)));
    } else {
      buffer_.number(static_cast<std::uint32_t>(value));
    }
  }

  template <class T>
  bool shared() {
    using Traits = BoostTraits<T>;
    if constexpr (Traits::never_shared || Traits::always_shared) return Traits::always_shared;
    auto& sharing = sharing_of(class_number<T>());
    if (sharing == Sharing::unknown) {
      using Serializer = boost::archive::detail::oserializer<OutputArchive, T>;
      const bool tracked =
          boost::serialization::singleton<Serializer>::get_const_instance().tracking(0);
      sharing = tracked ? Sharing::tracked : Sharing::none;
      buffer_.number(static_cast<std::uint8_t>(sharing));
    }
    return sharing == Sharing::tracked;
  }
};

/// The counterpart of OutputArchive.
class InputArchive : ArchiveState<Reader>,
                     public boost::archive::detail::common_iarchive<InputArchive> {
  using Base = boost::archive::detail::common_iarchive<InputArchive>;

 public:
  explicit InputArchive(Reader& reader);
  ~InputArchive() override;

  template <class Helper>
  Helper& get_helper(void* const id = nullptr) {
    return helper<Helper>(id);
  }

  using use_array_optimization = OutputArchive::use_array_optimization;

  template <class T>
  void load_override(T& value) {
    using Value = std::remove_const_t<T>;
    if constexpr (ArchiveNumber<T>) {
      load_number(value);
    } else if constexpr (travels_natively<Value>) {
      static_assert(!std::is_const_v<T>,
                    "mpx: a const member cannot be read back, nor any member in a serialize that "
                    "is const: drop the const, or leave the member out and construct the object "
                    "with it by Boost's save_construct_data and load_construct_data");
      if constexpr (!std::is_const_v<T>) read_part(buffer_, value);
    } else if constexpr (require_archived<InputArchive, Value>()) {
      if constexpr (OwnSerialize<Value> && !BoostTraits<Value>::primitive) {
        if (!shared<Value>()) {
          boost::serialization::serialize_adl(*this, const_cast<Value&>(value),
                                              BoostTraits<Value>::version);
          return;
        }
      }
      Base::load_override(value);
    }
  }
  void load_override(boost::archive::class_id_optional_type&) {}
  void load_override(boost::archive::class_name_type& name);
  void load_override(boost::serialization::collection_size_type& count);

  template <class T>
  void load(T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    buffer_.raw(&value, sizeof value);
  }
  template <class T>
  void load_array(const boost::serialization::array_wrapper<T>& row, unsigned) {
    buffer_.raw(row.address(), row.count() * sizeof(T));
  }
  void load_binary(void* data, std::size_t size) { buffer_.raw(data, size); }

  void finish() { buffer_.skip_to(owed_); }

 private:
  template <class T>
  void load_number(T& value) {
    if constexpr (std::is_base_of_v<boost::archive::class_id_type, T>) {
      static_cast<std::int_least16_t&>(value) = buffer_.number<std::int16_t>();
    } else if constexpr (std::is_same_v<T, boost::archive::tracking_type>) {
      value = boost::archive::tracking_type(buffer_.number<std::uint8_t>() != 0);
    } else if constexpr (std::is_base_of_v<boost::archive::object_id_type, T>) {
      static_cast<std::uint_least32_t&>(value) = buffer_.number<std::uint32_t>();
    } else {
      value = T(buffer_.number<std::uint32_t>());
    }
  }

  template <class T>
  bool shared() {
    using Traits = BoostTraits<T>;
    if constexpr (Traits::never_shared || Traits::always_shared) return Traits::always_shared;
    auto& sharing = sharing_of(class_number<T>());
    if (sharing == Sharing::unknown) sharing = load_sharing();
    return sharing == Sharing::tracked;
  }
  Sharing load_sharing();
};

/// Runs `step` on the archive of a value; what Boost throws becomes a CodecError.
template <class T, class Step>
void with_archive(bool reading, Step step) {
  try {
    step();
  } catch (const boost::archive::archive_exception& error) {
    throw_archive_error(error, reading, type_name<T>());
  }
}

template <class T>
void write_own(Writer& writer, const T& value) {
  with_archive<T>(false, [&] {
    if constexpr (!std::default_initializable<T>) {
      boost::serialization::save_construct_data_adl(writer.archive(), &value,
                                                    BoostTraits<T>::version);
    }
    writer.archive() << value;
  });
}

template <class T>
void read_own(Reader& reader, T& value) {
  with_archive<T>(true, [&] {
    if constexpr (!std::default_initializable<T>) {
      // Written by write_own for whoever constructs; here an object exists, and takes the new one.
      value = make_own<T>(reader);
    } else {
      reader.archive() >> value;
    }
  });
}

/// Destroys what Boost constructed in raw memory.
template <class T>
struct InPlace {
  alignas(T) std::byte bytes[sizeof(T)];
  T* value = nullptr;
  ~InPlace() {
    if (value != nullptr) value->~T();
  }
};

template <class T>
T make_own(Reader& reader) {
  InPlace<T> place;
  with_archive<T>(true, [&] {
    auto* const where = reinterpret_cast<T*>(place.bytes);
    boost::serialization::load_construct_data_adl(reader.archive(), where, BoostTraits<T>::version);
    place.value = std::launder(where);
    reader.archive() >> *place.value;
  });
  return std::move(*place.value);
}

}  // namespace mpx::detail

BOOST_SERIALIZATION_REGISTER_ARCHIVE(mpx::detail::OutputArchive)
BOOST_SERIALIZATION_REGISTER_ARCHIVE(mpx::detail::InputArchive)
BOOST_SERIALIZATION_USE_ARRAY_OPTIMIZATION(mpx::detail::OutputArchive)
BOOST_SERIALIZATION_USE_ARRAY_OPTIMIZATION(mpx::detail::InputArchive)
