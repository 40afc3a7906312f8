// expect: a raw-pointer parameter cannot be filled in another process
#include "call.hpp"

int main() {
  call([](int, double* to) { *to = 1; }, 1, 2.0);
}
