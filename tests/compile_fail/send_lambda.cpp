// expect: a lambda cannot travel as a value
#include "mpx/detail/encode.hpp"

using mpx::detail::encode;

int main() {
  encode([] {});
}
