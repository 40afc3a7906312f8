// Calls a function in a process of its own, on some rank of the job.
//
//   mpx-run ./01_hello

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
