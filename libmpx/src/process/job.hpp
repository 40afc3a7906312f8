#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "endpoint/direct_link.hpp"
#include "transport/mpi_library.hpp"

namespace mpx::detail {

/// One rank's share of a job: transport, words, runtime and the client of the code inside the rank.
class Job {
 public:
  /// Collective. Throws LaunchError on every rank if the ranks do not fit together.
  Job(const MpiSession& session, std::optional<Template> forker);
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
  /// Rank 0: joins the processes of the code inside the rank, and ends all others and the ranks'
  /// service.
  void finish();

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
