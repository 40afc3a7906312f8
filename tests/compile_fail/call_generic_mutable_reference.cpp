// expect: the function cannot be called with these arguments
#include "call.hpp"

int main() {
  call([](auto& a) { ++a; }, 1);
}
