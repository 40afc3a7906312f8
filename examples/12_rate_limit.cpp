// Six processes use something that bears only two users at a time: a Semaphore lets two in.
//
//   mpx-run ./12_rate_limit

#include <iostream>
#include <mpx/mpx.hpp>
#include <vector>

constexpr int users = 6, at_once = 2, visits = 50;

void use(mpx::BoundedSemaphore permits, mpx::Value<int> inside, mpx::Value<int> too_many) {
  for (int i = 0; i < visits; ++i) {
    permits.acquire();
    if (inside.fetch_add(1) >= at_once) too_many.fetch_add(1);
    // … here it is used …
    inside.fetch_add(-1);
    permits.release();
  }
}

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [] {
    // Should a user die inside, its permit comes back.
    const mpx::BoundedSemaphore permits(at_once, mpx::SemaphoreOptions{.owned = true});
    const mpx::Value<int> inside(0), too_many(0);
    std::vector<mpx::Process> processes;
    for (int i = 0; i < users; ++i) {
      processes.emplace_back(use, permits, inside, too_many);
      processes.back().start();
    }
    for (const auto& process : processes) process.join();
    std::cout << users * visits << " visits, " << too_many.load() << " times more than " << at_once
              << " at once; " << permits.value() << " permits are free\n";
  });
}
