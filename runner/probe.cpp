// mpx-probe: what mpx-run --doctor starts on the nodes. It says on stdout what it finds and, before
// each step that may crash or hang, which one comes.
//
//   mpx-probe node MARKER HOST…   facts of this node, without MPI being initialised
//   mpx-probe mpi                 thread level, messages and one-sided communication of bare MPI
//   mpx-probe words N             libmpx itself: values counted up by processes of all ranks

#include <dlfcn.h>
#include <fmt/format.h>
#include <mpi.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mpx/mpx.hpp>
#include <string>
#include <vector>

#include "mpx/detail/modules.hpp"
#include "node_facts.hpp"
#include "transport/mca_defaults.hpp"

namespace {

void say(const std::string& line) {
  std::fputs((line + "\n").c_str(), stdout);
  std::fflush(stdout);
}

std::string mpi_library() {
  char text[MPI_MAX_LIBRARY_VERSION_STRING + 1] = {};
  int length = 0;
  MPI_Get_library_version(text, &length);
  const std::string whole(text);
  return whole.substr(0, whole.find_first_of(",\n"));
}

// Of the module that holds libmpx: this program, where it is static.
std::string build_of_libmpx() {
  Dl_info where{};
  if (::dladdr(reinterpret_cast<const void*>(&mpx::detail::modules), &where) == 0) return "";
  for (const auto& module : mpx::detail::modules()) {
    const char* name = std::strrchr(where.dli_fname, '/');
    if (module.path.ends_with(name != nullptr ? name : where.dli_fname)) return module.build_id;
  }
  return mpx::detail::modules().front().build_id;
}

int probe_node(const std::vector<std::string>& arguments) {
  const std::string marker = arguments.empty() ? "" : arguments.front();
  auto facts = mpx::runner::gather_node_facts(
      {arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end()}, marker);
  facts.build = build_of_libmpx();
  const std::string line = mpx::runner::to_line(facts);
  return ::write(1, line.data(), line.size()) == static_cast<ssize_t>(line.size()) ? 0 : 1;
}

// Rank 0 speaks for all; the others do the same.
class MpiProbe {
 public:
  int run() {
    step("MPI_Init");
    mpx::detail::set_mca_defaults(mpi_library(), mpx::detail::started_by_launcher());
    int level = MPI_THREAD_SINGLE;
    if (MPI_Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &level) != MPI_SUCCESS) return 1;
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &size_);
    tell("library", mpi_library());
    tell("built",
         fmt::format("{}.{}.{}", OMPI_MAJOR_VERSION, OMPI_MINOR_VERSION, OMPI_RELEASE_VERSION));
    tell("threads", std::to_string(level));
    tell("ranks", std::to_string(size_));
    const bool fine = messages() && one_sided();
    step("MPI_Finalize");
    if (fine) MPI_Finalize();
    return fine ? 0 : 1;
  }

 private:
  void step(const std::string& name) {
    if (rank_ == 0) say("step " + name);
  }
  void tell(const std::string& key, const std::string& value) {
    if (rank_ == 0) say(key + " " + value);
  }

  // Whether all ranks succeeded; any of them says why not.
  bool good(int code, const char* call) {
    if (code != MPI_SUCCESS) {
      char text[MPI_MAX_ERROR_STRING + 1] = {};
      int length = 0;
      MPI_Error_string(code, text, &length);
      say(fmt::format("failed {}: {}", call, text));
    }
    return code == MPI_SUCCESS;
  }

  bool messages() {
    step("messages");
    std::vector<char> data(1 << 20);
    bool fine = true;
    for (int other = 1; fine && other < size_; ++other) {
      if (rank_ != 0 && rank_ != other) continue;
      const int peer = rank_ == 0 ? other : 0;
      const int size = static_cast<int>(data.size());
      fine = good(MPI_Sendrecv_replace(data.data(), size, MPI_CHAR, peer, 0, peer, 0,
                                       MPI_COMM_WORLD, MPI_STATUS_IGNORE),
                  "MPI_Sendrecv");
    }
    if (fine) tell("messages", "fine");
    return fine;
  }

  bool one_node() {
    MPI_Comm node = MPI_COMM_NULL;
    int here = 0;
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, &here);
    MPI_Comm_free(&node);
    int one = here == size_ ? 1 : 0;
    MPI_Allreduce(MPI_IN_PLACE, &one, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    return one == 1;
  }

  // A window as libmpx makes it, and every rank's operations on every other's word.
  bool one_sided() {
    const bool shared = one_node();
    const char* make = shared ? "MPI_Win_allocate_shared" : "MPI_Win_allocate";
    step(make);
    std::uint64_t* word = nullptr;
    MPI_Win window = MPI_WIN_NULL;
    const int made = (shared ? MPI_Win_allocate_shared : MPI_Win_allocate)(
        64, 64, MPI_INFO_NULL, MPI_COMM_WORLD, &word, &window);
    if (!good(made, make)) return false;
    char name[MPI_MAX_OBJECT_NAME + 1] = {};
    int length = 0;
    MPI_Win_get_name(window, name, &length);
    const std::string first = std::string(name).substr(0, std::string(name).find(' '));
    tell("component", first.empty() && shared ? "sm" : first);  // sm gives no name
    MPI_Win_set_errhandler(window, MPI_ERRORS_RETURN);
    *word = 0;
    MPI_Win_lock_all(MPI_MODE_NOCHECK, window);
    MPI_Win_sync(window);
    MPI_Barrier(MPI_COMM_WORLD);
    bool fine = operate(window);
    MPI_Win_unlock_all(window);
    if (fine) tell("one-sided", "fine");
    MPI_Win_free(&window);
    return fine;
  }

  bool operate(MPI_Win window) {
    const std::uint64_t one = 1;
    std::uint64_t before = 0;
    step("MPI_Fetch_and_op");
    for (int home = 0; home < size_; ++home) {
      if (!good(MPI_Fetch_and_op(&one, &before, MPI_UINT64_T, home, 0, MPI_SUM, window),
                "MPI_Fetch_and_op") ||
          !good(MPI_Win_flush(home, window), "MPI_Win_flush")) {
        return false;
      }
    }
    MPI_Barrier(MPI_COMM_WORLD);
    step("MPI_Compare_and_swap");
    const auto all = static_cast<std::uint64_t>(size_);
    for (int home = 0; home < size_; ++home) {
      const std::uint64_t next = all;
      if (!good(MPI_Compare_and_swap(&next, &all, &before, MPI_UINT64_T, home, 0, window),
                "MPI_Compare_and_swap") ||
          !good(MPI_Win_flush(home, window), "MPI_Win_flush")) {
        return false;
      }
      if (before != all) {
        say(fmt::format("failed one-sided: the word of rank {} is {} and not {}", home, before,
                        all));
        return false;
      }
    }
    MPI_Barrier(MPI_COMM_WORLD);
    return true;
  }

  int rank_ = 0;
  int size_ = 1;
};

