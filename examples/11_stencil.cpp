// Heat spreads along a rod. Each process has a piece of it, and in each step needs one value of each
// neighbour; a Barrier keeps all of them in the same step, and its action counts the steps. The
// result is the same as that of one process.
//
//   mpx-run ./11_stencil

#include <algorithm>
#include <iostream>
#include <mpx/mpx.hpp>
#include <vector>

constexpr std::size_t points = 400, pieces = 4, piece = points / pieces;
constexpr int steps = 50;

/// One step for the points between the first and the last.
std::vector<double> step(const std::vector<double>& old) {
  std::vector<double> next(old.size() - 2);
  for (std::size_t i = 0; i < next.size(); ++i)
    next[i] = old[i + 1] + 0.25 * (old[i] - 2 * old[i + 1] + old[i + 2]);
  return next;
}

std::vector<double> cold_rod_with_a_hot_middle() {
  std::vector<double> rod(points + 2);  // the ends stay cold
  std::fill(rod.begin() + points / 3, rod.begin() + points / 2, 100.0);
  return rod;
}

/// The rod is read from one array and written to the other, in turns.
void simulate(mpx::Array<double> even, mpx::Array<double> odd, mpx::Barrier all_done,
              std::size_t first) {
  for (int i = 0; i < steps; ++i) {
    const auto& from = i % 2 == 0 ? even : odd;
    const auto& to = i % 2 == 0 ? odd : even;
    std::vector<double> mine(piece + 2);
    from.read(first, mine);
    to.write(first + 1, step(mine));
    all_done.wait();
  }
}

void count_step(const mpx::Value<int>& count) { count.store(count.load() + 1); }

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [] {
    auto rod = cold_rod_with_a_hot_middle();
    const mpx::Array<double> even(rod), odd(rod);
    const mpx::Value<int> count(0);
    const mpx::Barrier all_done(pieces, mpx::bind_front(count_step, count));

    std::vector<mpx::Process> processes;
    for (std::size_t i = 0; i < pieces; ++i) {
      processes.emplace_back(simulate, even, odd, all_done, i * piece);
      processes.back().start();
    }
    for (const auto& process : processes) process.join();

    for (int i = 0; i < steps; ++i) std::ranges::copy(step(rod), rod.begin() + 1);
    std::vector<double> result(rod.size());
    (steps % 2 == 0 ? even : odd).read(0, result);
    std::cout << count.load() << " steps by " << pieces << " processes, "
              << (result == rod ? "as" : "not as") << " by one\n";
  });
}
