// Readers may read a page together, a writer must have it alone: a lock for readers and writers,
// made of one Condition and two numbers. Every page that a reader sees is whole.
//
//   mpx-run ./10_readers_writers

#include <algorithm>
#include <iostream>
#include <mpx/mpx.hpp>
#include <mutex>
#include <vector>

/// `lock_shared` and `unlock_shared` are for readers, as in std::shared_mutex.
struct SharedLock {
  mpx::Condition changed{mpx::Lock{}};
  mpx::Value<int> readers, writers;  // inside, or (writers) waiting to be

  void lock_shared() const {
    const std::unique_lock guard(changed);
    changed.wait([&] { return writers.load() == 0; });
    readers.store(readers.load() + 1);
  }
  void unlock_shared() const {
    const std::unique_lock guard(changed);
    readers.store(readers.load() - 1);
    if (readers.load() == 0) changed.notify_all();
  }
  void lock() const {
    const std::unique_lock guard(changed);
    changed.wait([&] { return writers.load() == 0; });
    writers.store(1);  // from now on no reader comes in
    changed.wait([&] { return readers.load() == 0; });
  }
  void unlock() const {
    const std::unique_lock guard(changed);
    writers.store(0);
    changed.notify_all();
  }

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& changed& readers& writers;
  }
};

constexpr std::size_t words = 50;
constexpr int rounds = 40;

void read_pages(const SharedLock& lock, const mpx::Array<int>& page, const mpx::Value<int>& whole) {
  for (int i = 0; i < rounds; ++i) {
    lock.lock_shared();
    std::vector<int> seen(words);
    for (std::size_t word = 0; word < words; word += 10)  // in parts, as it might be
      page.read(word, std::span(seen).subspan(word, 10));
    lock.unlock_shared();
    if (std::ranges::count(seen, seen[0]) == words) whole.fetch_add(1);
  }
}

void write_pages(const SharedLock& lock, const mpx::Array<int>& page, int writer) {
  for (int i = 0; i < rounds; ++i) {
    const std::scoped_lock guard(lock);
    const std::vector<int> part(10, writer * rounds + i);
    for (std::size_t word = 0; word < words; word += 10) page.write(word, part);
  }
}

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [] {
    const SharedLock lock;
    const mpx::Array<int> page(words);
    const mpx::Value<int> whole(0);
    std::vector<mpx::Process> processes;
    for (int i = 0; i < 3; ++i) processes.emplace_back(read_pages, lock, page, whole);
    for (int i = 0; i < 2; ++i) processes.emplace_back(write_pages, lock, page, i);
    for (const auto& process : processes) process.start();
    for (const auto& process : processes) process.join();
    std::cout << whole.load() << " of " << 3 * rounds << " pages were whole\n";
  });
}
