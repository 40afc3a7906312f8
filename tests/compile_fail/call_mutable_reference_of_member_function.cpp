// expect: a parameter that is a non-const reference would change a copy
#include "call.hpp"

struct Counter {
  int n = 0;
  void move_to(int& a) const { a = n; }
  template <class Archive>
  void serialize(Archive& archive, unsigned) {
    archive& n;
  }
};

int main() { call(&Counter::move_to, Counter{}, 1); }
