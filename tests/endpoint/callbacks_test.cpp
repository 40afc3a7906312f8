#include <gtest/gtest.h>

#include <atomic>
#include <memory>

#include "support/memory_job.hpp"

namespace mpx::detail {
namespace {

using namespace std::chrono_literals;
using Flag = std::shared_ptr<std::atomic<bool>>;

/// Waits outside of libmpx.
bool comes(const Flag& flag) {
  const auto limit = Deadline::after(20s);
  while (!*flag) {
    if (limit.passed()) return false;
    std::this_thread::yield();
  }
  return true;
}

ObjectId new_queue(Client& client, int home) {
  const auto id = client.placement().new_object(home);
  client.calls().call(
      Kind::create, id,
      {Packer::pack(ObjectKind::queue, std::uint64_t{0}, std::uint64_t{1} << 20), {}});
  return id;
}

TEST(Callbacks, RunAlsoIfNoThreadOfTheProgramWaits) {
  MemoryJob job(1);
  job.as(0, [] {
    const auto client = Client::current();
    for (int round = 0; round < 20; ++round) {
      std::this_thread::sleep_for(1ms);  // the background thread sleeps again, most likely
      const auto ran = std::make_shared<std::atomic<bool>>(false);
      {
        const ClientLock guard(client->mutex());
        client->tasks().run_soon([ran] { *ran = true; });
      }
      ASSERT_TRUE(comes(ran));
    }
  });
}

// The answer that sets the callback off is there before the thread leaves, and taken in as it does.
TEST(Callbacks, RunAlsoIfTheyComeInAsAThreadEndsItsWait) {
  MemoryJob job(2);
  job.as(0, [] {
    const auto client = Client::current();
    const auto id = new_queue(*client, 1);
    for (int round = 0; round < 50; ++round) {
      const auto ran = std::make_shared<std::atomic<bool>>(false);
      ClientLock lock(client->mutex());
      bool done = false;
      client->calls().post_call(Kind::queue_info, id, {}, [&](const Reply&) {
        done = true;
        client->calls().post_call(Kind::queue_info, id, {}, [&client = *client, ran](const Reply&) {
          client.tasks().run_soon([ran] { *ran = true; });
        });
      });
      client->waits().wait(Deadline::never(), {}, [&] {
        if (done) std::this_thread::sleep_for(1ms);
        return done;
      });
      lock.unlock();
      ASSERT_TRUE(comes(ran)) << "in round " << round;
    }
  });
}

}  // namespace
}  // namespace mpx::detail
