// expect: a raw pointer cannot travel between processes
#include "call.hpp"

int main() {
  int value = 1;
  call(mpx::bind_front([](auto) {}, &value));
}
