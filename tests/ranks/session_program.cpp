// Sessions that go wrong, and programs that go wrong around them; session_survive_test.sh says what
// is expected. session_program MODE [LEVEL]
#include <mpi.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <mpx/mpi.hpp>
#include <mpx/mpx.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

int world_rank() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

/// Says what UsageError the making of a Session throws.
void make_session(MPI_Comm communicator) {
  try {
    const mpx::Session session(communicator);
    std::cout << "nothing was thrown\n";
  } catch (const mpx::UsageError& error) {
    std::cout << error.what() << std::endl;
  }
}

void throw_on_rank_1() {
  mpx::Session session(MPI_COMM_WORLD);
  if (session.rank() == 1) throw std::runtime_error("no input file");
  if (session.rank() != 0) return session.serve();
  mpx::Queue<int>().get();  // from rank 1, which will never put
}

void throw_in_scope() {
  try {
    throw_on_rank_1();
  } catch (const std::exception&) {
  }
  MPI_Finalize();
}

/// The Session is alive in MPI_Finalize, and used afterwards.
void outlive_everywhere() {
  mpx::Session session(MPI_COMM_WORLD);
  const mpx::Queue<int> queue;
  queue.put(1);
  MPI_Finalize();
  try {
    session.progress();
  } catch (const mpx::UsageError& error) {
    std::cout << error.what() << '\n';
  }
  try {
    queue.put(2);
  } catch (const mpx::UsageError& error) {
    std::cout << error.what() << '\n';
  }
}

/// … on the last rank only, while the others have ended theirs.
void outlive_on_one() {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  auto session = std::make_unique<mpx::Session>(MPI_COMM_WORLD);
  if (world_rank() != size - 1) session.reset();
  MPI_Finalize();
}

std::optional<mpx::Session> global_session;
std::map<std::string, mpx::Queue<std::string>> global_handles;

/// Objects that live until the program's end: their destructors find no Session and no MPI.
void globals() {
  {
    const mpx::Session session(MPI_COMM_WORLD);
    global_handles["used"].put("something");
    global_handles["got"].put("something");
    global_handles["got"].get();
  }
  global_session.emplace(MPI_COMM_WORLD);
  MPI_Finalize();
}

/// A Session that only rank 0 makes at first; the others come when it has said that it waits, which
/// session_survive_test.sh tells them by a file.
void come_late(const char* file) {
  if (world_rank() != 0)
    while (::access(file, F_OK) != 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  make_session(MPI_COMM_WORLD);
  MPI_Finalize();
}

/// Rank 1 ends its Session when the others have said that they wait for it.
void end_late(const char* file) {
  {
    mpx::Session session(MPI_COMM_WORLD);
    if (world_rank() == 1)
      while (::access(file, F_OK) != 0) session.progress();
  }
  std::cout << "ended\n";
  MPI_Finalize();
}

/// Rank 0 computes, and so serves nobody, until the others have said that they wait for it.
void compute_long(const char* file) {
  {
    const mpx::Session session(MPI_COMM_WORLD);
    if (world_rank() == 0)
      while (::access(file, F_OK) != 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    const mpx::Queue<int> queue(mpx::named("q"));
    queue.put(1);
    queue.get();
  }
  std::cout << "ended\n";
  MPI_Finalize();
}

/// Every rank but the last, which serves or computes, waits for an item that nobody puts.
void get_from_empty(bool compute, const char* file) {
  {
    mpx::Session session(MPI_COMM_WORLD);
    const mpx::Queue<int> queue(mpx::named("tiles"), {.home = 0});
    if (session.rank().number() + 1 < session.size()) {
      if (session.rank() == 0) std::cout << "pid " << ::getpid() << std::endl;
      queue.get();
    } else if (compute) {
      while (::access(file, F_OK) != 0) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      for (int i = 1; i < session.size(); ++i) queue.put(i);
    } else {
      session.serve();
    }
  }
  std::cout << "ended\n";
  MPI_Finalize();
}

/// A variable that is wrong on rank 1 only.
void bad_variable(const char* name) {
  if (world_rank() == 1) ::setenv(name, "many", 1);
  make_session(MPI_COMM_WORLD);
  ::unsetenv(name);
  make_session(MPI_COMM_WORLD);
  MPI_Finalize();
}

void other_thread() {
  std::thread([] { make_session(MPI_COMM_WORLD); }).join();
  make_session(MPI_COMM_WORLD);
  MPI_Finalize();
}

void no_communicator() {
  make_session(MPI_COMM_NULL);
  MPI_Comm half = MPI_COMM_NULL;
  MPI_Comm between = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, world_rank() % 2, 0, &half);
  MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, 1 - world_rank() % 2, 5, &between);
  make_session(between);
  MPI_Comm_free(&between);
  MPI_Comm_free(&half);
  MPI_Finalize();
  make_session(MPI_COMM_WORLD);
}

int session_in_run(int argc, char** argv) {
  return mpx::run(argc, argv, [] {
    make_session(MPI_COMM_WORLD);
    mpx::Process process([] { make_session(MPI_COMM_WORLD); });
    process.start();
    process.join();
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const std::string level = argc > 2 ? argv[2] : "";
  if (mode == "no-mpi") {
    make_session(MPI_COMM_WORLD);
    return 0;
  }
  if (mode == "run") return session_in_run(argc, argv);
  int provided = 0;
  MPI_Init_thread(&argc, &argv, level == "multiple" ? MPI_THREAD_MULTIPLE : MPI_THREAD_SINGLE,
                  &provided);
  if (mode == "throw") throw_in_scope();
  if (mode == "outlive") outlive_everywhere();
  if (mode == "outlive-one") outlive_on_one();
  if (mode == "globals") globals();
  if (mode == "late") come_late(argv[3]);
  if (mode == "end-late") end_late(argv[3]);
  if (mode == "compute") compute_long(argv[3]);
  if (mode == "stuck") get_from_empty(false, "");
  if (mode == "asked") get_from_empty(true, argv[3]);
  if (mode == "bad-variable") bad_variable(argv[3]);
  if (mode == "thread") other_thread();
  if (mode == "no-communicator") no_communicator();
}
