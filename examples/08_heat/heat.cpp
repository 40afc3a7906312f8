// The heat equation on a square, by a program that is parallel in plain MPI already: block.cpp, with
// halo exchange. libmpx does what is around it:
//   a Queue    brings the tiles of each output from all ranks to rank 0;
//   a Pool     compares them with the exact solution, in other processes, while the solver goes on;
//   a Lock     lets the ranks append to one log file.
//
// What lives on a rank is served while that rank is in a call of libmpx. So where others may need
// it, it does not block in MPI: the solver makes its communicator before the Session, and calls
// progress() while it waits for halos.

#include "heat.h"

#include <cmath>
#include <cstdio>
#include <exception>
#include <fstream>
#include <iostream>
#include <map>
#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>
#include <mutex>
#include <numbers>
#include <set>
#include <string>
#include <vector>

#include "block.hpp"

namespace {

constexpr int outputs = 5;  // beside the one at the start

struct Tile {
  int step = 0, top = 0, left = 0, width = 0;
  std::vector<double> values;

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& step& top& left& width& values;
  }
};

struct Summary {
  double hottest = 0;
  double error = 0;  // greatest difference to the exact solution

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& hottest& error;
  }
};

/// In a process of the pool. The start, a product of sines, is only damped by each step, by a
/// factor that is known.
Summary examine(int points, const Tile& tile) {
  const double h = 1.0 / (points + 1);
  const double slope = std::sin(std::numbers::pi * h / 2);
  const double damping = std::pow(1 - 8 * step_ratio * slope * slope, tile.step);
  Summary summary;
  for (std::size_t i = 0; i < tile.values.size(); ++i) {
    const auto width = static_cast<std::size_t>(tile.width);
    const auto row = tile.top + static_cast<double>(i / width) + 1;
    const auto column = tile.left + static_cast<double>(i % width) + 1;
    const double exact =
        damping * std::sin(std::numbers::pi * h * row) * std::sin(std::numbers::pi * h * column);
    summary.hottest = std::max(summary.hottest, tile.values[i]);
    summary.error = std::max(summary.error, std::abs(tile.values[i] - exact));
  }
  return summary;
}

/// On rank 0: gives tiles to the pool as they come, and prints what it made of them.
class Examiner {
 public:
  Examiner(int points, mpx::Queue<Tile> tiles) : points_(points), tiles_(std::move(tiles)) {}

  void take_what_is_there() {
    while (auto tile = tiles_.try_get()) take(*tile);
  }
  void take_the_rest(int count) {
    while (taken_ < count) take(tiles_.get());
  }
  void print() {
    for (auto& [step, results] : results_) {
      Summary all;
      for (auto& result : results) {
        const auto one = result.get();
        all.hottest = std::max(all.hottest, one.hottest);
        all.error = std::max(all.error, one.error);
      }
      std::printf("step %4d: hottest %.6f, %s the exact solution\n", step, all.hottest,
                  all.error < 1e-12 ? "equals" : "DIFFERS FROM");
    }
  }

 private:
  void take(const Tile& tile) {
    results_[tile.step].push_back(pool_.apply_async(examine, points_, tile));
    ++taken_;
  }

  int points_;
  int taken_ = 0;
  mpx::Queue<Tile> tiles_;
  mpx::Pool pool_;
  std::map<int, std::vector<mpx::AsyncResult<Summary>>> results_;  // by step
};

void append_to_log(const mpx::Lock& lock, const std::string& path, int step, int rank) {
  const std::scoped_lock guard(lock);
  std::ofstream log(path, std::ios::app);
  log << "step " << step;
  log.flush();  // without the lock, others would write here
  log << " on rank " << rank << '\n';
  if (!log.flush()) throw std::runtime_error(path + " cannot be written");
}

void print_log(const std::string& path) {
  std::ifstream log(path);
  std::set<int> ranks;
  int lines = 0, step = 0, rank = 0, length = 0;
  for (std::string line; std::getline(log, line); ++lines) {
    if (std::sscanf(line.c_str(), "step %d on rank %d%n", &step, &rank, &length) != 2 ||
        length != static_cast<int>(line.size()))
      throw std::runtime_error(path + " has a line that nobody wrote: " + line);
    ranks.insert(rank);
  }
  std::printf("log: %d lines, of %zu ranks\n", lines, ranks.size());
}

void solve(MPI_Comm communicator, int points, int steps, const std::string& log_file) {
  Block block(communicator, points);
  mpx::Session session(communicator);
  const int rank = session.rank().number();
  if (rank == 0) std::ofstream(log_file, std::ios::trunc);  // before anybody has the lock
  const mpx::Queue<Tile> tiles(mpx::named("tiles"));
  const mpx::Lock log(mpx::named("log"));
  const auto progress = [&] { session.progress(); };

  const double heat = block.total(progress);
  std::optional<Examiner> examiner;
  if (rank == 0) examiner.emplace(points, tiles);
  for (int step = 0; step <= steps; ++step) {
    if (step > 0) block.advance(progress);
    if (step % (steps / outputs) != 0) continue;
    tiles.put({step, block.top(), block.left(), block.width(), block.values()});
    append_to_log(log, log_file, step, rank);
    if (examiner) examiner->take_what_is_there();
  }
  const double left = block.total(progress);
  if (rank != 0) return session.serve();

  examiner->take_the_rest((outputs + 1) * session.size());
  std::printf("%d x %d points, %d steps on %d ranks: %.4f of the heat is left\n", points, points,
              steps, session.size(), left / heat);
  examiner->print();
  print_log(log_file);
  std::fflush(stdout);
}

template <class Action>
int guarded(Action action) {
  try {
    action();
    return 0;
  } catch (const std::exception& error) {  // C and Fortran know no exceptions
    std::cerr << "heat: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace

int heat_prepare() {
  return guarded([] { mpx::prepare(); });
}

int heat_solve(MPI_Fint communicator, int points, int steps, const char* log_file) {
  return guarded([&] {
    if (points < 2 || steps < outputs || steps % outputs != 0)
      throw std::invalid_argument("points must be 2 or more, steps a multiple of " +
                                  std::to_string(outputs));
    solve(MPI_Comm_f2c(communicator), points, steps, log_file);
  });
}
