#pragma once

#include <boost/serialization/access.hpp>
#include <compare>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mpx/detail/encode.hpp"
#include "mpx/error.hpp"

namespace mpx::detail::test {

/// Encodes and decodes.
template <class T>
T again(const T& value) {
  return decode<T>(encode(value).bytes);
}

/// serialize as a public member.
struct Particle {
  int id = 0;
  std::vector<double> track;
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& id& track;
  }
  friend bool operator==(const Particle&, const Particle&) = default;
};

/// serialize as a private member, private default constructor.
class Account {
 public:
  explicit Account(int balance) : balance_(balance) { history_["opened"] = {balance, {0.5}}; }
  friend bool operator==(const Account&, const Account&) = default;

 private:
  friend class boost::serialization::access;
  Account() = default;
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& balance_& history_;
  }
  int balance_ = 0;
  std::map<std::string, Particle> history_;
};

/// serialize as a free function, found by its argument; no default constructor.
struct Length {
  explicit Length(int millimetres) : millimetres(millimetres) {}
  int millimetres;
  friend auto operator<=>(const Length&, const Length&) = default;
};
template <class Archive>
void serialize(Archive& archive, Length& length, const unsigned /*version*/) {
  archive& length.millimetres;
}
template <class Archive>
void save_construct_data(Archive& archive, const Length* length, const unsigned /*version*/) {
  archive << length->millimetres;
}
template <class Archive>
void load_construct_data(Archive& archive, Length* place, const unsigned /*version*/) {
  int millimetres = 0;
  archive >> millimetres;
  ::new (place) Length(millimetres);
}

/// Not a type of Boost's: copied bytewise since the user says so.
struct Pixel {
  unsigned char red, green, blue;
  friend bool operator==(const Pixel&, const Pixel&) = default;
};

/// Trivially copyable, but nobody has said that its bytes mean the same everywhere.
struct Silent {
  int x;
};

/// Is trivially copyable and declared bitwise, but its own serialize wins.
struct Celsius {
  double degrees = 0;
  double cached_fahrenheit = 0;
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& degrees;
  }
};

/// Takes no bytes at all.
struct Nothing {
  template <class Archive>
  void serialize(Archive&, unsigned /*version*/) {}
  friend bool operator==(const Nothing&, const Nothing&) = default;
};

/// A handle, as the codec sees one.
class Ticket {
 public:
  Ticket() = default;
  explicit Ticket(ObjectId id) : id_(id) {}
  void mpx_save(Writer& writer) const {
    writer.raw(&id_, sizeof id_);
    writer.carry(id_);
  }
  static Ticket mpx_load(Reader& reader) {
    ObjectId id;
    reader.raw(&id, sizeof id);
    return Ticket(id);
  }
  friend bool operator==(const Ticket&, const Ticket&) = default;

 private:
  ObjectId id_;
};

/// Contains itself.
struct Tree {
  int value = 0;
  std::vector<Tree> children;
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& value& children;
  }
  friend bool operator==(const Tree&, const Tree&) = default;
};

/// Moves, does not copy.
class Owner {
 public:
  Owner() = default;
  explicit Owner(int value) : value_(value) {}
  Owner(Owner&&) = default;
  Owner& operator=(Owner&&) = default;
  [[nodiscard]] int value() const { return value_; }
  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& value_;
  }
  friend auto operator<=>(const Owner&, const Owner&) = default;

 private:
  int value_ = 0;
};

}  // namespace mpx::detail::test

template <>
struct mpx::is_bitwise<mpx::detail::test::Pixel> : std::true_type {};
template <>
struct mpx::is_bitwise<mpx::detail::test::Celsius> : std::true_type {};
