#include "transport/mpi_library.hpp"

#include <mpi.h>

#include <array>
#include <boost/mpi/collectives.hpp>
#include <boost/mpi/communicator.hpp>
#include <boost/mpi/environment.hpp>
#include <boost/serialization/string.hpp>
#include <boost/serialization/vector.hpp>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <utility>

#include "mpx/error.hpp"
#include "transport/host_mpi.hpp"
#include "transport/mca_defaults.hpp"
#include "transport/mpi_check.hpp"
#include "transport/mpi_transport.hpp"
#include "transport/shared_memory.hpp"
#include "transport/words_factory.hpp"

namespace mpx::detail {
namespace {

namespace mpi = boost::mpi;

}  // namespace

class MpiLibrary::Environment {
 public:
  Environment(int& argc, char**& argv) : environment_(argc, argv, mpi::threading::serialized) {}

 private:
  mpi::environment environment_;
};

MpiLibrary::MpiLibrary(int& argc, char**& argv) : launched_(started_by_launcher()) {
  if (mpi::environment::initialized())
    throw UsageError(
        "mpx::run initialises MPI itself, but it is initialised already: "
        "in an MPI program use mpx::Session");
  set_mca_defaults(mpi_version(), launched_);
  explain_bus_errors();
  try {
    environment_ = std::make_unique<Environment>(argc, argv);
  } catch (const mpi::exception& error) {
    throw LaunchError(std::string("MPI could not be initialised: ") + error.what());
  }
  if (mpi::environment::thread_level() < mpi::threading::serialized)
    throw LaunchError("libmpx needs MPI_THREAD_SERIALIZED, which this MPI does not give: " +
                      mpi_version());
}

MpiLibrary::~MpiLibrary() = default;

struct MpiSession::Communicator {
  explicit Communicator(MPI_Comm host) {
    // A split and not a duplicate: a duplicate would call the host's attribute copy functions and
    // take over its hints, of which mpi_assert_allow_overtaking would break our order of frames.
    int rank = 0;
    check(MPI_Comm_rank(host, &rank), "MPI_Comm_rank");
    check(MPI_Comm_split(host, 0, rank, &handle), "MPI_Comm_split");
    check(MPI_Comm_set_errhandler(handle, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    boost = mpi::communicator(handle, mpi::comm_attach);
  }
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  ~Communicator() {
    if (handle != MPI_COMM_NULL && !mpi::environment::finalized()) MPI_Comm_free(&handle);
  }

  MPI_Comm handle = MPI_COMM_NULL;
  mpi::communicator boost;
  bool own_mpi = false;  // libmpx initialised MPI
};

MpiSession::MpiSession(const MpiLibrary&)
    : MpiSession(std::make_unique<Communicator>(MPI_COMM_WORLD)) {
  communicator_->own_mpi = true;
}

MpiSession::MpiSession(std::unique_ptr<Communicator> communicator)
    : communicator_(std::move(communicator)) {}

bool MpiSession::mpi_is_initialised() { return mpi::environment::initialized(); }
bool MpiSession::mpi_is_finalised() { return mpi::environment::finalized(); }

void MpiSession::check_settings() { check_words_settings(); }

MpiSession MpiSession::adopt(int fortran_handle, std::chrono::seconds patience,
                             const std::string& note) {
  int main_thread = 0;
  check(MPI_Is_thread_main(&main_thread), "MPI_Is_thread_main");
  if (mpi::environment::thread_level() < mpi::threading::serialized && main_thread == 0)
    throw UsageError(
        "a Session is made by another thread than the one that initialised MPI, which "
        "gives less than MPI_THREAD_SERIALIZED");
  const MPI_Comm host = MPI_Comm_f2c(fortran_handle);
  if (host == MPI_COMM_NULL) throw UsageError("a Session is made on MPI_COMM_NULL");
  int inter = 0;
  check(MPI_Comm_test_inter(host, &inter), "MPI_Comm_test_inter");
  if (inter != 0) throw UsageError("a Session is made on an intercommunicator");
  await_ranks(fortran_handle, patience, note);
  return MpiSession(std::make_unique<Communicator>(host));
}

MpiSession::MpiSession(MpiSession&&) noexcept = default;
MpiSession::~MpiSession() = default;

int MpiSession::rank() const { return communicator_->boost.rank(); }
int MpiSession::size() const { return communicator_->boost.size(); }

bool MpiSession::serialized() const {
  return mpi::environment::thread_level() >= mpi::threading::serialized;
}

std::vector<std::string> MpiSession::all_gather(const std::string& text) const {
  try {
    std::vector<std::string> texts;
    mpi::all_gather(communicator_->boost, text, texts);
    return texts;
  } catch (const mpi::exception& error) {
    throw TransportError(error.what());
  }
}

void MpiSession::barrier() const { check(MPI_Barrier(communicator_->handle), "MPI_Barrier"); }

std::unique_ptr<Transport> MpiSession::make_transport() const {
  return std::make_unique<MpiTransport>(communicator_->handle);
}

std::unique_ptr<Words> MpiSession::make_words() const {
  return make_words_by(communicator_->handle, communicator_->own_mpi, all_gather(words_facts()));
}

void MpiSession::abort(int status) const {
  MPI_Abort(communicator_->handle, status);
  std::_Exit(status);
}

}  // namespace mpx::detail
