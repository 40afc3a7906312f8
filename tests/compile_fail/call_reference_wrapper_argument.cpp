// expect: a view (std::string_view, std::span, std::reference_wrapper
#include <functional>

#include "call.hpp"

int main() {
  int value = 1;
  call([](int) {}, std::ref(value));
}
