// expect: this cannot be called in another process
// expect: mpx::bind_front
#include <functional>

#include "call.hpp"

int twice(int a) { return 2 * a; }

int main() { call(std::bind_front(twice, 1)); }
