// expect: a std::function cannot be called in another process
// expect: mpx::bind_front
#include <functional>

#include "call.hpp"

int main() {
  call(std::function<int(int)>([](int a) { return a; }), 1);
}
