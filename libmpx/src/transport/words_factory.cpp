#include "transport/words_factory.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "mpx/error.hpp"
#include "transport/local_words.hpp"
#include "transport/mca_defaults.hpp"
#include "transport/mpi_check.hpp"
#include "transport/window_words.hpp"
#include "transport/words_carrier.hpp"

namespace mpx::detail {
namespace {

constexpr char kEnd = '\0';  // of each part of the facts; no environment variable has one

/// Components of MPI for windows between nodes; of Open MPI 4's, the compare-and-swap of the third
/// one, osc/rdma, crashes.
struct Components {
  int ucx = 0, works = 0;  // 0 or 1: has the one that uses hardware's atomics; has one that works
};

/// Collective: what all ranks have. MPI loads all components for the question, which takes 0.2 s:
/// only for those who need to know.
Components components(MPI_Comm communicator) {
  Components all;
  int provided = 0, index = 0;
  if (MPI_T_init_thread(MPI_THREAD_SINGLE, &provided) == MPI_SUCCESS) {
    // A component that is there has registered its variables.
    const auto has = [&](const char* variable) {
      return MPI_T_cvar_get_index(variable, &index) == MPI_SUCCESS ? 1 : 0;
    };
    all.ucx = has("osc_ucx_priority");
    all.works = all.ucx | has("osc_pt2pt_no_locks");
    MPI_T_finalize();
  }
  if (mpi_version().rfind("Open MPI v4.", 0) != 0) all.works = 1;
  check(MPI_Allreduce(MPI_IN_PLACE, &all, 2, MPI_INT, MPI_MIN, communicator), "MPI_Allreduce");
  return all;
}

std::string setting(const char* variable) {
  const char* text = std::getenv(variable);
  return text != nullptr ? text : "";
}

/// The facts of all ranks, part by part.
struct Facts {
  std::vector<std::string> carriers, capacities;
  bool infiniband = true;

  explicit Facts(const std::vector<std::string>& texts) {
    for (const std::string_view text : texts) {
      const auto first = text.find(kEnd);
      const auto second = text.find(kEnd, first + 1);
      carriers.emplace_back(text.substr(0, first));
      capacities.emplace_back(text.substr(first + 1, second - first - 1));
      infiniband &= second + 1 < text.size();
    }
  }
};

/// Throws on every rank: TransportError if MPI cannot make the window.
std::unique_ptr<Words> make(Carrier carrier, MPI_Comm communicator, const Places& places,
                            std::uint32_t capacity) {
  if (carrier == Carrier::messages) {
    int rank = 0;
    check(MPI_Comm_rank(communicator, &rank), "MPI_Comm_rank");
    return std::make_unique<LocalWords>(rank, capacity);
  }
  const auto over = carrier == Carrier::window ? WindowWords::Over::all : WindowWords::Over::node;
  return std::make_unique<WindowWords>(communicator, places, over, capacity);
}

[[noreturn]] void no_window(const std::string& reason) {
  throw LaunchError(
      "MPX_WORDS=window: " + reason +
      "; with Open MPI 4, OMPI_MCA_osc=sm,pt2pt lets MPI have one over any network, at "
      "MPI_THREAD_SERIALIZED or less; or leave MPX_WORDS out");
}

}  // namespace

void check_words_settings() {
  static_cast<void>(parse_carrier(setting("MPX_WORDS")));
  static_cast<void>(parse_words_per_rank(setting("MPX_WORDS_PER_RANK")));
}

std::string words_facts() {
  std::string text = setting("MPX_WORDS") + kEnd + setting("MPX_WORDS_PER_RANK") + kEnd;
  return has_infiniband() ? text + "InfiniBand" : text;
}

std::unique_ptr<Words> make_words_by(MPI_Comm communicator, bool own_mpi,
                                     const std::vector<std::string>& texts) {
  const Places places(communicator);
  const Facts facts(texts);
  std::vector<std::string> hosts;
  for (int rank = 0; rank < places.size(); ++rank) hosts.push_back(places.host(rank));
  CarrierFacts known;
  known.forced = parse_carrier(agreed_value("MPX_WORDS", facts.carriers, hosts));
  known.nodes = places.nodes();
  known.own_mpi = own_mpi;
  known.infiniband = facts.infiniband;
  const auto capacity =
      parse_words_per_rank(agreed_value("MPX_WORDS_PER_RANK", facts.capacities, hosts));
  const bool forced = known.forced == Carrier::window;
  if (known.nodes > 1 && (forced || (own_mpi && known.infiniband && !known.forced))) {
    const auto there = components(communicator);
    known.atomics = there.ucx == 1;
    if (forced && there.works == 0)
      no_window("MPI has no component for windows between nodes that works");
  }

  std::unique_ptr<Words> words;
  try {
    words = make(choose_carrier(known), communicator, places, capacity);
  } catch (const TransportError& error) {
    if (forced) no_window(error.what());
    if (choose_carrier(known) != Carrier::window || known.nodes == 1)
      throw LaunchError(std::string(error.what()) + ": " + std::to_string(capacity) +
                        " words of 64 bytes a rank were asked for (MPX_WORDS_PER_RANK)");
    known.window_failed = true;
    words = make(choose_carrier(known), communicator, places, capacity);
  }
  words->set_carrier(describe_carrier(choose_carrier(known), known));
  return words;
}

}  // namespace mpx::detail
