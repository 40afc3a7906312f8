#!/usr/bin/env python3
"""Shows that guarded.py finds what the annotations of libmpx forbid."""

import pathlib
import sys
import tempfile
import unittest

import guarded

LIBRARY = pathlib.Path(__file__).resolve().parents[2] / "libmpx"
FLAGS = ["-std=c++20", f"-I{LIBRARY / 'include'}", f"-I{LIBRARY / 'src'}"]

COMMON = """
#include "core/client_mutex.hpp"
using namespace mpx::detail;
struct Account {
  ClientMutex client;
  ClientCondition changed;
  int come MPX_GUARDED_BY(client_mutex) = 0;
  void count() MPX_REQUIRES(client_mutex) { ++come; }
  void call() MPX_EXCLUDES(client_mutex) {}
  template <class Ready>
  void wait(Ready ready) MPX_REQUIRES(client_mutex) {
    while (!ready()) changed.wait(client);
  }
  Mutex own;
  int kept MPX_GUARDED_BY(own) = 0;
};
"""

GOOD = """
void use(Account& account) {
  ClientLock lock(account.client);
  account.count();
  account.wait([&]() MPX_REQUIRES(client_mutex) { return account.come > 0; });
  {
    const ClientUnlock unlocked(account.client);
    account.call();
  }
  lock.unlock();
  account.call();
  lock.lock();
  account.count();
  const MutexLock both(account.own);
  ++account.kept;
}
"""

BAD = {
    "reading variable 'come'": "int f(Account& a) { return a.come; }",
    "calling function 'count'": "void f(Account& a) { a.count(); }",
    "cannot call function 'call'": "void f(Account& a) { const ClientLock lock(a.client); a.call(); }",
    "writing variable 'come'":
        "void f(Account& a) { ClientLock lock(a.client); lock.unlock(); ++a.come; }",
    "requires holding mutex 'client_mutex'":
        "void f(Account& a) { const ClientLock lock(a.client); "
        "const ClientUnlock unlocked(a.client); a.count(); }",
    "reading variable 'come' requires":
        "void f(Account& a) { const ClientLock lock(a.client); a.wait([&] { return a.come > 0; }); }",
    "acquiring mutex 'client_mutex' that is already held":
        "void f(Account& a) { const ClientLock one(a.client); const ClientLock two(a.client); }",
    "is still held at the end": "void f(Account& a) { a.client.lock(); }",
    "writing variable 'kept'": "void f(Account& a) { const ClientLock lock(a.client); ++a.kept; }",
    "requires holding mutex 'b.own'": "void f(Account& a, Account& b) "
                                      "{ const MutexLock lock(a.own); ++b.kept; }",
}


class Guarded(unittest.TestCase):
    def problems(self, text):
        with tempfile.TemporaryDirectory() as folder:
            source = pathlib.Path(folder) / "unit.cpp"
            source.write_text(COMMON + text)
            return guarded.problems(guarded.find_compiler(), source, FLAGS)

    def test_what_holds_the_mutexes_is_allowed(self):
        self.assertEqual(self.problems(GOOD), "")

    def test_what_does_not_is_refused(self):
        for words, text in BAD.items():
            with self.subTest(text):
                found = self.problems(text)
                self.assertIn(words, found)
                self.assertIn("-Wthread-safety", found)


if __name__ == "__main__":
    if not guarded.find_compiler():
        print("clang++ is missing: guarded.py not tested")
        sys.exit(guarded.names.SKIPPED)
    unittest.main()
