#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "endpoint/direct_link.hpp"
#include "transport/mpi_library.hpp"

namespace mpx::detail {

/// Who waits that long for other ranks at the end says so, once.
constexpr std::chrono::seconds kPatience{10};

/// One rank's share of a job: transport, words, runtime and the client of the code inside the rank.
class Job {
 public:
  /// Collective. Throws LaunchError on every rank if the ranks do not fit together.
  /// `spawner` is taken only if that succeeds; a rank without one starts no processes.
  Job(const MpiSession& session, std::unique_ptr<Spawner>&& spawner);
  /// Throws LaunchError or UsageError if a variable of the environment is wrong: where that may be
  /// so on some ranks only, to be called before the others rely on this one.
  static void check_settings();
  ~Job();
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  [[nodiscard]] Runtime& runtime() { return *runtime_; }
  [[nodiscard]] const std::shared_ptr<Client>& client() { return client_; }
  [[nodiscard]] int rank() const { return transport_->rank(); }
  [[nodiscard]] int size() const { return transport_->size(); }

  /// Drives in the background from now on, while the rank's own code computes.
  void start_background();
  /// Drives until rank 0 ends the job.
  void serve();
  /// Ends the daemons of the code inside the rank and joins its other processes.
  void await_children();
  /// Rank 0: as await_children(), and ends all other processes and the ranks' service.
  void finish();
  /// After serve() or finish(), collective: what is still on its way is taken in and dropped.
  void drain() { transport_->drain(); }
  /// What was given as `spawner`, for another Job.
  std::unique_ptr<Spawner> release_spawner() { return runtime_->release_spawner(); }
  /// Other threads of this rank get UsageError from now on.
  void keep_to_this_thread() { link_->keep_to_this_thread(); }

 private:
  const MpiSession& session_;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<Words> words_;
  std::shared_ptr<Client> client_;
  std::unique_ptr<Runtime> runtime_;
  std::unique_ptr<DirectLink> link_;
  std::unique_ptr<Background> background_;
};

}  // namespace mpx::detail
