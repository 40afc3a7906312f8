// Values that can be sent, but not received; names that stand for no single function.
#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "mpx/mpx.hpp"

/// `N` makes each a class of its own.
template <int N>
struct NoDefault {
  explicit NoDefault(int value) : n(value) {}
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& n;
  }
  int n;
};
template <int N>
struct Immovable {
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& n;
  }
  int n = 0;
  std::atomic<int> count;
};

int choose(int a) { return 2 * a; }
double choose(double a) { return 2 * a; }
// expect: which function? This name is overloaded or a template
void bound_overloaded_name() { mpx::bind_front(choose, 1); }

// expect: a type without default constructor can be sent but not received
// expect: load_construct_data
void recv(const mpx::Connection& end) { end.recv<NoDefault<1>>(); }

// expect: a type without default constructor can be sent but not received
void get(const mpx::Queue<std::vector<std::pair<int, NoDefault<2>>>>& queue) { queue.get(); }

NoDefault<3> make(int n) { return NoDefault<3>(n); }
// expect: a type without default constructor can be sent but not received
void result(const mpx::Pool& pool) { pool.map(make, {1, 2}); }

void take(const NoDefault<4>&) {}
// expect: a type without default constructor can be sent but not received
void argument() { mpx::Process process(take, NoDefault<4>(1)); }

// expect: a value that can be neither copied nor moved can be sent but not received
void recv_immovable(const mpx::Connection& end) { end.recv<Immovable<1>>(); }

// expect: a value that can be neither copied nor moved can be sent but not received
void get_immovable(const mpx::Queue<Immovable<2>>& queue) { queue.try_get(); }

Immovable<3> make_immovable() { return {}; }
// expect: give it a move constructor
void immovable_result(const mpx::Pool& pool) { pool.apply(make_immovable); }

// expect: which type? Name the one that was sent: recv<T>()
int recv_of_nothing(const mpx::Connection& end) { return end.recv(); }

// expect: void cannot be received
void recv_void(const mpx::Connection& end) { end.recv<void>(); }

// expect: a const or volatile type cannot be received
void recv_const(const mpx::Connection& end) { end.recv<const int>(); }

// expect: a reference cannot travel between processes
void recv_reference(const mpx::Connection& end) { end.recv<long&>(); }

// expect: a raw pointer cannot travel between processes
void recv_text(const mpx::Connection& end) { end.recv<const char*>(); }
