#if __has_include(<mpx/mpx.hpp>)

#include <iostream>
#include <mpx/mpx.hpp>
#include <string>

void print_name(std::string name) { std::cout << "hello " << name << '\n'; }

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [] {
    mpx::Process p(print_name, "foo");
    p.start();
    p.join();
  });
}

#else

#include <iostream>
#include <mpx/error.hpp>

int main() {
  try {
    throw mpx::UsageError("hello foo");
  } catch (const mpx::Error& error) {
    std::cout << error.what() << '\n';
  }
}

#endif
