// A reader and a writer share a queue; a stop marker tells the reader that no more numbers come.
// Prints the time from the first number put to the end of the reader.
//
//   mpx-run ./03_queue [how many numbers ...]      default: 10000 100000 1000000

#include <chrono>
#include <iostream>
#include <mpx/mpx.hpp>
#include <span>
#include <string>
#include <variant>
#include <vector>

using Item = std::variant<int, std::string>;
const std::string stop = "DONE";

void reader(mpx::Queue<Item> queue) {
  while (queue.get() != Item(stop)) {
  }
}

void writer(int count, const mpx::Queue<Item>& queue) {
  for (int i = 0; i < count; ++i) queue.put(i);
  queue.put(stop);
}

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [](std::span<char*> arguments) {
    std::vector<int> counts;
    for (const char* argument : arguments) counts.push_back(std::stoi(argument));
    if (counts.empty()) counts = {10'000, 100'000, 1'000'000};

    for (const int count : counts) {
      mpx::Queue<Item> queue;
      mpx::Process reads(mpx::ProcessOptions{.daemon = true}, reader, queue);
      reads.start();
      const auto start = std::chrono::steady_clock::now();
      writer(count, queue);
      reads.join();
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
      std::cout << "Sending " << count << " numbers to Queue() took " << took.count() << " seconds"
                << std::endl;
    }
  });
}
