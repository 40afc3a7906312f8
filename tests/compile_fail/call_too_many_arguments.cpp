// expect: too few or too many arguments for this function
#include "call.hpp"

int twice(int a) { return 2 * a; }

int main() { call(twice, 1, 2); }
