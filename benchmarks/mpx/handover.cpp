// The ranks of a Session take and give back one Lock for a fixed time.
#include <mpi.h>

#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>
#include <utility>

#include "common/turns.hpp"

int main(int argc, char** argv) {
  int provided = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &provided);
  {
    mpx::Session session(MPI_COMM_WORLD);
    const int others = session.size() - 1;
    const mpx::Queue<std::pair<mpx::Lock, mpx::Barrier>> objects(mpx::named("objects"));
    const mpx::Queue<std::int64_t> counts(mpx::named("counts"));
    const auto time = bench::turns_time(bench::quick(argc, argv));
    const auto take_part = [&](const mpx::Lock& lock, const mpx::Barrier& start) {
      start.wait();
      return bench::take_turns(time, [&] {
        lock.lock();
        lock.unlock();
      });
    };
    if (session.rank() == 0) {
      const mpx::Lock lock;
      const mpx::Barrier start(static_cast<std::size_t>(session.size()));
      for (int i = 0; i < others; ++i) objects.put({lock, start});
      std::vector<std::int64_t> turns{take_part(lock, start)};
      for (int i = 0; i < others; ++i) turns.push_back(counts.get());
      bench::emit_turns("handover", "mpx", turns, time);
    } else {
      const auto [lock, start] = objects.get();
      counts.put(take_part(lock, start));
    }
  }
  MPI_Finalize();
}
