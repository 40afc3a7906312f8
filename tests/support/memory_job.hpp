#pragma once

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "endpoint/direct_link.hpp"
#include "mpx/mpx.hpp"
#include "support/thread_spawner.hpp"
#include "transport/memory_transport.hpp"
#include "transport/memory_words.hpp"

namespace mpx::detail {

/// A job in one process: ranks on a MemoryNetwork, each with its runtime and the client of its
/// code. With `processes`, so many slots for each rank, it starts processes, which are threads
/// (ThreadSpawner). Ranks reach the words of those on the same of `hosts` (none: all),
/// and ask the others for theirs.
class MemoryJob {
 public:
  explicit MemoryJob(int size, NetworkFaults faults = {}, std::uint32_t words_per_rank = 1024,
                     std::vector<std::string> hosts = {}, std::size_t processes = 0)
      : processes_(processes),
        network_(size, std::move(hosts), faults),
        space_(std::make_shared<MemoryWordSpace>(size, words_per_rank)) {
    for (int rank = 0; rank < size; ++rank)
      ranks_.push_back(std::make_unique<RankPart>(*this, rank));
  }
  MemoryJob(const MemoryJob&) = delete;
  MemoryJob& operator=(const MemoryJob&) = delete;
  ~MemoryJob() {
    for (auto& rank : ranks_) rank->client->end_waits();
    for (auto& rank : ranks_) rank->background.reset();
    for (auto& rank : ranks_) rank->client->detach();
  }

  [[nodiscard]] int size() const { return static_cast<int>(ranks_.size()); }
  [[nodiscard]] std::shared_ptr<Client> client(int rank) { return part(rank).client; }

  /// Runs `body(rank)` in a thread of each rank, `threads` of them, and rethrows what one of them
  /// throws.
  void run(const std::function<void(int)>& body, int threads = 1) {
    std::vector<std::thread> all;
    std::mutex mutex;
    std::exception_ptr trouble;
    for (int rank = 0; rank < size(); ++rank) {
      for (int thread = 0; thread < threads; ++thread) {
        all.emplace_back([&, rank] {
          Client::set_current_of_thread(part(rank).client);
          try {
            body(rank);
          } catch (...) {
            const std::lock_guard guard(mutex);
            if (!trouble) trouble = std::current_exception();
          }
          Client::set_current_of_thread(nullptr);
        });
      }
    }
    for (auto& thread : all) thread.join();
    if (trouble) std::rethrow_exception(trouble);
  }

  /// Runs `body` as the code of a rank in this thread.
  void as(int rank, const std::function<void()>& body) {
    Client::set_current_of_thread(part(rank).client);
    try {
      body();
    } catch (...) {
      Client::set_current_of_thread(nullptr);
      throw;
    }
    Client::set_current_of_thread(nullptr);
  }

  /// The rank does nothing from now on, for whoever asks its homes, as one that computes outside of
  /// libmpx; or it does again.
  void silence(int rank) { part(rank).background.reset(); }
  void wake(int rank) {
    auto& its = part(rank);
    its.background = std::make_unique<Background>(*its.client, *its.runtime, *its.link);
    its.runtime->interrupt();
  }

  /// Kills a process of that rank, if it has one, as from outside.
  void kill_one(int rank, std::mt19937& random) { part(rank).spawner->kill_one(random); }

  /// What ranks have sent to others.
  [[nodiscard]] Traffic traffic() const { return network_.traffic(); }

  /// Objects and words of all ranks that are in use.
  [[nodiscard]] std::size_t objects() {
    return sum([](RankPart& rank) { return rank.runtime->object_count(); });
  }
  [[nodiscard]] std::size_t words() {
    return sum([](RankPart& rank) { return std::size_t{rank.words.used()}; });
  }
  /// Waits until that is true; the ranks' background threads bring in what is under way.
  [[nodiscard]] bool settles(const std::function<bool()>& condition) const {
    const auto deadline = Deadline::after(std::chrono::seconds(20));
    while (!condition()) {
      if (deadline.passed()) return false;
      std::this_thread::yield();
    }
    return true;
  }

 private:
  struct RankPart {
    RankPart(MemoryJob& job, int rank)
        : transport(job.network_.transport(rank)), words(job.space_, rank, node_of(*transport)) {
      Identity self;
      self.id = ProcessId(rank, 0);
      self.name = "Rank-" + std::to_string(rank);
      self.host = "localhost";
      client = std::make_shared<Client>(self);
      Runtime::Options options;
      options.transport = transport.get();
      options.words = &words;
      for (int r = 0; rank == 0 && r < job.network_.size(); ++r)
        options.slots.push_back({"localhost", std::max<std::size_t>(job.processes_, 1), 0});
      if (job.processes_ != 0) {
        auto threads = std::make_unique<ThreadSpawner>();
        spawner = threads.get();
        options.spawner = std::move(threads);
        options.own_slots = ProcessSlots(0, job.processes_);
      }
      options.deliver_local = [to = client.get()](Frame&& frame) { to->deliver(std::move(frame)); };
      runtime = std::make_unique<Runtime>(std::move(options));
      link = std::make_unique<DirectLink>(*runtime);
      client->attach(link.get(), nullptr);
      background = std::make_unique<Background>(*client, *runtime, *link);
    }
    static std::vector<bool> node_of(const Transport& transport) {
      std::vector<bool> same;
      for (int r = 0; r < transport.size(); ++r) same.push_back(transport.same_node(r));
      return same;
    }
    std::unique_ptr<Transport> transport;
    MemoryWords words;
    std::shared_ptr<Client> client;
    std::unique_ptr<Runtime> runtime;
    std::unique_ptr<DirectLink> link;
    std::unique_ptr<Background> background;
    ThreadSpawner* spawner = nullptr;
  };

  RankPart& part(int rank) { return *ranks_[static_cast<std::size_t>(rank)]; }
  std::size_t sum(const std::function<std::size_t(RankPart&)>& of) {
    std::size_t all = 0;
    for (auto& rank : ranks_) {
      const ClientLock guard(rank->client->mutex());
      all += of(*rank);
    }
    return all;
  }

  std::size_t processes_;
  MemoryNetwork network_;
  std::shared_ptr<MemoryWordSpace> space_;
  std::vector<std::unique_ptr<RankPart>> ranks_;
};

/// What Calls::send does for the handles of a value.
inline void count_references(Payload& letter) {
  const auto client = Client::current();
  const ClientLock lock(client->mutex());
  for (auto& handle : letter.handles) {
    handle.counter = client->self().id;
    client->calls().post_locked(Kind::add_ref, handle.object, {}, 0, handle.counter.value());
  }
}

/// The handle, which rank `from` has, as each rank knows it. The bytes are carried by hand, as a start of a process does
/// it.
template <class T>
std::vector<T> handed_to_all(MemoryJob& job, const T& handle, int from = 0) {
  std::vector<Payload> letters;
  job.as(from, [&] {
    for (int rank = 0; rank < job.size(); ++rank) {
      letters.push_back(encode(handle));
      count_references(letters.back());
    }
  });
  std::vector<T> copies;
  for (int rank = 0; rank < job.size(); ++rank) {
    job.as(rank,
           [&] { copies.push_back(decode_value<T>(letters[static_cast<std::size_t>(rank)])); });
  }
  return copies;
}

template <class T>
T at(std::vector<T>& copies, int rank) {
  return copies[static_cast<std::size_t>(rank)];
}

}  // namespace mpx::detail
