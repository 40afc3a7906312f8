#pragma once

#include <compare>
#include <ostream>

namespace mpx {

/// Number of a rank in the job, 0 … ranks-1. Converts from int, compares with it and prints as one.
class Rank {
 public:
  constexpr Rank() = default;
  constexpr Rank(int number) : number_(number) {}  // NOLINT(google-explicit-constructor)

  /// The number as a plain integer, as MPI calls take it.
  [[nodiscard]] constexpr int number() const { return number_; }

  friend constexpr auto operator<=>(Rank, Rank) = default;
  friend std::ostream& operator<<(std::ostream& out, Rank rank) { return out << rank.number_; }

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& number_;
  }

 private:
  int number_ = 0;
};

}  // namespace mpx
