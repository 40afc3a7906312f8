// Tellers, each a process, transfer money between accounts; one of them is killed in the middle of a
// transfer. No money is lost or made.
//
// Each account has a lock. A teller takes both, writes down what is on them, moves the money, and
// strikes out both entries in one write. If it dies in between, its locks are `abandoned`: the next
// who gets one of them finds the open entry, and puts that account back as it was.
//
//   mpx-run ./09_bank

#include <algorithm>
#include <csignal>
#include <iostream>
#include <mpx/mpx.hpp>
#include <mutex>
#include <random>
#include <vector>

constexpr std::size_t accounts = 8, tellers = 4;
constexpr int transfers = 100;

struct Entry {  // what an account was before a transfer that is not done yet
  std::size_t account;
  long balance;
  bool open;
};

struct Bank {
  mpx::Array<long> balances{std::vector<long>(accounts, 1000)};
  std::vector<mpx::Lock> locks = std::vector<mpx::Lock>(accounts);
  mpx::Array<Entry> journal{2 * tellers};  // two entries for each teller

  template <class Archive>
  void serialize(Archive& archive, unsigned /*version*/) {
    archive& balances& locks& journal;
  }
};

/// Called with the lock of `account` held. Nobody else can have an open entry for it, so one that
/// is open is that of a dead teller.
void repair(const Bank& bank, std::size_t account) {
  if (!bank.locks[account].abandoned()) return;
  std::vector<Entry> entries(2 * tellers);
  bank.journal.read(0, entries);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!entries[i].open || entries[i].account != account) continue;
    bank.balances.store(account, entries[i].balance);
    bank.journal.store(i, {});
  }
  bank.locks[account].clear_abandoned();
}

void transfer(const Bank& bank, std::size_t teller, std::size_t from, std::size_t to, bool dies) {
  // The lower number first: so no two tellers ever wait for each other.
  const std::scoped_lock first(bank.locks[std::min(from, to)]);
  const std::scoped_lock second(bank.locks[std::max(from, to)]);
  repair(bank, from);
  repair(bank, to);

  const long had = bank.balances.load(from), has = bank.balances.load(to);
  const long amount = had / 3;
  bank.journal.write(2 * teller, std::vector<Entry>{{from, had, true}, {to, has, true}});
  bank.balances.store(from, had - amount);
  if (dies) ::raise(SIGKILL);  // the money is in nobody's hands
  bank.balances.store(to, has + amount);
  bank.journal.write(2 * teller, std::vector<Entry>(2));  // both in one write: it is done
}

void work(const Bank& bank, std::size_t teller) {
  std::mt19937 random(static_cast<unsigned>(teller));
  for (int i = 0; i < transfers; ++i) {
    const auto from = random() % accounts;
    const auto to = (from + 1 + random() % (accounts - 1)) % accounts;
    transfer(bank, teller, from, to, teller == 0 && i == transfers / 2);
  }
}

int main(int argc, char** argv) {
  return mpx::run(argc, argv, [] {
    const Bank bank;
    std::vector<mpx::Process> processes;
    for (std::size_t teller = 0; teller < tellers; ++teller) {
      processes.emplace_back(work, bank, teller);
      processes.back().start();
    }
    for (const auto& process : processes) process.join();
    std::cout << "the first teller ended with " << *processes[0].exit_code() << '\n';

    long total = 0;
    for (std::size_t account = 0; account < accounts; ++account) {
      const std::scoped_lock lock(bank.locks[account]);
      repair(bank, account);
      total += bank.balances.load(account);
    }
    std::cout << "all accounts together: " << total << '\n';
  });
}
