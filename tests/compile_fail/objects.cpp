// Objects made or used in the wrong way.
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mpx/mpx.hpp"

struct Shape {
  virtual ~Shape() = default;
  virtual double area() const = 0;
};
struct Degrees {
  explicit Degrees(int value) : n(value) {}
  int n;
};

int cube(int x) { return x * x * x; }
void init(int) {}
template <class T>
T thrice(T a) {
  return a + a + a;
}

// expect: which function? This name is overloaded or a template
// expect: captureless lambda
void function_template(const mpx::Pool& pool) { pool.apply(thrice, 1); }

// expect: starmap takes a range of pairs, tuples or std::arrays
void starmap_over_ints(const mpx::Pool& pool) { pool.starmap(cube, std::vector<int>(3)); }

// expect: map and starmap take a function, and then a range of elements
void map_over_no_range(const mpx::Pool& pool) { pool.map(cube, 3); }

// expect: map and starmap take a function, and then a range of elements
void range_first(const mpx::Pool& pool) { pool.map(std::vector<int>(3), cube); }

// expect: Pool(PoolOptions{.processes = n}, initializer, args...)
void initializer_after_number() { mpx::Pool pool(4, init, 1); }

// expect: the first function given to then() is called with the result
void then_of_wrong_argument(mpx::AsyncResult<int> result) {
  result.then([](std::string) {});
}

// expect: with nothing where the task returns void
void then_of_void(mpx::AsyncResult<void> result) {
  result.then([](int) {});
}

// expect: the second function given to then() is called with a std::exception_ptr
void then_catching(mpx::AsyncResult<int> result) {
  result.then([](int) {}, [](const std::exception&) {});
}

// expect: what is given to then() must be copyable
void then_that_cannot_be_copied(mpx::AsyncResult<int> result) {
  result.then([held = std::make_unique<int>(1)](int) {});
}

// expect: Queue<T>(QueueOptions{.capacity = n})
void capacity() { mpx::Queue<int> queue(10); }

// expect: a name is given as mpx::named("text")
void name() { mpx::Lock lock("output"); }

// expect: a Queue holds values
void queue_of_references(mpx::Queue<int&> queue) { queue.close(); }

// expect: take a std::unique_ptr of the base
void queue_of_abstract(const mpx::Queue<Shape>& queue) { queue.size(); }

// expect: a Value holds a trivially copyable type
void value_of_text(const mpx::Value<std::string>& value) { value.load(); }

// expect: a Value holds a trivially copyable type that is no reference, const or atomic
void value_of_atomic(const mpx::Value<std::atomic<int>>& value) { value.load(); }

// expect: is given its first value: Value<T>(initial)
void value_without_default() { mpx::Value<Degrees> value; }

// expect: an Array holds a trivially copyable type
void array_of_texts(const mpx::Array<std::string>& array) { array.size(); }

// expect: an Array holds a trivially copyable type that is no pointer, reference, const or atomic
void array_of_const(const mpx::Array<const int>& array) { array.size(); }

// expect: a length of time has a unit
bool wait_for_a_number(const mpx::Lock& lock) { return lock.try_lock_for(5); }

// expect: send_bytes takes a std::span<const std::byte>
void bytes_of_text(const mpx::Connection& end) { end.send_bytes(std::string("text")); }

// expect: the body of mpx::run takes nothing, or a std::span<char*>
int body_of_int(int argc, char** argv) {
  return mpx::run(argc, argv, [](int) {});
}

// expect: the body of mpx::run returns void or the exit status
int body_of_text(int argc, char** argv) {
  return mpx::run(argc, argv, [] { return std::string(); });
}
