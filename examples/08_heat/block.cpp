#include "block.hpp"

#include <cmath>
#include <numbers>
#include <thread>

namespace {

void wait_for_all(MPI_Request* requests, int count, const Block::WhileWaiting& while_waiting) {
  for (int done = 0; done == 0;) {
    MPI_Testall(count, requests, &done, MPI_STATUSES_IGNORE);
    while_waiting();
    std::this_thread::yield();
  }
}

}  // namespace

Block::Block(MPI_Comm communicator, int points) {
  int size = 0;
  int rank = 0;
  MPI_Comm_size(communicator, &size);
  std::array<int, 2> ranks{};
  MPI_Dims_create(size, 2, ranks.data());
  const std::array<int, 2> periodic{};
  MPI_Cart_create(communicator, 2, ranks.data(), periodic.data(), 0, &grid_);
  MPI_Comm_rank(grid_, &rank);
  std::array<int, 2> place{};
  MPI_Cart_coords(grid_, rank, 2, place.data());
  for (const std::size_t axis : {0, 1}) {
    first_[axis] = points * place[axis] / ranks[axis];
    extent_[axis] = points * (place[axis] + 1) / ranks[axis] - first_[axis];
  }
  now_.assign((extent_[0] + 2UL) * (extent_[1] + 2UL), 0);
  next_ = now_;
  MPI_Type_vector(extent_[0], 1, extent_[1] + 2, MPI_DOUBLE, &column_);
  MPI_Type_commit(&column_);

  const double h = 1.0 / (points + 1);
  for (int row = 1; row <= height(); ++row) {
    for (int column = 1; column <= width(); ++column) {
      at(row, column) = std::sin(std::numbers::pi * h * (top() + row)) *
                        std::sin(std::numbers::pi * h * (left() + column));
    }
  }
}

Block::~Block() {
  MPI_Type_free(&column_);
  MPI_Comm_free(&grid_);
}

double& Block::at(int row, int column) {
  return now_[static_cast<std::size_t>(row) * (extent_[1] + 2UL) +
              static_cast<std::size_t>(column)];
}

void Block::exchange_halos(const WhileWaiting& while_waiting) {
  int above = 0, below = 0, before = 0, behind = 0;
  MPI_Cart_shift(grid_, 0, 1, &above, &below);
  MPI_Cart_shift(grid_, 1, 1, &before, &behind);
  // A tag names the direction in which a message goes.
  enum : int { up, down, leftwards, rightwards };
  std::array<MPI_Request, 8> requests{};
  MPI_Request* next = requests.data();
  const int h = height(), w = width();
  MPI_Irecv(&at(0, 1), w, MPI_DOUBLE, above, down, grid_, next++);
  MPI_Irecv(&at(h + 1, 1), w, MPI_DOUBLE, below, up, grid_, next++);
  MPI_Irecv(&at(1, 0), 1, column_, before, rightwards, grid_, next++);
  MPI_Irecv(&at(1, w + 1), 1, column_, behind, leftwards, grid_, next++);
  MPI_Isend(&at(1, 1), w, MPI_DOUBLE, above, up, grid_, next++);
  MPI_Isend(&at(h, 1), w, MPI_DOUBLE, below, down, grid_, next++);
  MPI_Isend(&at(1, 1), 1, column_, before, leftwards, grid_, next++);
  MPI_Isend(&at(1, w), 1, column_, behind, rightwards, grid_, next++);
  wait_for_all(requests.data(), static_cast<int>(requests.size()), while_waiting);
}

void Block::advance(const WhileWaiting& while_waiting) {
  exchange_halos(while_waiting);
  for (int row = 1; row <= height(); ++row) {
    for (int column = 1; column <= width(); ++column) {
      const double here = at(row, column);
      const double around =
          at(row - 1, column) + at(row + 1, column) + at(row, column - 1) + at(row, column + 1);
      next_[static_cast<std::size_t>(&at(row, column) - now_.data())] =
          here + step_ratio * (around - 4 * here);
    }
  }
  now_.swap(next_);
}

double Block::total(const WhileWaiting& while_waiting) const {
  double sum = 0;
  for (const double value : values()) sum += value;
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Iallreduce(MPI_IN_PLACE, &sum, 1, MPI_DOUBLE, MPI_SUM, grid_, &request);
  wait_for_all(&request, 1, while_waiting);
  return sum;
}

std::vector<double> Block::values() const {
  std::vector<double> values;
  const auto stride = extent_[1] + 2L;
  for (long row = 1; row <= extent_[0]; ++row) {
    const auto from = now_.begin() + row * stride + 1;
    values.insert(values.end(), from, from + extent_[1]);
  }
  return values;
}
