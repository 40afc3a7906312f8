// expect: too few or too many arguments for this function
#include "call.hpp"

int add(int a, int b) { return a + b; }

int main() { call(add, 1); }
