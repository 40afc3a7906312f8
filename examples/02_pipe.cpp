// Sends a value of mixed parts through a pipe: what Python calls [5, 'foo', None] is a tuple here.
//
//   mpx-run ./02_pipe

#include <iostream>
#include <mpx/mpx.hpp>
#include <optional>
#include <string>
#include <tuple>

using Message = std::tuple<int, std::string, std::optional<int>>;

void writer(mpx::Connection connection) {
  connection.send(Message(5, "foo", std::nullopt));
  connection.close();
}

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [] {
    auto [here, there] = mpx::pipe();
    mpx::Process p(writer, there);
    p.start();
    const auto [number, text, nothing] = here.recv<Message>();
    std::cout << '[' << number << ", \"" << text << "\", "
              << (nothing ? std::to_string(*nothing) : "none") << "]\n";
    p.join();
  });
}
