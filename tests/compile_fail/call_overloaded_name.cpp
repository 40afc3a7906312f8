// expect: which function? This name is overloaded or a template
// expect: static_cast<Result (*)(Parameters...)>(name)
#include "call.hpp"

int twice(int a) { return 2 * a; }
double twice(double a) { return 2 * a; }

int main() { call(twice, 1); }
