// expect: which function? This name is overloaded or a template
// expect: captureless lambda
#include "call.hpp"

template <class T>
T twice(T a) {
  return a + a;
}

int main() { call(twice, 1); }
