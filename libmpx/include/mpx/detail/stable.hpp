#pragma once

#include <deque>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace mpx::detail {

/// The standard containers of what a program and the compiled libmpx share. With -D_GLIBCXX_DEBUG
/// those in std are other types of other sizes; these have one layout either way. Their names
/// differ, though: what the library exports must not have them as parameters.
#ifdef _GLIBCXX_DEBUG
namespace stable = ::std::__cxx1998;
/// For inline functions that return containers of std, which exist twice then.
#define MPX_RETURNS_CONTAINER [[gnu::abi_tag("mpx_debug")]]
#else
namespace stable = ::std;
#define MPX_RETURNS_CONTAINER
#endif

/// `row` as a std::vector; where it is none, a copy in `copy`.
template <class T>
const std::vector<T>& as_std(const stable::vector<T>& row,
                             [[maybe_unused]] std::shared_ptr<void>& copy) {
#ifdef _GLIBCXX_DEBUG
  if (auto made = std::static_pointer_cast<std::vector<T>>(std::atomic_load(&copy))) return *made;
  std::shared_ptr<void> none;
  std::shared_ptr<void> made = std::make_shared<std::vector<T>>(row.begin(), row.end());
  std::atomic_compare_exchange_strong(&copy, &none, made);  // another thread may have been first
  return *std::static_pointer_cast<std::vector<T>>(std::atomic_load(&copy));
#else
  return row;
#endif
}

}  // namespace mpx::detail
