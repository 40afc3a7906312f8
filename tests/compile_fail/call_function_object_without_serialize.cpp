// expect: this cannot be called in another process
// expect: a Boost serialize
#include "call.hpp"

struct Add {
  int k;
  int operator()(int a) const { return a + k; }
};

int main() { call(Add{1}, 1); }
