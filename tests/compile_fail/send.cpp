// Values that cannot be sent.
#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "mpx/mpx.hpp"

using mpx::detail::encode;

struct Point {
  int x, y;
};
struct Pixel {
  int x, y;
};

// expect: belong to one process and cannot travel
void atomic(const std::atomic<int>& value) { encode(value); }

// expect: use mpx::Lock
void mutex(const std::deque<std::mutex>& value) { encode(value); }

// expect: a function pointer cannot travel as a value
void function_pointer(void (*value)()) { encode(value); }

// expect: a lambda cannot travel as a value
void lambda() {
  encode([] {});
}

// expect: a std::function cannot travel between processes
void std_function(const std::function<void()>& value) { encode(value); }

// expect: give it a Boost serialize
// expect: template <> struct mpx::is_bitwise<T> : std::true_type {};
void plain_struct(const Point& value) { encode(value); }

// expect: give it a Boost serialize
void plain_struct_in_tuple(const std::tuple<int, Pixel>& value) { encode(value); }

// expect: a raw pointer cannot travel between processes
void pointer(int* value) { encode(value); }

// expect: a raw pointer cannot travel between processes
void pointer_in_vector(const std::vector<long*>& value) { encode(value); }

// expect: a raw pointer cannot travel between processes
void pointer_deep_inside() {
  encode(std::map<std::string, std::vector<std::optional<std::variant<int, char*>>>>{});
}

// expect: a view (std::string_view, std::span
void span(std::span<int> value) { encode(value); }

// expect: send a std::string or a std::vector
void string_view(std::string_view value) { encode(value); }

// expect: a view (std::string_view, std::span
void view_in_pair(const std::pair<int, std::wstring_view>& value) { encode(value); }

// expect: <boost/serialization/unique_ptr.hpp>
void unique_ptr_without_boost_header(const std::unique_ptr<int>& value) { encode(value); }

// expect: <boost/serialization/shared_ptr.hpp>
void shared_ptr_without_boost_header(const std::vector<std::shared_ptr<std::string>>& value) {
  encode(value);
}

// expect: send a std::vector
void unique_ptr_to_array(const std::unique_ptr<int[]>& value) { encode(value); }

// expect: an AsyncResult stays in the process that made it
void async_result(const mpx::AsyncResult<int>& value) { encode(value); }