constexpr long kTimes = 50;

// Counts up a value of rank 0, and makes one here for rank 0 to count up.
void count_up(mpx::Value<long> far, mpx::Queue<mpx::Value<long>> values, mpx::Queue<int> done) {
  for (long i = 0; i < kTimes; ++i) far.fetch_add(1);
  const mpx::Value<long> near(0);
  values.put(near);
  static_cast<void>(done.get());
  if (near.load() != kTimes) mpx::exit(1);
}

void probe_words(int workers) {
  say("step libmpx");
  const mpx::Value<long> total(0);
  mpx::Queue<mpx::Value<long>> values;
  mpx::Queue<int> done;
  std::vector<mpx::Process> processes;
  for (int rank = 1; rank <= workers; ++rank) {
    processes.emplace_back(mpx::ProcessOptions{.rank = mpx::Rank(rank)}, count_up, total, values,
                           done);
    processes.back().start();
  }
  for (int i = 0; i < workers; ++i) {
    auto value = values.get();
    for (long n = 0; n < kTimes; ++n) value.fetch_add(1);
  }
  for (int i = 0; i < workers; ++i) done.put(i);
  bool fine = total.load() == workers * kTimes;
  for (auto& process : processes) {
    process.join();
    fine = fine && process.exit_code() == 0;
  }
  if (!fine) {
    say(fmt::format("failed libmpx: {} counted, not {}", total.load(), workers * kTimes));
    mpx::exit(1);
  }
  say("words fine");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "node") return probe_node({argv + 2, argv + argc});
  if (mode == "mpi") return MpiProbe().run();
  if (mode == "words" && argc > 2) {
    return mpx::run(argc, argv, [=] { probe_words(std::atoi(argv[2])); });
  }
  std::fputs("mpx-probe is a part of mpx-run --doctor\n", stderr);
  return 2;
}
