// expect: a default argument does not count
#include "call.hpp"

int add(int a, int b = 1) { return a + b; }

int main() { call(add, 1); }
