#pragma once

#include <mpi.h>

#include <array>
#include <functional>
#include <vector>

/// One rank's block of the grid, with a halo of one point around it: the solver, in plain MPI.
class Block {
 public:
  using WhileWaiting = std::function<void()>;

  /// Collective. `points` are the inner points in each direction; the edge of the square is kept
  /// at 0.
  Block(MPI_Comm communicator, int points);
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
  ~Block();

  /// One step of the explicit Euler method. Collective. `while_waiting` is called over and over
  /// while MPI has to be waited for.
  void advance(const WhileWaiting& while_waiting);
  /// The sum over all points. Collective.
  [[nodiscard]] double total(const WhileWaiting& while_waiting) const;

  [[nodiscard]] int top() const { return first_[0]; }
  [[nodiscard]] int left() const { return first_[1]; }
  [[nodiscard]] int height() const { return extent_[0]; }
  [[nodiscard]] int width() const { return extent_[1]; }
  /// The points of the block, by rows, without the halo.
  [[nodiscard]] std::vector<double> values() const;

 private:
  void exchange_halos(const WhileWaiting& while_waiting);
  [[nodiscard]] double& at(int row, int column);

  MPI_Comm grid_ = MPI_COMM_NULL;
  MPI_Datatype column_ = MPI_DATATYPE_NULL;
  std::array<int, 2> first_{};   // of the grid: row, column
  std::array<int, 2> extent_{};  // rows, columns
  std::vector<double> now_, next_;
};

/// The share of the difference to its neighbours that a point takes over in a step: dt / h².
constexpr double step_ratio = 0.2;
