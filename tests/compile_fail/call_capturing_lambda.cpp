// expect: a lambda that captures cannot be called in another process
// expect: mpx::bind_front
#include "call.hpp"

int main() {
  const int k = 3;
  call([k](int a) { return a + k; }, 1);
}
