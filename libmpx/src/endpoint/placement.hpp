#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "endpoint/calls.hpp"
#include "endpoint/context.hpp"

namespace mpx::detail {

/// New objects: their names, where they live, and how they are made.
///
/// Thread safety: all members, from any thread, without the client's mutex.
class Placement {
 public:
  Placement(Context& context, Calls& calls) : context_(context), calls_(calls) {}
  Placement(const Placement&) = delete;
  Placement& operator=(const Placement&) = delete;

  /// A name that no other object has.
  [[nodiscard]] ObjectId new_object(int home);
  /// Makes the object of that name, of the kind with which `arguments` begin, in one round trip; what
  /// its home answers. Throws that as "`what`: …" if it refuses.
  Payload make_object(const ObjectId& id, Payload arguments, const std::string& what);

  /// The rank for the home of a new object that may be anywhere: one that is known to do nothing
  /// but serve, if there is one.
  [[nodiscard]] int home_or(int otherwise) const {
    const int known = serving_rank_;
    return known < 0 ? otherwise : known;
  }
  /// That of an object which lives where it is used first.
  [[nodiscard]] int home_here() const { return home_or(context_.self().id.rank().number()); }
  void set_serving_rank(int rank) { serving_rank_ = rank; }

 private:
  Context& context_;
  Calls& calls_;
  std::atomic<int> serving_rank_ = -1;  // none known
  std::uint32_t next_object_ MPX_GUARDED_BY(client_mutex) = 1;
};

}  // namespace mpx::detail
