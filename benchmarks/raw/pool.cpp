// A manager that hands out one 8-byte task a message, two ahead for each worker: the classic
// self-scheduling loop that HPC codes write by hand.
#include <mpi.h>

#include <vector>

#include "common/bench.hpp"

namespace {

constexpr int kTask = 0;
constexpr int kStop = 1;
constexpr int kAhead = 2;

double manage(long tasks, int workers) {
  return bench::seconds([&] {
    long sent = 0;
    const auto send = [&](int worker) {
      const double argument = static_cast<double>(sent++);
      MPI_Send(&argument, 1, MPI_DOUBLE, worker, kTask, MPI_COMM_WORLD);
    };
    for (int ahead = 0; ahead < kAhead; ++ahead) {
      for (int worker = 1; worker <= workers && sent < tasks; ++worker) send(worker);
    }
    for (long done = 0; done < tasks; ++done) {
      double result = 0;
      MPI_Status status;
      MPI_Recv(&result, 1, MPI_DOUBLE, MPI_ANY_SOURCE, kTask, MPI_COMM_WORLD, &status);
      if (sent < tasks) send(status.MPI_SOURCE);
    }
  });
}

void work() {
  while (true) {
    double value = 0;
    MPI_Status status;
    MPI_Recv(&value, 1, MPI_DOUBLE, 0, MPI_ANY_TAG, MPI_COMM_WORLD, &status);
    if (status.MPI_TAG == kStop) return;
    MPI_Send(&value, 1, MPI_DOUBLE, 0, kTask, MPI_COMM_WORLD);
  }
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  int ranks = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  if (rank == 0) {
    const long tasks = bench::quick(argc, argv) ? 50 : 100000;
    std::vector<double> times;
    for (int i = 0; i < 3; ++i) times.push_back(manage(tasks, ranks - 1));
    const double rate = static_cast<double>(tasks) / bench::median(times);
    bench::emit("pool", "raw", 1, "throughput", "1/s", rate);
    for (int worker = 1; worker < ranks; ++worker) {
      MPI_Send(nullptr, 0, MPI_DOUBLE, worker, kStop, MPI_COMM_WORLD);
    }
  } else {
    work();
  }
  MPI_Finalize();
}
