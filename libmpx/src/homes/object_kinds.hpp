#pragma once

#include <memory>
#include <string_view>

#include "homes/directory.hpp"
#include "homes/home.hpp"
#include "transport/words.hpp"

namespace mpx::detail {

/// Where homes are made, and what they are made with.
struct HomePlace {
  Rank rank;
  Words& words;
  Directory* directory = nullptr;  ///< on rank 0
};

/// What people call objects of a kind.
[[nodiscard]] std::string_view kind_name(ObjectKind kind);

/// Makes the home of a new object, of the arguments of its `create`, and answers. Null: it cannot be
/// made here, which has been answered.
std::unique_ptr<Home> make_home(const FrameHeader& request, const Payload& arguments,
                                const HomePlace& place, Outbox& out);

}  // namespace mpx::detail
